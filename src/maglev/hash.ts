import { parseIp46 } from "./address.ts";
import { MaglevError } from "./errors.ts";

/**
 * VPP's flow hash (vppinfra/lb_hash_hash.h on a machine with CRC32 instructions; plugins/lb/node.c, lb_node_get_hash):
 * CRC32C without initial or final inversion over the addresses and the ports, as five little-endian u64. Such a CRC is
 * linear, so a hash is the exclusive or of one table entry per byte position; absent bytes are zero and count nothing.
 */
const POLYNOMIAL = 0x82f63b78;

/** One step of the CRC over a zero byte. */
function advance(crc: number, base: Uint32Array): number {
  return (crc >>> 8) ^ base[crc & 0xff]!;
}

const BASE = (() => {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  return table;
})();

/** The 40 hashed bytes; entry [position * 256 + byte] is what that byte adds to the hash. */
const POSITIONS = (() => {
  const tables = new Uint32Array(40 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = BASE[byte]!;
    for (let position = 39; position >= 0; position--) {
      tables[position * 256 + byte] = crc;
      crc = advance(crc, BASE);
    }
  }
  return tables;
})();

/**
 * Hash of an IPv4 packet's flow. `data[address .. address + 8)` are source and destination as on the wire,
 * `data[ports .. ports + 4)` source and destination port; `ports` < 0 hashes addresses only.
 * @returns u32
 */
export function hash4(data: Uint8Array, address: number, ports: number): number {
  const t = POSITIONS;
  let hash = t[data[address]!]! ^ t[256 | data[address + 1]!]!;
  hash ^= t[512 | data[address + 2]!]! ^ t[768 | data[address + 3]!]!;
  hash ^= t[1024 | data[address + 4]!]! ^ t[1280 | data[address + 5]!]!;
  hash ^= t[1536 | data[address + 6]!]! ^ t[1792 | data[address + 7]!]!;
  // The key is src << 16 | dst of raw loads, so in memory the destination port comes first.
  if (ports >= 0) {
    hash ^= t[(8 << 8) | data[ports + 2]!]! ^ t[(9 << 8) | data[ports + 3]!]!;
    hash ^= t[(10 << 8) | data[ports]!]! ^ t[(11 << 8) | data[ports + 1]!]!;
  }
  return hash >>> 0;
}

/** Hash of an IPv6 packet's flow; like {@link hash4} with 32 bytes of addresses. */
export function hash6(data: Uint8Array, address: number, ports: number): number {
  const t = POSITIONS;
  let hash = 0;
  for (let i = 0; i < 32; i++) hash ^= t[(i << 8) | data[address + i]!]!;
  if (ports >= 0) {
    hash ^= t[(32 << 8) | data[ports + 2]!]! ^ t[(33 << 8) | data[ports + 3]!]!;
    hash ^= t[(34 << 8) | data[ports]!]! ^ t[(35 << 8) | data[ports + 1]!]!;
  }
  return hash >>> 0;
}

/** A flow as people write it. */
export interface Flow {
  readonly src: string;
  readonly dst: string;
  /** Only TCP and UDP have ports in the hash; anything else goes by addresses. */
  readonly protocol: "tcp" | "udp" | "other";
  readonly srcPort?: number;
  readonly dstPort?: number;
}

/** Hash of a flow; `srcIpSticky` leaves the ports out, as the VIP's option does. @throws MaglevError ADDRESS or FLOW */
export function flowHash(flow: Flow, options: { srcIpSticky?: boolean } = {}): number {
  const src = parseIp46(flow.src);
  const dst = parseIp46(flow.dst);
  if (src.version !== dst.version) {
    throw new MaglevError("FLOW", `flow from ${flow.src} to ${flow.dst}: the addresses are of two IP versions`);
  }
  const width = src.version === 4 ? 4 : 16;
  const data = new Uint8Array(2 * width + 4);
  data.set(src.bytes.subarray(16 - width), 0);
  data.set(dst.bytes.subarray(16 - width), width);
  const hashPorts = flow.protocol !== "other" && options.srcIpSticky !== true;
  if (flow.protocol !== "other") {
    const view = new DataView(data.buffer);
    view.setUint16(2 * width, checkPort(flow.srcPort, "source"));
    view.setUint16(2 * width + 2, checkPort(flow.dstPort, "destination"));
  }
  return (width === 4 ? hash4 : hash6)(data, 0, hashPorts ? 2 * width : -1);
}

function checkPort(port: number | undefined, which: string): number {
  if (port === undefined || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new MaglevError("FLOW", `${which} port ${port} is not a number from 0 to 65535`);
  }
  return port;
}
