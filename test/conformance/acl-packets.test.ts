/**
 * Access lists on packets: routed and bridged, in and out, sessions of `permit+reflect`, EtherTypes, fragments. The embedded
 * dataplane passes what is expected; with `VPPLB_VPP_COMMAND` (a command that takes a directory and runs VPP) a real VPP
 * passes the same frames and counts the same.
 */
import assert from "node:assert/strict";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import { arpFrame, echoRequest, hex, ip4Frame, macOf, udp } from "../dataplane/support.ts";
import type { Fields } from "./client.ts";
import type { Command } from "./commands.ts";
import { tagged } from "./fragment-frames.ts";
import { namespacesMissing } from "./subject.ts";
import { Wired } from "./wires.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const NONE = 0xffffffff;
const OWN = ["02:fe:00:00:00:01", "02:fe:00:00:00:02", "02:fe:00:00:00:03"] as const;
const PEERS = ["02:00:00:00:01:02", "02:00:00:00:02:02", "02:00:00:00:03:02"] as const;
const [TCP, UDP, ICMP, ICMP6] = [6, 17, 1, 58] as const;
const [DENY, PERMIT, REFLECT] = [0, 1, 2] as const;
const SYN = 0x02;

function api(name: string, fields: Fields): Command {
  return { kind: "api", name, fields };
}

function cli(line: string): Command {
  return { kind: "cli", line };
}

const SETUP: readonly Command[] = [
  ...[0, 1, 2].map((i) =>
    api("af_packet_create_v3", {
      ...{ mode: 1, hw_addr: OWN[i], use_random_hw_addr: false, host_if_name: `v${i}` },
      ...{ rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 32, tx_frames_per_block: 32 },
      ...{ flags: 0, num_rx_queues: 1, num_tx_queues: 1 },
    }),
  ),
  ...[1, 2, 3].map((sw_if_index) => api("sw_interface_set_flags", { sw_if_index, flags: 1 })),
  ...[1, 2, 3].flatMap((sw_if_index) =>
    [`10.${sw_if_index}.0.1/24`, `2001:db8:${sw_if_index}::1/64`].map((prefix) =>
      api("sw_interface_add_del_address", { sw_if_index, is_add: true, del_all: false, prefix: parsePrefix(prefix) }),
    ),
  ),
  ...[1, 2, 3].flatMap((sw_if_index) =>
    [`10.${sw_if_index}.0.2`, `2001:db8:${sw_if_index}::2`].map((address) =>
      api("ip_neighbor_add_del", {
        is_add: true,
        neighbor: { sw_if_index, flags: 1, mac_address: PEERS[sw_if_index - 1], ip_address: parseAddress(address) },
      }),
    ),
  ),
];

interface RuleOptions {
  readonly action?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly sourcePorts?: readonly [number, number];
  readonly ports?: readonly [number, number];
  readonly flags?: readonly [mask: number, value: number];
}

function rule(given: RuleOptions, family: 4 | 6 = 4): Fields {
  const any = family === 4 ? "0.0.0.0/0" : "::/0";
  const [sourceFirst, sourceLast] = given.sourcePorts ?? [0, 65535];
  const [first, last] = given.ports ?? [0, 65535];
  return {
    is_permit: given.action ?? PERMIT,
    src_prefix: parsePrefix(given.source ?? any),
    dst_prefix: parsePrefix(given.destination ?? any),
    proto: given.protocol ?? 0,
    ...{ srcport_or_icmptype_first: sourceFirst, srcport_or_icmptype_last: sourceLast },
    ...{ dstport_or_icmpcode_first: first, dstport_or_icmpcode_last: last },
    ...{ tcp_flags_mask: given.flags?.[0] ?? 0, tcp_flags_value: given.flags?.[1] ?? 0 },
  };
}

const list = (acl_index: number, ...r: Fields[]) => api("acl_add_replace", { acl_index, tag: "", count: r.length, r });
const bind = (sw_if_index: number, input: number[], output: number[]) =>
  api("acl_interface_set_acl_list", {
    ...{ sw_if_index, count: input.length + output.length, n_input: input.length, acls: [...input, ...output] },
  });

interface Segment {
  readonly from: 0 | 1;
  readonly protocol: number;
  readonly family?: 4 | 6;
  /** Ports, or ICMP type and code. */
  readonly a?: number;
  readonly b?: number;
  readonly flags?: number;
}

/** A packet from one peer to the other, by way of the dataplane. */
function packet({ from, protocol, family = 4, a = 1000, b = 2000, flags = SYN }: Segment): Uint8Array {
  const payload = transport(protocol, a, b, flags);
  if (family === 4) {
    const [src, dst] = [`10.${from + 1}.0.2`, `10.${2 - from}.0.2`];
    return ip4Frame(OWN[from], PEERS[from], { src, dst, protocol, payload });
  }
  const [src, dst] = [from + 1, 2 - from].map((n) => parseAddress(`2001:db8:${n}::2`).un.ip6);
  const header = Uint8Array.of(0x60, 0, 0, 0, 0, payload.length, protocol, 64, ...src!, ...dst!);
  return Uint8Array.from([...macOf(OWN[from]), ...macOf(PEERS[from]), 0x86, 0xdd, ...header, ...payload]);
}

function transport(protocol: number, a: number, b: number, flags: number): Uint8Array {
  if (protocol === UDP) return udp(a, b, new Uint8Array(20));
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  if (protocol === TCP) {
    view.setUint16(0, a);
    view.setUint16(2, b);
    bytes.set([0x50, flags], 12);
  } else bytes.set([a, b], 0);
  return bytes;
}

/** As `packet`, but for the other end's own address: bridged, not routed. */
function bridged(segment: Segment): Uint8Array {
  const frame = packet(segment);
  frame.set(macOf(PEERS[1 - segment.from]!));
  return frame;
}

let marker = 0;

/** Sends frames one after the other and gives what came out of each of the first two wires. */
async function exchange(subject: Wired, frames: readonly (readonly [wire: number, frame: Uint8Array])[]) {
  await settle(subject);
  for (const wire of subject.wires) wire.received.length = 0;
  // One by one: an answer's session must be there before the answer.
  for (const [wire, frame] of frames) {
    subject.wires[wire]!.send(frame);
    await settle(subject);
  }
  return subject.wires.slice(0, 2).map(({ received }) => received.filter((frame) => !isChatter(frame)).map(hex));
}

/** Two echoes, one after the other, on an interface without lists: whatever came in before is through. */
async function settle(subject: Wired): Promise<void> {
  for (let i = 0; i < 2; i += 1) {
    const own = (marker = (marker + 1) & 0xffff);
    const payload = echoRequest(0x6d6b, own);
    subject.wires[2]!.send(ip4Frame(OWN[2], PEERS[2], { src: "10.3.0.2", dst: "10.3.0.1", protocol: ICMP, payload }));
    const isAnswer = (frame: Uint8Array) => ((frame[40]! << 8) | frame[41]!) === own && frame[23] === ICMP;
    await subject.until("an echo", () => subject.wires[2]!.received.some(isAnswer));
  }
}

/** VPP's own multicast listener reports pass the output lists of IPv6, whenever they come. */
function isCounted(line: string): boolean {
  return line.includes("acl-plugin") && !line.includes("acl-plugin-out-ip6-fa");
}

/** What VPP sends of its own accord. */
function isChatter(frame: Uint8Array): boolean {
  return (frame[0]! & 1) === 1 && frame[12] === 0x86 && frame[13] === 0xdd;
}

describe("access lists on packets", function () {
  this.timeout(120_000);
  const subjects: Wired[] = [];

  before(async function () {
    const reason = namespacesMissing();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    if (VPP_COMMAND === undefined) console.log("      VPPLB_VPP_COMMAND is not set: not compared with a real VPP");
    for (const command of VPP_COMMAND === undefined ? [undefined] : [undefined, VPP_COMMAND]) {
      const subject = await Wired.start(3, command);
      subjects.push(subject);
      await subject.run(SETUP);
    }
  });
  after(async () => {
    for (const subject of subjects) await subject.stop();
  });

  /** Runs the calls on all, sends the frames, and checks which of them came out: by their place in what was sent. */
  async function passes(
    commands: readonly Command[],
    sent: readonly Segment[],
    expected: readonly boolean[],
    make = packet,
  ) {
    const results: unknown[] = [];
    for (const subject of subjects) {
      await subject.run([...commands, cli("clear errors")]);
      const came = await exchange(
        subject,
        sent.map((segment) => [segment.from, make(segment)] as const),
      );
      const { reply } = await subject.client.cli("show errors");
      const counters = reply
        .split("\n")
        .filter((line) => isCounted(line))
        .map((line) => line.trim())
        .sort();
      results.push({ came, counters });
      // Each packet leaves by the other wire, its hop limit one less: told by its last bytes, which nobody changes.
      const passed = sent.map((segment) =>
        came[1 - segment.from]!.some(
          (frame) => frame.endsWith(hex(make(segment)).slice(-40)) && sameFlow(frame, make(segment)),
        ),
      );
      assert.deepEqual(passed, expected);
    }
    for (const other of results.slice(1)) assert.deepEqual(other, results[0], "a real VPP does otherwise");
  }

  /** Protocol, addresses and ports; a tag is the same on both sides. */
  function sameFlow(frame: string, sent: Uint8Array): boolean {
    const text = hex(sent);
    if (text.slice(24, 28) === "8100") return frame.slice(24) === text.slice(24);
    const isIp4 = text.slice(24, 28) === "0800";
    const fields = isIp4
      ? [
          [46, 48],
          [52, 76],
        ]
      : [
          [40, 42],
          [44, 116],
        ];
    return fields.every(([from, to]) => frame.slice(from, to) === text.slice(from, to));
  }

  const udpTo = (b: number, from: 0 | 1 = 0): Segment => ({ from, protocol: UDP, b });

  it("in: the first rule that matches decides, and what none matches is denied", async () => {
    const commands = [
      list(NONE, rule({ protocol: UDP, ports: [50, 60], action: DENY }), rule({ protocol: UDP, ports: [53, 80] })),
      list(
        NONE,
        rule({ protocol: TCP, flags: [0x12, SYN], source: "10.1.0.0/24" }),
        rule({ protocol: ICMP, sourcePorts: [8, 8] }),
      ),
      bind(1, [0, 1], []),
    ];
    const sent: Segment[] = [
      ...[49, 50, 53, 60, 61, 80, 81].map((port) => udpTo(port)),
      ...[SYN, 0x12, 0x10].map((flags): Segment => ({ from: 0, protocol: TCP, flags, a: 1000 + flags })),
      ...[8, 0, 13].map((a): Segment => ({ from: 0, protocol: ICMP, a, b: 0 })),
      { from: 0, protocol: UDP, b: 70, family: 6 },
      udpTo(81, 1),
    ];
    const expected = [
      false,
      false,
      false,
      false,
      true,
      true,
      false,
      true,
      false,
      false,
      true,
      false,
      false,
      false,
      true,
    ];
    await passes(commands, sent, expected);
  });

  it("out: after routing, of both families; a list replaced in place counts at once", async () => {
    const commands = [
      bind(1, [], []),
      list(1, rule({ protocol: UDP, ports: [80, 80] }), rule({ protocol: UDP, ports: [80, 80] }, 6)),
      bind(2, [], [1]),
    ];
    const sent: Segment[] = [
      udpTo(80),
      udpTo(81),
      { ...udpTo(80), family: 6 },
      { ...udpTo(81), family: 6 },
      udpTo(81, 1),
    ];
    await passes(commands, sent, [true, false, true, false, true]);
    await passes([list(1, rule({ protocol: UDP, ports: [81, 81] }))], sent, [false, true, false, false, true]);
  });

  it("sessions: answers to what permit+reflect let in go out; nothing else, and nothing once they are cleared", async () => {
    const reflect = [4, 6].map((family) => rule({ action: REFLECT }, family as 4 | 6));
    const commands = [bind(2, [], []), list(0, ...reflect), list(1, rule({ action: DENY })), bind(1, [0], [1])];
    const answers: Segment[] = [
      { from: 1, protocol: UDP, a: 2000, b: 1000 },
      { from: 1, protocol: TCP, a: 2000, b: 1000, flags: 0x12 },
      { from: 1, protocol: ICMP, a: 0, b: 0 },
      { from: 1, protocol: UDP, a: 2000, b: 1000, family: 6 },
      { from: 1, protocol: ICMP6, a: 129, b: 0, family: 6 },
    ];
    const questions: Segment[] = [
      { from: 0, protocol: UDP },
      { from: 0, protocol: TCP },
      { from: 0, protocol: ICMP, a: 8, b: 0 },
      { from: 0, protocol: UDP, family: 6 },
      { from: 0, protocol: ICMP6, a: 128, b: 0, family: 6 },
    ];
    const none = answers.map(() => false);
    const all = answers.map(() => true);
    await passes(commands, [...answers], none);
    const strangers: Segment[] = [
      { from: 1, protocol: UDP, a: 2001, b: 1000 },
      { from: 1, protocol: ICMP, a: 8, b: 0 },
    ];
    await passes([], [...questions, ...answers, ...strangers], [...all, ...all, false, false]);
    // Another list on the interface ends its sessions, too.
    await passes([cli("clear acl-plugin sessions")], [...answers], none);
    await passes([], [questions[0]!, answers[0]!], [true, true]);
    await passes([list(NONE, rule({ action: DENY })), bind(1, [0], [2])], [answers[0]!], [false]);
  });

  it("sessions are looked at again where that is asked for", async () => {
    const commands = [cli("clear acl-plugin sessions"), cli("set acl-plugin reclassify-sessions 1"), bind(1, [0], [2])];
    const question = udpTo(2000);
    const answer: Segment = { from: 1, protocol: UDP, a: 2000, b: 1000 };
    await passes(commands, [question, answer], [true, true]);
    // The input list has other rules now: the known flow is looked at again, its answers are not.
    await passes([list(0, rule({ action: DENY }))], [answer, question], [true, false]);
    await passes([cli("set acl-plugin reclassify-sessions 0")], [answer], [false]);
  });

  it("bridged: the same lists, before learning; what is no IP passes by its EtherType", async () => {
    const commands = [
      bind(1, [], []),
      ...[1, 2].map((rx_sw_if_index) =>
        api("sw_interface_set_l2_bridge", { rx_sw_if_index, bd_id: 7, port_type: 0, shg: 0, enable: true }),
      ),
      list(0, rule({ protocol: UDP, ports: [80, 80] }), rule({ protocol: UDP, ports: [80, 80] }, 6)),
      bind(1, [0], []),
    ];
    const sent: Segment[] = [
      udpTo(80),
      udpTo(81),
      { ...udpTo(80), family: 6 },
      { ...udpTo(81), family: 6 },
      udpTo(81, 1),
    ];
    await passes(commands, sent, [true, false, true, false, true], bridged);
    await passes([bind(1, [], [0])], sent, [true, true, true, true, false], bridged);
    const ask = arpFrame(
      "ff:ff:ff:ff:ff:ff",
      PEERS[0],
      1,
      { mac: PEERS[0], ip: "10.1.0.2" },
      { mac: "00:00:00:00:00:00", ip: "10.1.0.9" },
    );
    const arps = async (input: readonly number[], bound: number[]) => {
      const counts: number[] = [];
      for (const subject of subjects) {
        const whitelist = { sw_if_index: 1, count: input.length, n_input: input.length, whitelist: input };
        await subject.run([api("acl_interface_set_etype_whitelist", whitelist), bind(1, bound, [])]);
        counts.push((await exchange(subject, [[0, ask]]))[1]!.length);
      }
      assert.equal(new Set(counts).size, 1, "a real VPP does otherwise");
      return counts[0];
    };
    assert.equal(await arps([], [0]), 1, "without a list of EtherTypes");
    assert.equal(await arps([0x88cc], [0]), 0, "with another one's");
    assert.equal(await arps([0x88cc, 0x0806], [0]), 1, "with its own");
    assert.equal(await arps([0x88cc], []), 1, "without access lists");
    const withTag = (segment: Segment): Uint8Array => tagged(bridged(segment), "81000064");
    const tags = [
      api("acl_interface_set_etype_whitelist", { sw_if_index: 1, count: 0, n_input: 0, whitelist: [] }),
      cli("create sub-interfaces host-v0 100"),
      cli("create sub-interfaces host-v1 100"),
      cli("set interface state host-v0.100 up"),
      cli("set interface state host-v1.100 up"),
      cli("set interface l2 bridge host-v0.100 8"),
      cli("set interface l2 bridge host-v1.100 8"),
      bind(4, [0], []),
    ];
    await passes(tags, sent, [true, false, true, false, true], withTag);
  });
});
