import { hash4, hash6 } from "../../maglev/index.ts";
import type { LbDpo } from "../fib/types.ts";
import { portKey } from "../lb/lb.ts";
import {
  COUNTER_FIRST,
  COUNTER_NEXT,
  COUNTER_NO_SERVER,
  COUNTER_UNTRACKED,
  encapIsIp4,
  VipType,
  vipIsNat,
  type LbAs,
  type LbVip,
} from "../lb/types.ts";
import { checksum, pseudo4, update16 } from "./checksum.ts";
import { read16, write16, write32, type Nodes, type Packet } from "./context.ts";
import { patch16 } from "./ip4.ts";
import { flowOfError } from "./lb-icmp.ts";

const TCP = 6;
const UDP = 17;
const UDP_BYTES = 8;
const GRE_BYTES = 4;
/** With two tags. */
const ETHERNET_BYTES = 22;
const OUTER_TTL = 128;
/** Trace names by encapsulation; per-port VIPs have nodes of their own (lb.c lb_dpo_gre4_nodes and following). */
const NODE_NAMES: Readonly<Record<number, string>> = {
  [VipType.ip6Gre6]: "lb6-gre6",
  [VipType.ip6Gre4]: "lb6-gre4",
  [VipType.ip4Gre6]: "lb4-gre6",
  [VipType.ip4Gre4]: "lb4-gre4",
  [VipType.ip4L3dsr]: "lb4-l3dsr",
  [VipType.ip4Nat4]: "lb4-nat4",
  [VipType.ip6Nat6]: "lb6-nat6",
};

/** lb4-gre4 and its siblings (plugins/lb/node.c lb_node_fn): choose a server, encapsulate, go on to the server. */
export function lbInput(n: Nodes, p: Packet, dpo: LbDpo, isIp4: boolean): void {
  const { lb } = n.dp;
  const { bytes, start } = p;
  if (n.lbTime < 0) {
    n.lbTime = lb.hashTimeNow();
    lb.stickyTable();
  }
  const protocol = bytes[start + (isIp4 ? 9 : 6)]!;
  // The header is taken to be without options and extensions, as VPP does.
  const ports = protocol === TCP || protocol === UDP ? start + (isIp4 ? 20 : 40) : -1;
  const about = lb.icmpErrors === "owner" && ports < 0 ? flowOfError(p, isIp4) : undefined;
  const port = about?.port ?? (ports < 0 ? 0 : read16(bytes, ports + 2));
  const vip = dpo.perPort ? vipByPort(n, dpo, about?.protocol ?? protocol, port) : lb.vips.get(dpo.index);
  if (vip === undefined) return n.drop(p, n.counters.lbNone);
  const hashed = vip.srcIpSticky ? -1 : ports;
  const as =
    about === undefined
      ? chooseServer(n, vip, isIp4 ? hash4(bytes, start + 12, hashed) : hash6(bytes, start + 8, hashed))
      : ownerOf(n, vip, about.hash(vip.srcIpSticky));
  if (p.trace !== undefined)
    n.record(p, (NODE_NAMES[dpo.vipType] ?? "lb4") + (dpo.perPort ? "-port" : ""), {
      kind: "lb",
      vipIndex: vip.index,
      asIndex: as.index,
    });
  if (as.forwarding === undefined) return n.drop(p, n.counters.lbNone, p.rx);
  const overIp4 = encapIsIp4(dpo.vipType);
  if (vipIsNat(dpo.vipType)) {
    // Only UDP is translated (node.c:524); the way back is not, nor is any of it offered above the API.
    if (protocol !== UDP) return n.drop(p, n.counters.lbNone, p.rx);
    if (p.end - ports < UDP_BYTES) return n.drop(p, n.counters.lbTooShort, p.rx);
    rewriteNat(p, isIp4 ? as.address.subarray(12) : as.address, vip.targetPort);
  } else if (dpo.vipType === VipType.ip4L3dsr) rewriteL3dsr(p, vip.dscp, as.address4);
  else if (!hasRoom(p, overIp4)) return n.drop(p, n.counters.lbLoop, p.rx);
  else if (overIp4) pushGre4(p, lb.ip4Src, as.address4, isIp4);
  else pushGre6(p, lb.ip6Src, as.address, isIp4);
  const { forwarding } = as;
  forwarding.viaPackets += 1;
  forwarding.viaBytes += p.end - p.start;
  p.flowHash = 0;
  n.forward(p, forwarding, overIp4, overIp4 ? "ip4-load-balance" : "ip6-load-balance");
}

/** Packets for a port without a VIP count on VIP 0, which has no server. */
function vipByPort(n: Nodes, dpo: LbDpo, protocol: number, port: number): LbVip | undefined {
  const { lb } = n.dp;
  return lb.vips.get(lb.vipByPort.get(portKey(dpo.index, protocol, port)) ?? 0);
}

/** The sticky entry's server, or the table's, which becomes sticky if the bucket has room. */
function chooseServer(n: Nodes, vip: LbVip, flow: number): LbAs {
  // An integer of 32 bits with sign is no object on the heap.
  const hash = flow | 0;
  const { lb } = n.dp;
  const sticky = lb.sticky!;
  sticky.get(hash, vip.index, n.lbTime);
  let asIndex = sticky.found;
  let counter: number = COUNTER_NEXT;
  if (asIndex === 0) {
    asIndex = vip.newFlowTable[hash & (vip.newFlowTable.length - 1)]!;
    const slot = sticky.available;
    if (slot < 0) counter = COUNTER_UNTRACKED;
    else {
      counter = asIndex === 0 ? COUNTER_NO_SERVER : COUNTER_FIRST;
      const previous = lb.ases.get(sticky.valueAt(slot));
      if (previous !== undefined) previous.refs -= 1;
      lb.ases.get(asIndex)!.refs += 1;
      sticky.put(slot, hash, asIndex, vip.index, n.lbTime);
    }
  }
  vip.counters[counter]! += 1;
  // The AS of a sticky entry can't be gone: its references keep it.
  return lb.ases.get(asIndex)!;
}

/** The server that a flow has: what is about it changes nothing of it. */
function ownerOf(n: Nodes, vip: LbVip, hash: number): LbAs {
  const { lb } = n.dp;
  const sticky = lb.sticky!;
  sticky.get(hash, vip.index, n.lbTime);
  vip.counters[COUNTER_NEXT]! += 1;
  const asIndex = sticky.found === 0 ? vip.newFlowTable[hash & (vip.newFlowTable.length - 1)]! : sticky.found;
  return lb.ases.get(asIndex)!;
}

/** A server whose address is in a VIP comes back here with a header more each time, until there is no room for one. */
function hasRoom(p: Packet, overIp4: boolean): boolean {
  return p.start - (overIp4 ? 20 : 40) - GRE_BYTES - ETHERNET_BYTES >= p.floor;
}

function pushGre4(p: Packet, source: number, destination: number, isIp4: boolean): void {
  const { view } = p;
  const inner = p.start;
  const ip = inner - GRE_BYTES - 20;
  const length = p.end - ip;
  view.setInt32(ip, (0x4500 << 16) | (length & 0xffff));
  view.setInt32(ip + 4, 0);
  view.setInt32(ip + 12, source);
  view.setInt32(ip + 16, destination);
  let sum = 0x4500 + length + ((OUTER_TTL << 8) | 47);
  sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setInt32(ip + 8, (OUTER_TTL << 24) | (47 << 16) | (~sum & 0xffff));
  view.setInt32(inner - GRE_BYTES, isIp4 ? 0x0800 : 0x86dd);
  p.start = ip;
}

function pushGre6(p: Packet, source: Uint8Array, destination: Uint8Array, isIp4: boolean): void {
  const { bytes } = p;
  const inner = p.start;
  const ip = inner - GRE_BYTES - 40;
  write32(bytes, ip, 0x60000000);
  write16(bytes, ip + 4, p.end - inner + GRE_BYTES);
  bytes[ip + 6] = 47;
  bytes[ip + 7] = OUTER_TTL;
  for (let i = 0; i < 16; i += 1) {
    bytes[ip + 8 + i] = source[i]!;
    bytes[ip + 24 + i] = destination[i]!;
  }
  write32(bytes, inner - GRE_BYTES, isIp4 ? 0x0800 : 0x86dd);
  p.start = ip;
}

/**
 * NAT: destination and port are replaced. VPP corrects the checksums for the address alone, not for the port
 * (node.c:510-521), and so does this: what leaves is what leaves VPP.
 */
function rewriteNat(p: Packet, address: Uint8Array, targetPort: number): void {
  const { bytes, start } = p;
  const isIp4 = address.length === 4;
  const destination = start + (isIp4 ? 16 : 24);
  const udp = start + (isIp4 ? 20 : 40);
  let sum = read16(bytes, udp + 6);
  for (let i = 0; i < address.length; i += 2) {
    const value = (address[i]! << 8) | address[i + 1]!;
    sum = update16(sum, read16(bytes, destination + i), value);
    if (isIp4) patch16(bytes, start, destination + i, value);
    else write16(bytes, destination + i, value);
  }
  write16(bytes, udp + 6, sum);
  write16(bytes, udp + 2, targetPort);
}

/** L3DSR: the server's address as destination, the VIP told by the DSCP; both checksums stay right. */
function rewriteL3dsr(p: Packet, dscp: number, destination: number): void {
  const { bytes, start } = p;
  patch16(bytes, start, start, (bytes[start]! << 8) | ((dscp & 0x3f) << 2));
  patch16(bytes, start, start + 16, destination >>> 16);
  patch16(bytes, start, start + 18, destination & 0xffff);
  const protocol = bytes[start + 9]!;
  const field = protocol === TCP ? 16 : protocol === UDP ? 6 : -1;
  const header = (bytes[start]! & 15) * 4;
  const length = p.end - start - header;
  if (field < 0 || length < field + 2) return;
  const at = start + header + field;
  write16(bytes, at, 0);
  write16(bytes, at, checksum(bytes, start + header, length, pseudo4(bytes, start, protocol, length)));
}
