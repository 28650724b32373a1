/** Headers in traces (VPP src/vnet/ip/ip4_format.c:80, ip6_format.c, src/vnet/udp, src/vnet/tcp, plugins/gre). */
import { ip4Text, ip6Text, macText } from "../format.ts";

const PROTOCOLS: Readonly<Record<number, string>> = {
  ...{ 0: "IP6_HOP_BY_HOP_OPTIONS", 1: "ICMP", 2: "IGMP", 4: "IP_IN_IP", 6: "TCP", 17: "UDP", 41: "IPV6" },
  ...{ 44: "IPV6_FRAGMENTATION", 47: "GRE", 58: "ICMP6", 132: "SCTP" },
};
const ETHER_TYPES: Readonly<Record<number, string>> = {
  ...{ 0x0800: "IP4", 0x0806: "ARP", 0x86dd: "IP6", 0x8100: "VLAN", 0x88cc: "LLDP" },
};
const DSCP: Readonly<Record<number, string>> = {
  ...{ 0: "CS0", 8: "CS1", 10: "AF11", 12: "AF12", 14: "AF13", 16: "CS2", 18: "AF21", 20: "AF22", 22: "AF23" },
  ...{ 24: "CS3", 26: "AF31", 28: "AF32", 30: "AF33", 32: "CS4", 34: "AF41", 36: "AF42", 38: "AF43" },
  ...{ 40: "CS5", 46: "EF", 48: "CS6", 50: "CS7" },
};
const ECN = ["NON_ECN", "ECT_1", "ECT_0", "CE"];
const TCP_FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}

function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? `unknown ${protocol}`;
}

/** `IP4: source -> destination`, then what the frame carries. `payload` false leaves it at the Ethernet header. */
export function frameText(frame: Uint8Array, indent: string, payload: boolean): string {
  if (frame.length < 14) return "ethernet header truncated";
  const type = viewOf(frame).getUint16(12);
  const name = ETHER_TYPES[type] ?? hex4(type);
  const line = `${name}: ${macText(frame.subarray(6, 12))} -> ${macText(frame.subarray(0, 6))}`;
  const inner = frame.subarray(14);
  if (!payload) return line;
  if (type === 0x0800) return `${line}\n${indent}${ip4PacketText(inner, indent)}`;
  if (type === 0x86dd) return `${line}\n${indent}${ip6PacketText(inner, indent)}`;
  if (type === 0x0806) return `${line}\n${indent}${arpText(inner, indent)}`;
  return line;
}

export function arpText(packet: Uint8Array, indent: string): string {
  if (packet.length < 28) return "ARP header truncated";
  const view = viewOf(packet);
  const operation = { 1: "request", 2: "reply" }[view.getUint16(6)] ?? `unknown ${view.getUint16(6)}`;
  const from = `${macText(packet.subarray(8, 14))}/${ip4Text(view.getUint32(14))}`;
  const to = `${macText(packet.subarray(18, 24))}/${ip4Text(view.getUint32(24))}`;
  return `${operation}, type ethernet/IP4, address size 6/4\n${indent}${from} -> ${to}`;
}

export function ip4PacketText(packet: Uint8Array, indent: string): string {
  if (packet.length < 20) return "IP header truncated";
  const view = viewOf(packet);
  const tos = view.getUint8(1);
  const fragment = view.getUint16(6);
  const dscp = DSCP[tos >> 2] ?? String(tos >> 2);
  const lines = [
    `${protocolName(view.getUint8(9))}: ${ip4Text(view.getUint32(12))} -> ${ip4Text(view.getUint32(16))}`,
    `${indent}  tos 0x${tos.toString(16).padStart(2, "0")}, ttl ${view.getUint8(8)}, length ${view.getUint16(2)}, ` +
      `checksum ${hex4(view.getUint16(10))} dscp ${dscp} ecn ${ECN[tos & 3] ?? ""}`,
    `${indent}  fragment id ${hex4(view.getUint16(4))}${fragmentText(fragment)}`,
  ];
  const headerBytes = (view.getUint8(0) & 15) * 4;
  if (headerBytes !== 20)
    lines.splice(1, 0, `${indent}  version ${view.getUint8(0) >> 4}, header length ${headerBytes}`);
  const first = (fragment & 0x1fff) === 0;
  const inner = first ? transportText(view.getUint8(9), packet.subarray(headerBytes), indent) : "";
  return lines.join("\n") + (inner === "" ? "" : `\n${indent}${inner}`);
}

function fragmentText(word: number): string {
  const flags = [
    ...((word & 0x8000) !== 0 ? ["CONGESTION"] : []),
    ...((word & 0x4000) !== 0 ? ["DONT_FRAGMENT"] : []),
    ...((word & 0x2000) !== 0 ? ["MORE_FRAGMENTS"] : []),
  ];
  const offset = 8 * (word & 0x1fff);
  return `${offset === 0 ? "" : ` offset ${offset}`}${flags.length === 0 ? "" : `, flags ${flags.join(", ")}`}`;
}

export function ip6PacketText(packet: Uint8Array, indent: string): string {
  if (packet.length < 40) return "IP header truncated";
  const view = viewOf(packet);
  const word = view.getUint32(0);
  const traffic = (word >>> 20) & 255;
  const label = `0x${(word & 0xfffff).toString(16)}`;
  const next = view.getUint8(6);
  const lines = [
    `${protocolName(next)}: ${ip6Text(packet.subarray(8, 24))} -> ${ip6Text(packet.subarray(24, 40))}`,
    `${indent}  tos 0x${traffic.toString(16).padStart(2, "0")}, flow label ${label}, hop limit ${view.getUint8(7)}, ` +
      `payload length ${view.getUint16(4)}`,
  ];
  const inner = transportText(next, packet.subarray(40), indent);
  return lines.join("\n") + (inner === "" ? "" : `\n${indent}${inner}`);
}

function transportText(protocol: number, segment: Uint8Array, indent: string): string {
  const view = viewOf(segment);
  if (protocol === 17 && segment.length >= 8) {
    const ports = `UDP: ${view.getUint16(0)} -> ${view.getUint16(2)}`;
    return `${ports}\n${indent}  length ${view.getUint16(4)}, checksum ${hex4(view.getUint16(6))}`;
  }
  if (protocol === 6 && segment.length >= 20) return tcpText(view, indent);
  if ((protocol === 1 || protocol === 58) && segment.length >= 4) return icmpText(protocol, view);
  if (protocol === 47 && segment.length >= 4) {
    const type = view.getUint16(2);
    return `GRE ${{ 0x0800: "ip4", 0x86dd: "ip6", 0x6558: "teb" }[type] ?? hex4(type)}`;
  }
  return "";
}

function tcpText(view: DataView, indent: string): string {
  const hex8 = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;
  const bits = view.getUint8(13);
  const flags = TCP_FLAGS.filter((_, i) => (bits & (1 << i)) !== 0).map((flag) => ` ${flag}`);
  return [
    `TCP: ${view.getUint16(0)} -> ${view.getUint16(2)}`,
    `${indent}  seq. ${hex8(view.getUint32(4))} ack ${hex8(view.getUint32(8))}`,
    `${indent}  flags 0x${bits.toString(16).padStart(2, "0")}${flags.join("")}, tcp header: ${(view.getUint8(12) >> 4) * 4} bytes`,
    `${indent}  window ${view.getUint16(14)}, checksum ${hex4(view.getUint16(16))}`,
    // VPP begins a line for options, be there any or not.
    `${indent}  `,
  ].join("\n");
}

function icmpText(protocol: number, view: DataView): string {
  const type = view.getUint8(0);
  const four = { 0: "echo_reply", 3: "destination_unreachable", 8: "echo_request", 11: "time_exceeded" };
  const six = {
    ...{ 1: "destination_unreachable", 2: "packet_too_big", 3: "time_exceeded", 128: "echo_request" },
    ...{ 129: "echo_reply", 133: "router_solicitation", 134: "router_advertisement" },
    ...{ 135: "neighbor_solicitation", 136: "neighbor_advertisement" },
  };
  const names: Readonly<Record<number, string>> = protocol === 1 ? four : six;
  const text = `ICMP ${names[type] ?? `unknown ${type}`} checksum ${`0x${view.getUint16(2).toString(16)}`}`;
  const echo = protocol === 1 ? type === 0 || type === 8 : type === 128 || type === 129;
  return echo && view.byteLength >= 6 ? `${text} id ${view.getUint16(4)}` : text;
}
