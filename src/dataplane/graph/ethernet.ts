import { read16, snapshot, type Nodes, type Packet } from "./context.ts";

export const ETHERTYPE_IP4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IP6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;

/** ethernet-input for an L3 interface, or the start of bridging for an L2 one. */
export function ethernetInput(n: Nodes, p: Packet): void {
  const { rx } = p;
  if (p.trace !== undefined)
    n.record(p, "ethernet-input", { kind: "frame", swIfIndex: rx.swIfIndex, data: snapshot(p) });
  if (p.end - p.start < 14) return n.drop(p, n.counters.ethernetUnknownType);
  if (rx.l2 !== undefined && rx.l2.portType !== "bvi") return n.l2Input(p);
  const { bytes, start } = p;
  // Unicast to somebody else: an L3 interface is not promiscuous.
  if ((bytes[start]! & 1) === 0 && !sameMac(bytes, start, rx.mac)) return n.drop(p, n.counters.ethernetMacMismatch);
  ethernetToL3(n, p);
}

/** Hands a frame over to the protocol above. */
export function ethernetToL3(n: Nodes, p: Packet): void {
  const etherType = read16(p.bytes, p.start + 12);
  p.start += 14;
  if (etherType === ETHERTYPE_IP4) {
    p.rx.counters.ip4 += 1;
    n.ip4Input(p);
  } else if (etherType === ETHERTYPE_IP6) {
    p.rx.counters.ip6 += 1;
    n.ip6Input(p);
  } else if (etherType === ETHERTYPE_ARP) n.arpInput(p);
  else if (etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_QINQ) n.drop(p, n.counters.ethernetUnknownVlan);
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
