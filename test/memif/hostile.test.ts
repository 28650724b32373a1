/** Peers that break the rules: nobody may make us read elsewhere, spin, block, crash, leak, or refuse an honest peer. */
import assert from "node:assert/strict";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { BAD, EMPTY, MemifListener, MemifMaster, MemifSlave } from "../../src/memif/index.ts";
import type { MemifLink } from "../../src/memif/index.ts";
import { secretBytes, VERSION, type Message } from "../../src/memif/protocol.ts";
import { ringBytes } from "../../src/memif/ring.ts";
import { SOCK_STREAM } from "../../src/sys/constants.ts";
import { openEventFd } from "../../src/sys/eventfd.ts";
import { createMemfd, mapMemory } from "../../src/sys/mmap.ts";
import { closeFd, openSocketPair } from "../../src/sys/sockets.ts";
import { RawPeer } from "./raw-peer.ts";
import { connectedPair, eventually, memory, settledResources, socketDirectory, Told } from "./support.ts";

const ROOM = 9216;
/** A message and the descriptors with it. */
type Step = readonly [Message | Uint8Array, number[]?];
const INIT: Message = { type: "init", version: VERSION, id: 0, mode: 0, secret: secretBytes(""), name: "hostile" };
const LOG2 = 4;
const REGION_BYTES = 2 * ringBytes(LOG2) + 4096;

function ring(s2m: boolean, change: object = {}): Message {
  const offset = s2m ? 0 : ringBytes(LOG2);
  const whole = { type: "add-ring", s2m, index: 0, region: 0, offset, log2RingSize: LOG2, privateHeaderBytes: 0 };
  return { ...whole, ...change } as Message;
}

describe("a hostile memif slave", () => {
  let directory: ReturnType<typeof socketDirectory>;
  let listener: MemifListener;
  let told: Told;
  const fds: number[] = [];

  beforeEach(() => {
    directory = socketDirectory();
    listener = MemifListener.open(join(directory.path, "m.sock"));
    told = new Told();
    new MemifMaster(listener, { id: 0 }, told).start();
  });
  afterEach(() => {
    listener.close();
    directory.close();
    fds.splice(0).forEach(closeFd);
  });

  function keep(fd: number): number {
    fds.push(fd);
    return fd;
  }

  /** A region with rings that are in order. */
  function region(options: { sealed?: boolean; size?: number } = {}): number {
    const { sealed = true, size = REGION_BYTES } = options;
    const fd = keep(createMemfd("memif-test", size, { sealed }));
    if (size < REGION_BYTES) return fd;
    const map = mapMemory(size, { fd });
    for (const offset of [0, ringBytes(LOG2)]) map.view.setUint32(offset, 0x3e31f20, true);
    map.close();
    return fd;
  }

  const event = (): number => keep(openEventFd().fd);

  /** Says all of it; what the master answers in the end. */
  async function answerTo(steps: readonly Step[]): Promise<string> {
    const peer = new RawPeer(listener.path);
    try {
      assert.equal(typeof (await peer.until("hello")), "object");
      for (const [message, passed] of steps) peer.send(message, passed);
      for (;;) {
        const message = await peer.next();
        if (message === "closed") return "closed";
        if (message.type === "disconnect") return message.reason;
        if (message.type === "connected") return "connected";
      }
    } finally {
      peer.close();
    }
  }

  const good = (): Step[] => [
    [INIT],
    [{ type: "add-region", index: 0, size: REGION_BYTES }, [region()]],
    [ring(true), [event()]],
    [ring(false), [event()]],
    [{ type: "connect", interfaceName: "x" }],
  ];

  /** The honest handshake with one step replaced. */
  const instead = (at: number, message: Message | Uint8Array, passed: number[] = []): Step[] =>
    good().map((step, i) => (i === at ? [message, passed] : step));

  it("connects when it does all right (control)", async () => {
    assert.equal(await answerTo(good()), "connected");
  });

  it("is told why its region is refused", async () => {
    const addRegion = (size: number, index = 0): Message => ({ type: "add-region", index, size });
    const file = join(directory.path, "file");
    writeFileSync(file, new Uint8Array(REGION_BYTES));
    const fd = openSync(file, "r+");
    try {
      for (const [message, passed, reason] of [
        [addRegion(REGION_BYTES), [region({ sealed: false })], "region is not sealed"],
        [addRegion(REGION_BYTES), [fd], "region is not sealed"],
        [addRegion(REGION_BYTES), [event()], "region is not a memory file"],
        [addRegion(REGION_BYTES), [region({ size: 4096 })], `region of ${REGION_BYTES} bytes in a file of 4096`],
        [addRegion(2 ** 40), [region()], `region of ${2 ** 40} bytes`],
        [addRegion(0), [region()], "region of 0 bytes"],
        [addRegion(REGION_BYTES), [], "missing memory region fd"],
        [addRegion(REGION_BYTES, 1), [region()], "unexpected region index"],
      ] as const) {
        assert.equal(await answerTo(instead(1, message, [...passed])), reason);
      }
    } finally {
      closeSync(fd);
    }
  });

  it("is told why its rings are refused", async () => {
    const [a, b] = openSocketPair(SOCK_STREAM);
    fds.push(a, b);
    for (const [change, passed, reason] of [
      [{}, [a], "interrupt descriptor is no eventfd"],
      [{}, [], "missing ring interrupt fd"],
      [{ privateHeaderBytes: 8 }, [event()], "private headers not supported"],
      [{ index: 1 }, [event()], "unexpected ring index"],
      [{ region: 1 }, [event()], "ring in an unknown region"],
      [{ offset: REGION_BYTES - 64 }, [event()], `ring at ${REGION_BYTES - 64} does not fit its region`],
      [{ offset: 0xfffffffc }, [event()], `ring at ${0xfffffffc} does not fit its region`],
      [{ offset: 2 }, [event()], "ring at 2 does not fit its region"],
      [{ offset: 1024 }, [event()], "wrong cookie on ring 0"],
      [{ log2RingSize: 200 }, [event()], "ring of 2^200 slots"],
    ] as const) {
      assert.equal(await answerTo(instead(2, ring(true, change), [...passed])), reason);
    }
    assert.equal(await answerTo([good()[0]!, good()[1]!, [{ type: "connect", interfaceName: "x" }]]), "no rings");
  });

  it("is told what does not fit in what it says", async () => {
    for (const [message, reason] of [
      [{ ...INIT, mode: 1 }, "mode mismatch"],
      [{ ...INIT, version: 0x100 }, "unsupported version"],
      [{ ...INIT, id: 9 }, "unmatched interface id"],
      [{ type: "ack" }, "unexpected message received"],
      [new Uint8Array(164).fill(1), "message of 164 bytes"],
      [new Uint8Array(64).fill(1), "unknown message type (0x101)"],
    ] as const) {
      assert.equal(await answerTo(instead(0, message)), reason);
    }
    assert.equal(await answerTo([[INIT], [INIT]]), "unexpected message init");
  });

  it("may say anything in any order with any descriptors: nothing leaks, and an honest one still connects", async function () {
    this.timeout(60_000);
    const before = await settledResources();
    const step = fc.record({
      kind: fc.constantFrom("region", "ring", "ring", "connect", "init", "random", "disconnect", "hello"),
      number: fc.nat({ max: 3 }),
      s2m: fc.boolean(),
      descriptors: fc.array(fc.constantFrom("region", "unsealed", "event", "socket"), { maxLength: 3 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, withInit) => {
        const own: number[] = [];
        const [a, b] = openSocketPair(SOCK_STREAM);
        const made = { region: region(), unsealed: region({ sealed: false }), event: event(), socket: a };
        own.push(b, a, ...fds.splice(0));
        const peer = new RawPeer(listener.path);
        if (withInit) peer.send(INIT);
        for (const { kind, number, s2m, descriptors, bytes } of steps) {
          const message: Record<string, Message | Uint8Array> = {
            region: { type: "add-region", index: number, size: REGION_BYTES },
            ring: ring(s2m, { index: number, region: number >> 1 }),
            ...{ connect: { type: "connect", interfaceName: "x" }, init: { ...INIT, id: number } },
            ...{
              random: bytes,
              disconnect: { type: "disconnect", code: 1, reason: "because" },
              hello: new Uint8Array(128).fill(2),
            },
          };
          peer.send(
            message[kind]!,
            descriptors.map((name) => made[name]),
          );
        }
        await new Promise(setImmediate);
        peer.close();
        own.forEach(closeFd);
      }),
      { numRuns: 300 },
    );
    const slaveTold = new Told();
    const slave = new MemifSlave({ id: 0, socketPath: listener.path, minRetryMs: 5, maxRetryMs: 20 }, slaveTold);
    slave.start();
    await eventually("the honest one is up", () => slaveTold.link && told.link);
    slave.stop();
    await eventually("and down", () => told.link === undefined);
    assert.deepEqual(await settledResources(), before);
  });
});

function faultOf(link: MemifLink): string | undefined {
  return link.fault?.reason;
}

/** Deterministic garbage. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("hostile shared memory", () => {
  /** What a peer may do to the victim's rings: heads, tails, flags and descriptors, with likely and unlikely values. */
  function scribble(evil: MemifLink, next: (below: number) => number): void {
    const [region] = evil.regions;
    const { view } = region!;
    const rings = [...evil.receive, ...evil.transmit].map(({ ring: one }) => one);
    const target = rings[next(rings.length)]!;
    const word = (): number => [next(65536), target.head, target.tail + next(4), target.size, 0][next(5)]!;
    switch (next(4)) {
      case 0:
        return view.setUint16(target.offset + 6, word() & 0xffff, true);
      case 1:
        return view.setUint16(target.offset + 64, word() & 0xffff, true);
      case 2:
        return view.setUint16(target.offset + 4, next(2), true);
      default: {
        const at = target.descriptors + next(target.size) * 16;
        view.setUint16(at, next(3), true);
        view.setUint16(at + 2, [0, 0, 1, 0xffff][next(4)]!, true);
        view.setUint32(at + 4, [next(3000), 0, 0xffffffff, region!.size][next(4)]!, true);
        view.setUint32(at + 8, [next(region!.size), 0xffffffff, region!.size - next(64)][next(3)]!, true);
      }
    }
  }

  /** One turn of an interface that polls, sends and sleeps. Counts are bounded by the rings, whatever is in them. */
  function turn(victim: MemifLink, target: ReturnType<typeof memory>): void {
    for (const queue of victim.receive) {
      const there = queue.look();
      assert.ok(there <= queue.ring.size);
      let reads = 0;
      for (let length = 1; length !== EMPTY; reads += 1) {
        length = queue.read(target, 128, ROOM);
        assert.ok(length === BAD || (length >= 0 && length <= ROOM));
        assert.ok(reads <= there, "no more packets than slots");
      }
      queue.release();
    }
    for (const queue of victim.transmit) {
      for (let i = 0; i <= queue.ring.size && queue.send(target, 0, 1 + ((i * 97) % 2000)); i += 1)
        assert.ok(i < queue.ring.size, "no more packets than slots");
      queue.flush();
    }
    victim.sleep();
    victim.wake();
  }

  for (const victimIs of ["master", "slave"] as const) {
    it(`of a ${victimIs === "master" ? "slave" : "master"} is survived by the ${victimIs}, and ended when it contradicts itself`, async function () {
      this.timeout(60_000);
      const pair = await connectedPair({ ringSize: 32, bufferSize: 256, maxRetryMs: 5 });
      const next = random(7);
      const target = memory();
      // Before and after what may be written.
      target.bytes.fill(0xaa);
      let faults = 0;
      try {
        for (let round = 0; round < 30_000; round += 1) {
          const [victim, evil] =
            victimIs === "master" ? [pair.atMaster.link, pair.atSlave.link] : [pair.atSlave.link, pair.atMaster.link];
          if (victim === undefined || evil === undefined) {
            await eventually("it comes back", () => pair.atMaster.link && pair.atSlave.link);
            continue;
          }
          for (let i = next(4); i > 0; i -= 1) scribble(evil, next);
          turn(victim, target);
          assert.ok(
            target.bytes.subarray(0, 128).every((byte) => byte === 0xaa),
            "nothing before the room",
          );
          assert.ok(
            target.bytes.subarray(128 + ROOM).every((byte) => byte === 0xaa),
            "nothing behind it",
          );
          if (victim.fault === undefined) continue;
          faults += 1;
          (victimIs === "master" ? pair.master : pair.slave).fail(victim.fault);
          pair.atMaster.link = pair.atSlave.link = undefined;
          if (faults > 200) break;
        }
        assert.ok(faults > 50, `${faults} contradictions were seen`);
      } finally {
        pair.close();
      }
    });
  }

  it("with a chain of descriptors that has no end, or not yet one, is no work", async () => {
    const pair = await connectedPair({ ringSize: 8, bufferSize: 64 });
    try {
      const victim = pair.atMaster.link!;
      const evil = pair.atSlave.link!.transmit[0]!.ring;
      for (let slot = 0; slot < 8; slot += 1) {
        const at = evil.descriptors + slot * 16;
        evil.region.view.setUint32(at, 1, true);
        evil.region.view.setUint32(at + 4, 10, true);
        evil.region.view.setUint32(at + 8, 4096 < evil.region.size ? 1024 : 0, true);
      }
      evil.head = 5;
      const [queue] = victim.receive;
      const target = memory();
      assert.equal(queue!.look(), 5);
      assert.equal(queue!.read(target, 0, ROOM), EMPTY);
      assert.equal(victim.sleep(), true, "half a packet keeps nobody awake");
      assert.equal(faultOf(victim), undefined);
      evil.head = 8;
      assert.equal(queue!.look(), 8);
      assert.equal(queue!.read(target, 0, ROOM), EMPTY);
      assert.equal(faultOf(victim), "chain of descriptors without end");
    } finally {
      pair.close();
    }
  });
});
