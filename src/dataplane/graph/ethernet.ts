import { NO_INDEX } from "../model.ts";
import { ETHERTYPE_DOT1AD, ETHERTYPE_VLAN } from "../l2/sub-interfaces.ts";
import { read16, snapshot, type Nodes, type Packet } from "./context.ts";

export const ETHERTYPE_IP4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IP6 = 0x86dd;

const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;

/** ethernet-input for an L3 interface, or the start of bridging for an L2 one. */
export function ethernetInput(n: Nodes, p: Packet): void {
  const { rx } = p;
  if (p.trace !== undefined)
    n.record(p, "ethernet-input", { kind: "frame", swIfIndex: rx.swIfIndex, data: snapshot(p) });
  if (p.end - p.start < 14) return n.drop(p, n.counters.ethernetUnknownType);
  const { bytes, view, start } = p;
  p.l2 = start;
  const isL2 = rx.xconnect !== undefined || (rx.l2 !== undefined && rx.l2.portType !== "bvi");
  const etherType = view.getUint16(start + 12);
  const isTagged = etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_DOT1AD;
  if (isTagged && (rx.subs !== undefined || !isL2)) return taggedInput(n, p, etherType);
  if (isL2) return n.l2Input(p);
  // Unicast to somebody else: an L3 interface is not promiscuous, unless it was told to be.
  if ((bytes[start]! & 1) === 0 && !sameMac(bytes, start, rx.mac) && !rx.promiscuous)
    return n.drop(p, n.counters.ethernetMacMismatch);
  ethernetToL3(n, p);
}

/** eth_input_tag_lookup: whose the tags are. One with nothing but a priority is the interface's own. */
function taggedInput(n: Nodes, p: Packet, etherType: number): void {
  const { bytes, start, rx } = p;
  const { counters } = n;
  if (p.end - start < ETHERNET_BYTES + 2 * TAG_BYTES) return n.drop(p, counters.ethernetUnknownType);
  const outer = read16(bytes, start + 14) & 0xfff;
  const hasTwo = read16(bytes, start + 16) === ETHERTYPE_VLAN;
  const inner = hasTwo ? read16(bytes, start + 18) & 0xfff : 0;
  const header = ETHERNET_BYTES + (hasTwo ? 2 : 1) * TAG_BYTES;
  if (rx.subs === undefined) {
    if (hasTwo || outer !== 0) return n.drop(p, counters.ethernetUnknownVlan);
    return routed(n, p, header);
  }
  const found = rx.subs.find(etherType === ETHERTYPE_DOT1AD, hasTwo ? 2 : 1, outer, inner);
  if (!found.isKnown) return n.drop(p, counters.ethernetUnknownVlan);
  const sub = found.swIfIndex === NO_INDEX ? undefined : n.dp.interfaces.get(found.swIfIndex);
  if (sub === undefined) return n.drop(p, counters.ethernetDown);
  p.rx = sub;
  const isOther = sub !== rx;
  if (found.isL2) {
    if (isOther) count(p, start);
    return n.l2Input(p);
  }
  if (isOther) count(p, start + header);
  routed(n, p, header);
}

function count(p: Packet, from: number): void {
  p.rx.counters.rxPackets += 1;
  p.rx.counters.rxBytes += p.end - from;
}

function routed(n: Nodes, p: Packet, header: number): void {
  const { bytes, start, rx } = p;
  if ((bytes[start]! & 1) === 0 && !sameMac(bytes, start, rx.mac) && rx.sup?.promiscuous !== true)
    return n.drop(p, n.counters.ethernetMacMismatch);
  ethernetToL3(n, p, header);
}

/** Hands a frame over to the protocol above. `header`: bytes up to it. */
export function ethernetToL3(n: Nodes, p: Packet, header: number = ETHERNET_BYTES): void {
  const etherType = p.view.getUint16(p.start + header - 2);
  p.start += header;
  if (etherType === ETHERTYPE_IP4) {
    p.rx.counters.ip4 += 1;
    n.ip4Input(p);
  } else if (etherType === ETHERTYPE_IP6) {
    p.rx.counters.ip6 += 1;
    n.ip6Input(p);
  } else if (etherType === ETHERTYPE_ARP) n.arpInput(p);
  else if (p.rx.l2 !== undefined) n.drop(p, n.counters.bviEtherType);
  else n.drop(p, n.counters.ethernetUnknownType);
}

export function sameMac(bytes: Uint8Array, at: number, mac: Uint8Array): boolean {
  return (
    bytes[at + 5] === mac[5] &&
    bytes[at + 4] === mac[4] &&
    bytes[at + 3] === mac[3] &&
    bytes[at + 2] === mac[2] &&
    bytes[at + 1] === mac[1] &&
    bytes[at] === mac[0]
  );
}
