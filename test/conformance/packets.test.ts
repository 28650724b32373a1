/**
 * The same frames through the embedded dataplane and a real VPP (`VPPLB_VPP_COMMAND`): what comes out must be equal.
 */
import assert from "node:assert/strict";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import { arpFrame, echoRequest, hex, ip46, ip4Frame, macOf, unhex } from "../dataplane/support.ts";
import type { Fields } from "./client.ts";
import type { Command } from "./commands.ts";
import { fragment4, fragment6, fragments, ip6Frame, pattern, tagged, udpOf, type Datagram } from "./fragment-frames.ts";
import { namespacesMissing } from "./subject.ts";
import { Wired } from "./wires.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const WIRES = 3;
const OWN = ["02:fe:00:00:00:01", "02:fe:00:00:00:02", "02:fe:00:00:00:03"] as const;
const PEERS = ["02:00:00:00:01:02", "02:00:00:00:02:02", "02:00:00:00:03:02"] as const;
/** Of the third interface only a VLAN routes, so that it can be bridged. */
const ECHO_TAGS = ["", "", "810003e7"] as const;

function api(name: string, fields: Fields): Command {
  return { kind: "api", name, fields };
}

function cli(line: string): Command {
  return { kind: "cli", line };
}

/** Interfaces 1 to 3, and 4 a VLAN on the third, with addresses of both families and known neighbours. */
const SETUP: readonly Command[] = [
  ...[0, 1, 2].map((i) =>
    api("af_packet_create_v3", {
      ...{ mode: 1, hw_addr: OWN[i], use_random_hw_addr: false, host_if_name: `v${i}` },
      ...{ rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 32, tx_frames_per_block: 32 },
      ...{ flags: 0, num_rx_queues: 1, num_tx_queues: 1 },
    }),
  ),
  cli("create sub-interfaces host-v2 999"),
  ...[1, 2, 3, 4].map((sw_if_index) => api("sw_interface_set_mtu", { sw_if_index, mtu: [1500, 0, 0, 0] })),
  ...[1, 2, 3, 4].map((sw_if_index) => api("sw_interface_set_flags", { sw_if_index, flags: 1 })),
  ...["10.1.0.1/24", "10.2.0.1/24", "2001:db8:1::1/64", "2001:db8:2::1/64"].map((prefix, i) =>
    api("sw_interface_add_del_address", {
      ...{ sw_if_index: (i % 2) + 1, is_add: true, del_all: false, prefix: parsePrefix(prefix) },
    }),
  ),
  cli("set interface ip address host-v2.999 10.3.0.1/24"),
  neighbor(4, "10.3.0.2", 2),
  ...["10.1.0.2", "10.2.0.2", "2001:db8:1::2", "2001:db8:2::2"].map((address, i) =>
    neighbor((i % 2) + 1, address, i % 2),
  ),
];

function neighbor(sw_if_index: number, address: string, peer: number): Command {
  const ip_address = parseAddress(address);
  return api("ip_neighbor_add_del", {
    is_add: true,
    neighbor: { sw_if_index, flags: 1, mac_address: PEERS[peer], ip_address },
  });
}

interface Sent {
  readonly wire: number;
  readonly frame: Uint8Array;
}

const TO_FIRST = { dst: OWN[0], src: PEERS[0] };
const first = (frame: Uint8Array): Sent => ({ wire: 0, frame });
const second = (frame: Uint8Array): Sent => ({ wire: 1, frame });

/** Sends all, then asks each interface for an echo: what came before its answer is what the frames gave. */
async function exchange(subject: Wired, sent: readonly Sent[], hideChatter: boolean): Promise<string[][]> {
  for (const wire of subject.wires) {
    wire.poll();
    wire.received.length = 0;
  }
  for (const { wire, frame } of sent) subject.wires[wire]!.send(frame);
  const came: string[][] = [];
  for (const [i, wire] of subject.wires.entries()) {
    const own = (marker += 1);
    const ping = { src: `10.${i + 1}.0.2`, dst: `10.${i + 1}.0.1`, protocol: 1, payload: echoRequest(MARKER, own) };
    wire.send(tagged(ip4Frame(OWN[i]!, PEERS[i]!, ping), ECHO_TAGS[i]!));
    const isAnswer = (frame: Uint8Array): boolean =>
      isMarker(frame) && ((frame[ipOf(frame) + 26]! << 8) | frame[ipOf(frame) + 27]!) === own;
    await subject.until(`answer on wire ${i}`, () => wire.received.some(isAnswer));
  }
  for (const wire of subject.wires) {
    wire.poll();
    // Of one burst VPP sends what it forwards and what it answers in its own order.
    came.push(
      wire.received
        .filter((frame) => !isMarker(frame) && !isListenerReport(frame) && !(hideChatter && isChatter(frame)))
        .map((frame) => hex(plain(frame)))
        .sort(),
    );
  }
  return came;
}

const MARKER = 0x6d6b;
let marker = 0;

/** An answer to one of our echo requests. */
function isMarker(frame: Uint8Array): boolean {
  const ip = ipOf(frame);
  const isEcho = frame[ip - 2] === 8 && frame[ip - 1] === 0 && frame[ip + 9] === 1 && frame[ip + 20] === 0;
  return isEcho && ((frame[ip + 24]! << 8) | frame[ip + 25]!) === MARKER;
}

/** Where the tags end. */
function ipOf(frame: Uint8Array): number {
  let at = 12;
  while ((frame[at] === 0x81 && frame[at + 1] === 0) || (frame[at] === 0x88 && frame[at + 1] === 0xa8)) at += 4;
  return at + 2;
}

/** What VPP sends of its own accord: router and multicast listener messages, gratuitous ARP. */
function isChatter(frame: Uint8Array): boolean {
  const ip = ipOf(frame);
  return (frame[0]! & 1) === 1 && frame[ip - 2] === 0x86 && frame[ip - 1] === 0xdd;
}

/** To all MLDv2 routers: VPP tells its groups by a timer of its own. */
function isListenerReport(frame: Uint8Array): boolean {
  return Buffer.from(frame.subarray(0, 6)).toString("hex") === "333300000016";
}

/** Without what is random: identifications of packets that VPP and the embedded dataplane make. */
function plain(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  const ip = ipOf(copy);
  const isMade = copy[ip - 2] === 8 && copy[ip - 1] === 0 && (copy[ip + 9] === 47 || copy[ip + 9] === 1);
  if (isMade) copy.fill(0, ip + 4, ip + 6).fill(0, ip + 10, ip + 12);
  return copy;
}

/** All orders of a few things. */
function orders<T>(things: readonly T[]): T[][] {
  if (things.length <= 1) return [[...things]];
  return things.flatMap((thing, i) =>
    orders([...things.slice(0, i), ...things.slice(i + 1)]).map((rest) => [thing, ...rest]),
  );
}

describe("packets, beside a real VPP", function () {
  this.timeout(120_000);
  let subjects: Wired[] = [];

  before(function () {
    const missing = namespacesMissing();
    const reason =
      missing ?? (VPP_COMMAND === undefined ? "VPPLB_VPP_COMMAND names no command that runs a VPP" : undefined);
    if (reason === undefined) return;
    console.log(`      skipped: ${reason}`);
    this.skip();
  });

  afterEach(async () => {
    await Promise.all(subjects.map((subject) => subject.stop()));
    subjects = [];
  });

  /** The VPP's lb plugin is newer than the one of 26.06, which is embedded: its tables give other servers. */
  const isNewer = (): boolean => subjects[1]!.client.listed.has("lb_conf_get_51077d14");

  /** Both, set up alike. */
  async function start(setup: readonly Command[]): Promise<void> {
    for (const command of [undefined, VPP_COMMAND]) subjects.push(await Wired.start(WIRES, command));
    const answers = await Promise.all(subjects.map((subject) => subject.run([...SETUP, ...setup])));
    assert.deepEqual(answers[0], answers[1], "set up alike");
  }

  /** Both give the same; returns it. */
  async function same(what: string, sent: readonly Sent[], hideChatter = true): Promise<string[][]> {
    const [ours, theirs] = await Promise.all(subjects.map((subject) => exchange(subject, sent, hideChatter)));
    assert.deepEqual(ours, theirs, what);
    return theirs!;
  }

  async function sameCounters(node: string): Promise<void> {
    const texts = await Promise.all(subjects.map((subject) => subject.client.cli("show errors")));
    const [ours, theirs] = texts.map(({ reply }) =>
      reply
        .split("\n")
        .filter((line) => line.includes(node))
        .map((line) => line.trim().split(/\s+/).slice(0, 1).join() + line.replace(/^.*?(?=ip[46]-)/, " "))
        .sort(),
    );
    assert.deepEqual(ours, theirs, `show errors of ${node}`);
  }

  // What the kernel takes off a frame VPP takes for 802.1q, whatever it was (plugins/af_packet/node.c): 802.1ad comes out
  // of a rewrite here, never in.
  const subs: readonly Command[] = [
    cli("create sub-interfaces host-v0 100"),
    cli("create sub-interfaces host-v0 200 dot1q 200 inner-dot1q 7 exact-match"),
    cli("create sub-interfaces host-v1 300 dot1q 300"),
    cli("create sub-interfaces host-v1 400 dot1q 400 inner-dot1q any"),
    cli("create sub-interfaces host-v1 500 default"),
    ...[5, 6, 7, 8, 9].map((sw_if_index) => api("sw_interface_set_flags", { sw_if_index, flags: 1 })),
  ];

  it("VLAN sub-interfaces route and answer", async () => {
    await start([
      ...subs,
      cli("set interface ip address host-v0.100 10.100.0.1/24"),
      cli("set interface ip address host-v0.200 10.200.0.1/24"),
      cli("set interface ip address host-v0.100 2001:db8:100::1/64"),
      neighbor(5, "10.100.0.2", 0),
      neighbor(6, "10.200.0.2", 0),
      neighbor(5, "2001:db8:100::2", 0),
    ]);
    const ping = (src: string, dst: string): Uint8Array =>
      ip4Frame(OWN[0], PEERS[0], { src, dst, protocol: 1, payload: echoRequest(1, 2) });
    const who = { mac: PEERS[0], ip: "10.100.0.2" };
    const arp = arpFrame("ff:ff:ff:ff:ff:ff", PEERS[0], 1, who, { mac: "00:00:00:00:00:00", ip: "10.100.0.1" });
    const sent = [
      first(tagged(arp, "81000064")),
      first(tagged(ping("10.100.0.2", "10.100.0.1"), "81000064")),
      first(tagged(ping("10.100.0.2", "10.100.0.1"), "8100a064")),
      first(tagged(ping("10.200.0.2", "10.200.0.1"), "810000c8 81000007")),
      first(tagged(ping("10.1.0.2", "10.1.0.1"), "8100e000")),
      // The wrong interface, tags, address or number of tags.
      first(ping("10.100.0.2", "10.100.0.1")),
      first(tagged(ping("10.100.0.2", "10.100.0.1"), "81000065")),
      first(tagged(ping("10.100.0.2", "10.100.0.1"), "81000064 81000064")),
      first(tagged(ping("10.200.0.2", "10.200.0.1"), "81000064 81000007")),
      first(tagged(ip4Frame(OWN[1], PEERS[0], { src: "10.100.0.2", dst: "10.100.0.1" }), "81000064")),
      // Between them, and to the other wire.
      first(tagged(ping("10.100.0.2", "10.200.0.2"), "81000064")),
      first(tagged(ping("10.100.0.2", "10.2.0.2"), "81000064")),
      second(ip4Frame(OWN[1], PEERS[1], { src: "10.2.0.2", dst: "10.100.0.2" })),
      first(
        tagged(ip6Frame(TO_FIRST, { src: "2001:db8:100::2", dst: "2001:db8:2::2", next: 17 }, udpOf(SIX)), "81000064"),
      ),
      // As long as the link allows, with the tag on top.
      second(ip4Frame(OWN[1], PEERS[1], { src: "10.2.0.2", dst: "10.100.0.2", payload: pattern(1480, 1) })),
    ];
    let answered = 0;
    // One at a time: what VPP looks up for a tag in a burst can depend on the frames before.
    for (const [n, one] of sent.entries()) {
      const came = await same(`frame ${n}`, [one]);
      answered += came.flat().length;
    }
    assert.equal(answered, 11, "those for it were answered or forwarded");
  });

  const rewrites: readonly Command[] = [
    ...[5, 6, 7, 8, 9, 3].map((rx_sw_if_index) =>
      api("sw_interface_set_l2_bridge", { rx_sw_if_index, bd_id: 9, port_type: 0, shg: 0, enable: true }),
    ),
    cli("set interface l2 tag-rewrite host-v0.100 pop 1"),
    cli("set interface l2 tag-rewrite host-v0.200 translate 2-1 dot1q 50"),
    cli("set interface l2 tag-rewrite host-v1.300 translate 1-2 dot1ad 60 61"),
    cli("set interface l2 tag-rewrite host-v1.400 push dot1q 70"),
  ];

  it("tags are rewritten in a bridge domain as VPP does", async () => {
    await start([...subs, ...rewrites]);
    const flows = [
      ["02:00:00:00:aa:01", 0, "81000064"],
      ["02:00:00:00:aa:02", 0, "810000c8 81000007"],
      ["02:00:00:00:aa:03", 1, "8100012c"],
      ["02:00:00:00:aa:04", 1, "81000190 81000009"],
      ["02:00:00:00:aa:05", 1, "81000fff"],
      ["02:00:00:00:aa:06", 2, ""],
      ["02:00:00:00:aa:08", 2, "81000123"],
      ["02:00:00:00:aa:07", 1, "8100012c 81000005 81000006"],
    ] as const;
    const sent: Sent[] = [];
    for (const dst of ["ff:ff:ff:ff:ff:ff", ...flows.map(([mac]) => mac)]) {
      for (const [src, wire, tags] of flows) {
        const frame = ip4Frame(dst, src, { src: "10.9.0.1", dst: "10.9.0.2", payload: pattern(64, src.length) });
        sent.push({ wire, frame: tagged(frame, tags) });
      }
    }
    // One at a time: in a burst VPP learns and floods batch by batch.
    for (const one of sent) await same(`${one.wire} ${hex(one.frame).slice(0, 48)}`, [one]);
  });

  it("ARP and neighbour solicitations are answered by the bridge domain that knows", async () => {
    await start([
      ...subs,
      ...rewrites,
      cli("set bridge-domain arp term 9"),
      cli("set bridge-domain arp entry 9 10.9.0.7 02:00:00:00:77:07"),
      cli("set bridge-domain arp entry 9 2001:db8:9::7 02:00:00:00:77:07"),
    ]);
    const src = "02:00:00:00:aa:01";
    const arp = (opcode: 1 | 2, sender: string, target: string, mac = src): Uint8Array =>
      arpFrame("ff:ff:ff:ff:ff:ff", src, opcode, { mac, ip: sender }, { mac: "00:00:00:00:00:00", ip: target });
    const solicitation = (from: string, target: string): Uint8Array => {
      const icmp = new Uint8Array(32);
      icmp.set([135, 0, 0, 0]);
      icmp.set(ip46(target), 8);
      icmp.set([1, 1, ...macOf(src)], 24);
      const macs = { dst: "33:33:ff:00:00:07", src };
      const frame = ip6Frame(macs, { src: from, dst: "ff02::1:ff00:7", next: 58, hopLimit: 255 }, icmp);
      const pseudo = Uint8Array.from([...frame.subarray(22, 54), 0, 0, 0, 32, 0, 0, 0, 58, ...icmp]);
      new DataView(frame.buffer).setUint16(56, checksumOf(pseudo));
      return frame;
    };
    const third = (frame: Uint8Array): Sent => ({ wire: 2, frame });
    const sent = [
      first(tagged(arp(1, "10.9.0.1", "10.9.0.7"), "81000064")),
      second(tagged(arp(1, "10.9.0.1", "10.9.0.7"), "8100012c")),
      third(arp(1, "10.9.0.1", "10.9.0.7")),
      third(arp(1, "10.9.0.1", "10.9.0.8")),
      third(arp(2, "10.9.0.1", "10.9.0.7")),
      third(arp(1, "10.9.0.7", "10.9.0.7")),
      third(arp(1, "10.9.0.1", "10.9.0.7", "02:00:00:00:aa:99")),
      third(arp(1, "10.9.0.1", "10.9.0.8", "02:00:00:00:aa:99")),
      third(arp(1, "0.0.0.0", "10.9.0.7")),
      third(arp(1, "224.0.0.1", "10.9.0.7")),
      third(solicitation("2001:db8:9::1", "2001:db8:9::7")),
      third(solicitation("2001:db8:9::1", "2001:db8:9::8")),
      third(solicitation("::", "2001:db8:9::7")),
      first(tagged(solicitation("2001:db8:9::1", "2001:db8:9::7"), "81000064")),
    ];
    let answered = 0;
    for (const [n, one] of sent.entries()) {
      const came = await same(`frame ${n}`, [one], false);
      if (came[one.wire]!.some((frame) => frame.includes("020000007707"))) answered += 1;
    }
    assert.equal(answered, 7);
  });

  it("cross-connects carry everything as it is", async () => {
    await start([
      ...subs,
      cli("set interface l2 xconnect host-v0.100 host-v1.300"),
      cli("set interface l2 xconnect host-v1.300 host-v0.100"),
      cli("set interface l2 xconnect host-v0.200 host-v1.400"),
      cli("set interface l2 tag-rewrite host-v0.100 pop 1"),
      cli("set interface l2 tag-rewrite host-v1.300 pop 1"),
    ]);
    const frame = (seed: number): Uint8Array =>
      ip4Frame("02:00:00:00:99:99", PEERS[0], { src: "10.9.0.1", dst: "10.9.0.2", payload: pattern(100, seed) });
    const came = await same("frames", [
      first(tagged(frame(1), "81000064")),
      second(tagged(frame(2), "8100012c")),
      second(tagged(frame(3), "8100012c 81000009")),
      first(tagged(frame(4), "810000c8 81000007")),
      first(frame(5)),
    ]);
    assert.deepEqual(came, [
      [2, 3].map((seed) => hex(tagged(frame(seed), seed === 2 ? "81000064" : "81000064 81000009"))),
      [hex(tagged(frame(1), "8100012c"))],
      [],
    ]);
  });

  const SIX: Datagram = { src: "2001:db8:1::2", dst: "2001:db8:2::2", id: 7, bytes: 100 };
  const reassemble = (type: number): Command =>
    api("ip_reassembly_enable_disable", { sw_if_index: 1, enable_ip4: true, enable_ip6: true, type });
  /** No datagram of one test is given up before it is whole, however slow the machine. */
  const patient = (type: number, max_reassembly_length = 100, timeout_ms = 600_000): Command[] =>
    [false, true].map((is_ip6) =>
      api("ip_reassembly_set", {
        ...{ timeout_ms, max_reassemblies: 1024, max_reassembly_length, expire_walk_interval_ms: 50, is_ip6, type },
      }),
    );

  for (const family of ["IPv4", "IPv6"] as const) {
    const [src, dst] = family === "IPv4" ? ["10.1.0.2", "10.2.0.2"] : ["2001:db8:1::2", "2001:db8:2::2"];
    const datagram = (id: number, bytes: number): Datagram => ({ src: src!, dst: dst!, id, bytes });

    it(`${family} fragments in every order become the datagram`, async () => {
      await start([...patient(0), reassemble(0)]);
      let id = 100;
      for (const order of orders([0, 1, 2, 3])) {
        const one = datagram((id += 1), 1400);
        const all = fragments(TO_FIRST, one, 400);
        const came = await same(
          `order ${order.join()}`,
          order.map((i) => first(all[i]!)),
        );
        assert.equal(came[1]!.length, 1, "one datagram");
        assert.ok(came[1]![0]!.endsWith(hex(udpOf(one))), "with all its bytes");
      }
      await sameCounters(`${family === "IPv4" ? "ip4" : "ip6"}-full-reassembly`);
    });

    it(`${family} fragments that overlap, repeat or make no sense`, async () => {
      await start([...patient(0), reassemble(0)]);
      const make = family === "IPv4" ? fragment4 : fragment6;
      const one = datagram(1, 1192);
      const payload = udpOf(one);
      let id = 1000;
      const pieces: readonly (readonly [from: number, to: number])[][] = [
        [
          [0, 400],
          [0, 400],
          [400, 1200],
        ],
        [
          [0, 400],
          [200, 800],
          [800, 1200],
        ],
        [
          [400, 800],
          [200, 1000],
          [0, 200],
          [1000, 1200],
        ],
        [
          [400, 800],
          [0, 600],
          [800, 1200],
        ],
        [[0, 1200]],
        [
          [800, 1200],
          [0, 1200],
        ],
        [
          [0, 800],
          [400, 1200],
        ],
        [
          [400, 800],
          [800, 1200],
          [0, 1000],
        ],
        [
          [200, 400],
          [600, 800],
          [0, 1200],
        ],
        [
          [200, 400],
          [600, 800],
          [100, 700],
          [0, 200],
          [800, 1200],
        ],
        [
          [0, 400],
          [800, 1200],
          [400, 800],
        ],
        [
          [0, 404],
          [404, 1200],
        ],
        [
          [0, 4],
          [4, 1200],
        ],
      ];
      for (const [n, list] of pieces.entries()) {
        const fresh = { ...one, id: (id += 1) };
        const sent = list.map(([from, to], i) => {
          // Overlapping bytes differ, so that whose bytes win is seen.
          const part = payload.slice(from, to);
          if (from > 0) part[0]! ^= i;
          return first(make(TO_FIRST, fresh, from & ~7, part, to < 1200));
        });
        await same(`pieces ${n}: ${JSON.stringify(list)}`, sent);
      }
      await sameCounters(`${family === "IPv4" ? "ip4" : "ip6"}-full-reassembly`);
    });

    it(`${family} has limits: fragments of a datagram, datagrams at once, time`, async () => {
      await start([...patient(0, 3, 200), reassemble(0)]);
      let id = 2000;
      for (const count of [2, 3, 4, 5]) {
        const one = datagram((id += 1), count * 200 - 8);
        await same(`${count} fragments`, fragments(TO_FIRST, one, 200).map(first));
      }
      // Given up by time: the next fragments of the same datagram begin anew.
      const late = datagram((id += 1), 592);
      const [a, b, c] = fragments(TO_FIRST, late, 200);
      await same("two fragments", [first(a!), first(b!)]);
      const isOver = /reassemblies count: 0/;
      const shown = family === "IPv4" ? "show ip4-full-reassembly" : "show ip6-full-reassembly";
      for (const subject of subjects) {
        const deadline = Date.now() + 5000;
        while (!isOver.test((await subject.client.cli(shown)).reply)) assert.ok(Date.now() < deadline, "given up");
      }
      for (const subject of subjects) {
        if (family === "IPv6")
          await subject.until("an answer", () => subject.wires[0]!.received.some((frame) => isError(hex(frame))));
        else for (const wire of subject.wires) wire.poll();
      }
      const told = subjects.map((subject) => subject.wires[0]!.received.slice().map((frame) => hex(frame)));
      assert.deepEqual(told[0]!.filter(isError), told[1]!.filter(isError), "what the sender hears");
      assert.equal(told[1]!.filter(isError).length, family === "IPv6" ? 1 : 0);
      await same("the third alone", [first(c!)]);
      // Of the walk VPP counts IPv6 datagrams over and over.
      await sameCounters(`${family === "IPv4" ? "ip4" : "ip6"}-full-reassembly-feature`);
    });

    it(`${family} shallow reassembly keeps fragments until the first came`, async () => {
      await start([...patient(1), reassemble(1)]);
      let id = 3000;
      for (const order of orders([0, 1, 2])) {
        const one = datagram((id += 1), 1192);
        const all = fragments(TO_FIRST, one, 400);
        const came = await same(
          `order ${order.join()}`,
          order.map((i) => first(all[i]!)),
        );
        assert.equal(came[1]!.length, 3, "all fragments pass");
      }
      const other =
        family === "IPv4"
          ? ip4Frame(OWN[0], PEERS[0], { src: src!, dst: dst!, protocol: 132, payload: pattern(40, 1) })
          : ip6Frame(TO_FIRST, { src: src!, dst: dst!, next: 132 }, pattern(40, 1));
      await same("SCTP", [first(other)]);
      await sameCounters(`${family === "IPv4" ? "ip4" : "ip6"}-sv-reassembly`);
    });
  }

  /** An all-port VIP of each family, and one of a port, with two servers each, reached by a link of 1,400 bytes. */
  const balancer: readonly Command[] = [
    api("sw_interface_set_mtu", { sw_if_index: 2, mtu: [1400, 0, 0, 0] }),
    cli("lb conf ip4-src-address 10.2.0.1 ip6-src-address 2001:db8:2::1"),
    cli("lb vip 20.0.0.1/32 encap gre4 new_len 64"),
    cli("lb vip 20.0.0.2/32 protocol udp port 80 encap gre4 new_len 64"),
    cli("lb vip 2001:db8:20::1/128 encap gre6 new_len 64"),
    cli("lb vip 2001:db8:20::2/128 encap gre4 new_len 64"),
    cli("lb as 20.0.0.1/32 10.2.0.2 10.2.0.3"),
    cli("lb as 20.0.0.2/32 protocol udp port 80 10.2.0.2 10.2.0.3"),
    cli("lb as 2001:db8:20::1/128 2001:db8:2::2 2001:db8:2::3"),
    cli("lb as 2001:db8:20::2/128 10.2.0.2 10.2.0.3"),
    neighbor(2, "10.2.0.3", 1),
    neighbor(2, "2001:db8:2::3", 1),
  ];

  it("ICMP about VIPs: by addresses on all ports, dropped on one", async function () {
    await start(balancer);
    if (isNewer()) this.skip();
    const sent: Sent[] = [];
    for (const dst of ["20.0.0.1", "20.0.0.2"]) {
      for (const [n, payload] of [echoRequest(1, 2), error4(3, 4, 1300), error4(3, 1, 0), error4(11, 0, 0)].entries())
        sent.push(first(ip4Frame(OWN[0], PEERS[0], { src: `10.1.0.${n + 2}`, dst, protocol: 1, payload })));
    }
    for (const dst of ["2001:db8:20::1", "2001:db8:20::2"]) {
      for (const type of [128, 1, 2, 3]) {
        const payload = new Uint8Array(pattern(64, type));
        payload.set([type, 0, 0, 0, 0, 0, 5, 0]);
        sent.push(first(ip6Frame(TO_FIRST, { src: `2001:db8:1::${type}`, dst, next: 58 }, payload)));
      }
    }
    const came = await same("ICMP", sent);
    assert.equal(came[1]!.length, 4 + 8, "those to VIPs of all ports reach some server");
  });

  it("what is too long for the servers' link: gre4 in fragments, gre6 not at all", async function () {
    await start(balancer);
    if (isNewer()) this.skip();
    const lengths = [1348, 1349, 1352, 1353, 1400, 1480];
    for (const length of lengths) {
      for (const dontFragment of [false, true]) {
        const packet = { src: "10.1.0.2", dst: "20.0.0.1", dontFragment, payload: pattern(length, 1) };
        const came = await same(`gre4 ${length} ${dontFragment}`, [first(ip4Frame(OWN[0], PEERS[0], packet))]);
        // 20 bytes of IP, 24 of GRE: the inner "don't fragment" counts for nothing.
        assert.equal(came[1]!.length, length + 44 <= 1400 ? 1 : 2);
      }
      const six = ip6Frame(
        TO_FIRST,
        { src: "2001:db8:1::2", dst: "2001:db8:20::1", next: 17 },
        pattern(length - 40, 1),
      );
      const came6 = await same(`gre6 ${length}`, [first(six)]);
      assert.equal(came6[1]!.length, length + 44 <= 1400 ? 1 : 0);
      assert.equal(came6[0]!.length, 0, "and nobody is told");
      const over4 = ip6Frame(
        TO_FIRST,
        { src: "2001:db8:1::2", dst: "2001:db8:20::2", next: 17 },
        pattern(length - 40, 1),
      );
      await same(`IPv6 in gre4 ${length}`, [first(over4)]);
    }
  });

  it("reassembled datagrams that are too long for the way out", async function () {
    await start([...patient(0), reassemble(0), ...balancer]);
    if (isNewer()) this.skip();
    for (const dst of ["10.2.0.2", "20.0.0.1", "2001:db8:2::2", "2001:db8:20::1", "2001:db8:20::2"]) {
      const isSix = dst.includes(":");
      const one: Datagram = { src: isSix ? "2001:db8:1::2" : "10.1.0.2", dst, id: 99, bytes: 4000 };
      await same(`to ${dst}`, fragments(TO_FIRST, one, 1400).map(first));
    }
  });

  it("fragments to an own address are answered, in fragments", async () => {
    await start([]);
    const echo = echoRequest(3, 4, new Uint8Array(pattern(2992, 1)));
    const macs = TO_FIRST;
    const one: Datagram = { src: "10.1.0.2", dst: "10.1.0.1", id: 77, bytes: 0 };
    const sent = [0, 1000, 2000].map((at) => {
      const frame = fragment4(macs, one, at, echo.subarray(at, at + 1000), at < 2000);
      frame[23] = 1;
      const view = new DataView(frame.buffer);
      view.setUint16(24, 0);
      view.setUint16(24, checksumOf(frame.subarray(14, 34)));
      return first(frame);
    });
    const came = await same("echo", sent);
    assert.ok(came[0]!.length >= 3, "an answer in fragments");
    const six: Datagram = { src: "2001:db8:1::2", dst: "2001:db8:1::1", id: 78, bytes: 0 };
    const echo6 = new Uint8Array(pattern(3000, 1));
    echo6.set([128, 0, 0, 0, 0, 9, 0, 1]);
    const whole = ip6Frame(TO_FIRST, { ...six, next: 58 }, echo6);
    const pseudo = Uint8Array.from([
      ...whole.subarray(22, 54),
      0,
      0,
      echo6.length >> 8,
      echo6.length & 255,
      0,
      0,
      0,
      58,
    ]);
    new DataView(echo6.buffer).setUint16(2, checksumOf(Uint8Array.from([...pseudo, ...echo6])));
    const pieces = [0, 1000, 2000].map((at) => {
      const frame = fragment6(TO_FIRST, six, at, echo6.subarray(at, at + 1000), at < 2000);
      frame[54] = 58;
      return first(frame);
    });
    const came6 = await same("IPv6 echo", pieces);
    assert.ok(came6[0]!.length >= 3, "an answer in fragments");
  });
});

/** An ICMP error about a packet that a server of the VIP sent. */
function error4(type: number, code: number, mtu: number): Uint8Array {
  const inner = ip4Frame(OWN[0], PEERS[0], { src: "20.0.0.1", dst: "198.51.100.7" }).subarray(14);
  const message = new Uint8Array(8 + inner.length);
  message.set([type, code]);
  message.set(inner, 8);
  const view = new DataView(message.buffer);
  view.setUint16(6, mtu);
  view.setUint16(2, checksumOf(message));
  return message;
}

function checksumOf(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += (header[i]! << 8) | header[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** ICMPv6 time exceeded. */
function isError(frame: string): boolean {
  const bytes = unhex(frame);
  return bytes[12] === 0x86 && bytes[13] === 0xdd && bytes[20] === 58 && bytes[54] === 3;
}
