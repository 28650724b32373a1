import ipaddr from "ipaddr.js";
import { buildTable } from "../../maglev/index.ts";
import { Pool } from "../pool.ts";
import { ip46IsIp4, VipType, vipIsNat, type LbAs, type LbVip, type LbVipAddArgs } from "./types.ts";

export type EncapArgs = Pick<LbVip, "encapByte" | "targetPort">;
export type MutableVip = { -readonly [K in keyof LbVip]: LbVip[K] } & {
  asPool: Pool<number>;
  /** Its ASs, removed ones included, by {@link addressBytes}. */
  byAddress: Map<string, LbAs>;
};

/** Key of the port filter; unique because a prefix index is below 2^29. */
export function portKey(prefixIndex: number, protocol: number, port: number): number {
  return prefixIndex * 0x1000000 + protocol * 0x10000 + port;
}

export function makeAs(index: number, address: Uint8Array, address4: number, vipIndex: number): LbAs {
  return {
    index,
    address: address.slice(),
    address4,
    vipIndex,
    used: false,
    lastUsedS: 0,
    refs: 0,
    forwarding: undefined,
    release: () => {},
  };
}

/** GRE VIPs leave the encapsulation's arguments as a predecessor at the index left them, and show them (lb.c:1115). */
export function makeVip(index: number, args: LbVipAddArgs, nowS: number, predecessor?: EncapArgs): LbVip {
  const asPool = new Pool<number>();
  const isNat = vipIsNat(args.type);
  const isDsr = args.type === VipType.ip4L3dsr;
  const vip: MutableVip = {
    index,
    prefix: args.prefix.slice(),
    plen: args.plen,
    protocol: args.port === 0 ? 255 : args.protocol,
    port: args.port,
    type: args.type,
    dscp: args.dscp ?? 0,
    srvType: args.srvType ?? 0,
    targetPort: (isNat ? args.targetPort : predecessor?.targetPort) ?? 0,
    encapByte: (isNat ? args.srvType : isDsr ? args.dscp : predecessor?.encapByte) ?? 0,
    srcIpSticky: args.srcIpSticky ?? false,
    used: true,
    newFlowTable: new Uint32Array(args.newLength),
    prefixIndex: 0,
    lastGarbageCollectionS: nowS,
    asPool,
    byAddress: new Map(),
    asIndexes: asPool,
    counters: new Float64Array(4),
  };
  return vip;
}

export function isPowerOf2(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most && (value & (value - 1)) === 0;
}

export function equalAddresses(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 16; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** ip46_prefix_normalize, on a copy. */
export function normalizePrefix(prefix: Uint8Array, plen: number): Uint8Array {
  return prefix.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, plen - i * 8))));
}

export function readAddress4(address: Uint8Array): number {
  return ((address[12]! << 24) | (address[13]! << 16) | (address[14]! << 8) | address[15]!) >>> 0;
}

/** An address as a key. */
export function addressBytes(address: Uint8Array): string {
  return String.fromCharCode(...address);
}

/** Canonical text as src/maglev writes it. */
function addressText(address: Uint8Array): string {
  if (ip46IsIp4(address)) return address.subarray(12).join(".");
  return new ipaddr.IPv6([...address]).toRFC5952String();
}

/** Counts duplicates in a request: only the first of equal addresses is added (lb.c looks at lower positions). */
export function countAddresses(addresses: readonly Uint8Array[]): { takeLast: (address: Uint8Array) => boolean } {
  const left = new Map<string, number>();
  for (const address of addresses) {
    const key = addressBytes(address);
    left.set(key, (left.get(key) ?? 0) + 1);
  }
  return {
    takeLast: (address) => {
      const key = addressBytes(address);
      const count = (left.get(key) ?? 1) - 1;
      left.set(key, count);
      return count === 0;
    },
  };
}

/** lb_vip_update_new_flow_table: slot -> AS index for the servers in use. */
export function newFlowTable(ases: readonly LbAs[], size: number): Uint32Array {
  const table = new Uint32Array(size);
  const byText = new Map(ases.filter((as) => as.used).map((as) => [addressText(as.address), as.index]));
  if (byText.size === 0) return table;
  const servers = [...byText.keys()].map((address) => ({ address }));
  const built = buildTable(servers, size);
  const indexes = built.servers.map((server) => byText.get(server) ?? 0);
  for (let slot = 0; slot < size; slot += 1) table[slot] = indexes[built.slots[slot]!] ?? 0;
  return table;
}
