/**
 * `show trace`: a traced packet's records in the words of VPP's nodes. What a record here does not have (buffer pointers
 * and VPP's buffer indexes, the kernel ring's block addresses) is printed as 0.
 */
import type { Dataplane } from "../../dataplane.ts";
import type { Adjacency } from "../../fib/types.ts";
import type { TracedPacket } from "../../model.ts";
import type { TraceData } from "../../trace/trace.ts";
import { nameOrDeleted } from "../context.ts";
import { clockText, hex, ip46Text, macText } from "../format.ts";
import { aclTraceText } from "./acl.ts";
import { FibText } from "./fib.ts";
import { lbVipText } from "./lb.ts";
import { arpText, frameText, ip4PacketText, ip6PacketText } from "./packet.ts";

/** Bytes of the virtio-net header before each frame that VPP hands to the kernel. */
const VNET_HEADER_BYTES = 10;
/** VLIB_BUFFER flags of a forwarded packet, as VPP shows them on an interface's output. */
const OUTPUT_FLAGS = "0x00180005";
/** What VPP's rewrite node keeps of a packet. */
const REWRITE_BYTES = 60;

/** Arcs of abf-input-ip4 in the order in which VPP makes them: its drop, the first policy's target, the next feature. */
const ABF_NEXT_DPO = 1;
const ABF_NEXT_FEATURE = 2;

type Data<K extends TraceData["kind"]> = Extract<TraceData, { kind: K }>;

function hexU32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}

function kernelHeader(h: {
  status: number;
  length: number;
  snap: number;
  mac: number;
  net: number;
  s: number;
  ns: number;
}) {
  return [
    "    tpacket3_hdr:",
    `      status 0x${h.status.toString(16)} len ${h.length} snaplen ${h.snap} mac ${h.mac} net ${h.net}`,
    `      sec 0x${h.s.toString(16)} nsec 0x${h.ns.toString(16)} vlan 0 vlan_tpid 0`,
    "    vnet-hdr:",
    "      flags 0x00 gso_type 0x00 hdr_len 0",
    "      gso_size 0 csum_start 0 csum_offset 0",
  ];
}

function rxText(d: Data<"af-packet-input">): string {
  return [
    `af_packet: hw_if_index ${d.hwIfIndex} rx-queue 0 next-index 4`,
    `    block ${d.block}:`,
    `      address 0x0 version 2 seq_num ${d.sequence} pkt_num ${d.packet}`,
    ...kernelHeader({
      ...{ status: d.status, length: d.length, snap: d.snapLength, mac: d.mac, net: d.net },
      ...{ s: d.seconds, ns: d.nanoseconds },
    }),
  ].join("\n");
}

function txText(d: Data<"tx">, handle: number): string {
  const length = d.length + VNET_HEADER_BYTES;
  return [
    `af_packet: hw_if_index ${d.hwIfIndex} tx-queue 0`,
    ...kernelHeader({ status: 1, length, snap: length, mac: 0, net: 0, s: 0, ns: 0 }),
    "    buffer 0x0:",
    `      current data 0, length ${d.length}, buffer-pool 0, ref-count 1, trace handle 0x${handle.toString(16)}`,
    "      l2-hdr-offset 0 l3-hdr-offset 14 ",
    `    ${frameText(d.data, "    ", true)}`,
  ].join("\n");
}

function packetText(data: Uint8Array): string {
  return (data[0] ?? 0) >> 4 === 6 ? ip6PacketText(data, "  ") : ip4PacketText(data, "  ");
}

function ipText(node: string, d: Data<"ip">): string {
  if (!node.endsWith("lookup") && !node.endsWith("load-balance")) return packetText(d.data);
  return `fib ${d.fibIndex} dpo-idx ${d.dpoIndex} flow hash: ${hexU32(d.flowHash)}\n  ${packetText(d.data)}`;
}

function rewriteText(dp: Dataplane, d: Data<"rewrite">): string {
  const adjacency: Adjacency | undefined = dp.fib.adjacencies.pool.get(d.dpoIndex);
  const via = adjacency === undefined ? "<invalid adjacency>" : new FibText(dp).adjacency(adjacency);
  const lines = [`tx_sw_if_index ${d.swIfIndex} dpo-idx ${d.dpoIndex} : ${via} flow hash: ${hexU32(d.flowHash)}`];
  const bytes = d.data.subarray(0, REWRITE_BYTES);
  for (let at = 0; at < bytes.length; at += 32) {
    lines.push(`  ${at.toString(16).padStart(8, "0")}: ${hex(bytes.subarray(at, at + 32))}`);
  }
  return lines.join("\n");
}

function lbText(dp: Dataplane, d: Data<"lb">): string {
  const vip = dp.lb.vips.get(d.vipIndex);
  const as = dp.lb.ases.get(d.asIndex);
  const server = as === undefined ? "" : `${ip46Text(as.address)} ${as.used ? "used" : "removed"}`;
  return `lb vip[${d.vipIndex}]: ${vip === undefined ? "" : lbVipText(vip)}\nlb as[${d.asIndex}]: ${server}\n`;
}

function macs(data: Uint8Array): string {
  return `dst ${macText(data.subarray(0, 6))} src ${macText(data.subarray(6, 12))}`;
}

function l2InputText(dp: Dataplane, d: Data<"l2-input" | "l2-output" | "l2-flood">): string {
  const attached = dp.interfaces.get(d.swIfIndex)?.l2;
  const domain = attached === undefined ? undefined : dp.bridges.domains.get(attached.bdIndex);
  // A BVI's frames are not learned from: the domain knows its address.
  const learn = domain?.learn === true && attached?.portType !== "bvi";
  const features = [
    ...(learn ? ["l2-learn"] : []),
    ...(domain?.forward === true ? ["l2-fwd"] : []),
    ...(domain?.uuFlood === true ? ["l2-flood"] : []),
    ...(domain?.flood === true ? ["l2-flood"] : []),
  ];
  return `l2-input: sw_if_index ${d.swIfIndex} ${macs(d.data)} [${features.map((name) => `${name} `).join("")}]`;
}

function l2FwdText(d: Data<"l2-fwd">): string {
  const flags = (d.resultStatic ? 1 : 0) | (d.resultStatic ? 2 : 0) | (d.resultBvi ? 4 : 0) | (d.resultFilter ? 8 : 0);
  const raw =
    d.resultSwIfIndex < 0
      ? 0xffffffffn
      : BigInt(d.resultSwIfIndex) | (BigInt(flags) << 32n) | (BigInt(d.resultSequence) << 48n);
  const names = [
    ...(d.resultStatic ? ["age-not", "static"] : []),
    ...(d.resultBvi ? ["bvi"] : []),
    ...(d.resultFilter ? ["filter"] : []),
  ];
  const flagText = names.length === 0 ? "none" : names.join(" ");
  const head = `l2-fwd:   sw_if_index ${d.swIfIndex} ${macs(d.data)} bd_index ${d.bdIndex}`;
  return `${head} result [0x${raw.toString(16)}, ${d.resultSwIfIndex}] ${flagText}`;
}

function l2OutputText(d: Data<"l2-input" | "l2-output" | "l2-flood">): string {
  const bytes = Array.from(d.data.subarray(12, 24), (byte) => byte.toString(16).padStart(2, "0"));
  return `l2-output: sw_if_index ${d.swIfIndex} ${macs(d.data)} data ${bytes.join(" ")}`;
}

function frameRecord(dp: Dataplane, node: string, d: Data<"frame">): string {
  if (!node.endsWith("-output")) return frameText(d.data, "  ", false);
  const name = dp.interfaces.get(d.swIfIndex)?.name ?? "";
  return `${name} flags ${OUTPUT_FLAGS}\n  ${frameText(d.data, "  ", true)}`;
}

function recordText(dp: Dataplane, node: string, d: TraceData, handle: number): string {
  switch (d.kind) {
    case "af-packet-input":
      return rxText(d);
    case "memif-input":
      return `memif: hw_if_index ${d.hwIfIndex} next-index 4\n    slot: ring ${d.ring}`;
    case "tx":
      return txText(d, handle);
    case "frame":
      return frameRecord(dp, node, d);
    case "ip":
      return ipText(node, d);
    case "rewrite":
      return rewriteText(dp, d);
    case "lb":
      return lbText(dp, d);
    case "l2-input":
      return l2InputText(dp, d);
    case "l2-fwd":
      return l2FwdText(d);
    case "l2-output":
      return l2OutputText(d);
    case "l2-flood":
      return `l2-flood: sw_if_index ${d.swIfIndex} ${macs(d.data)} bd_index ${dp.interfaces.get(d.swIfIndex)?.l2?.bdIndex ?? 0}`;
    case "rx":
      return `rx:${nameOrDeleted(dp, d.swIfIndex)}`;
    case "options":
      return `  option:[${Array.from(d.data, (byte) => `0x${byte.toString(16)}`).join()}]`;
    case "ip4-punt":
      return `  fib:0 adj:0 flow:0x00000000\n  ${ip4PacketText(d.data, "  ")}`;
    case "acl":
      return aclTraceText(d);
    case "ethertype": {
      const where = d.isInput ? "IN" : "OUT";
      return `${where}-ETHER-WHITELIST: sw_if_index ${d.swIfIndex} next_index ${d.passes ? 1 : 0} ethertype ${d.etherType.toString(16)}`;
    }
    case "abf":
      return ` next ${d.next === "dpo" ? ABF_NEXT_DPO : ABF_NEXT_FEATURE} index ${d.index}`;
    case "arp":
      return arpText(d.data, "  ");
    case "drop":
      return `${d.node}: ${d.reason}`;
  }
}

/** All records of a packet, each under its time and node. */
export function tracedPacketText(dp: Dataplane, packet: TracedPacket, handle: number): string {
  let text = "";
  let previous = "";
  for (const { node, timeS, data } of packet.records) {
    if (node !== previous) text += `\n${clockText(timeS)}: ${node}`;
    previous = node;
    text += `\n  ${recordText(dp, node, data as TraceData, handle)}`;
  }
  return text;
}
