import ipaddr from "ipaddr.js";

import { buildTable, MAX_TABLE_SIZE } from "../../maglev/index.ts";
import type { LoadBalance } from "../fib/types.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";
import { MAX_STICKY_BUCKETS, StickyTable } from "./sticky.ts";
import {
  encapIsIp4,
  ip46IsIp4,
  prefixIsIp4,
  VipType,
  vipIsIp4,
  vipIsNat,
  type LbAs,
  type LbVip,
  type LbVipAddArgs,
} from "./types.ts";

/** Seconds between two garbage collections of a VIP (lb.c LB_GARBAGE_RUN). */
const GARBAGE_RUN_S = 60;
/** Seconds that a removed AS stays at least (lb.c LB_CONCURRENCY_TIMEOUT). */
const CONCURRENCY_TIMEOUT_S = 10;
/** The sticky table's clock starts here, so that a zeroed entry is in the past (lb.c lb_hash_time_now). */
const HASH_TIME_OFFSET_S = 10000;

export const DEFAULT_STICKY_BUCKETS = 1024;
export const DEFAULT_FLOW_TIMEOUT_S = 40;

/** What the lb tables need of the rest of the dataplane: clock and FIB. */
export interface LbHost {
  /** Seconds since start, with fraction. */
  now(): number;
  /**
   * Follows the forwarding of a host address in the default table (FIB_SOURCE_RR); `changed` is called at once and
   * whenever it changes. Returns the function that ends it.
   */
  trackAddress(address: Uint8Array, isIp4: boolean, changed: (forwarding: LoadBalance) => void): () => void;
  /** Installs or removes the VIP's prefix in the default table, with `prefixIndex` as the lb DPO's index. */
  addVipRoute(vip: LbVip, prefixIndex: number): void;
  delVipRoute(vip: LbVip): void;
}

type EncapArgs = Pick<LbVip, "encapByte" | "targetPort">;
type MutableVip = { -readonly [K in keyof LbVip]: LbVip[K] } & {
  asPool: Pool<number>;
  /** Its ASs, removed ones included, by {@link addressBytes}. */
  byAddress: Map<string, LbAs>;
};

/**
 * VIPs, application servers and flow tables as VPP 26.06 keeps them (plugins/lb/lb.c); return values are VPP's.
 * Differences, all where VPP crashes or is undefined: table lengths of 0 or over 2^20 and sticky tables of 0 or over 2^22
 * buckets are refused with INVALID_MEMORY_SIZE, servers of a NAT VIP for all ports with UNIMPLEMENTED. Other NAT VIPs are
 * configured as in VPP, but the packet path has no NAT: it drops what is sent to them.
 */
export class LbMain {
  ip4Src = 0xffffffff;
  readonly ip6Src: Uint8Array = new Uint8Array(16).fill(0xff);
  perCpuStickyBuckets = DEFAULT_STICKY_BUCKETS;
  flowTimeoutS = DEFAULT_FLOW_TIMEOUT_S;
  /** VIP 0 is a placeholder that per-port packets without a VIP count on. */
  readonly vips = new Pool<LbVip>();
  /** AS 0 is a placeholder that drops. */
  readonly ases = new Pool<LbAs>();
  /** (prefix index, protocol, port) -> VIP index, see {@link portKey}. */
  readonly vipByPort = new Map<number, number>();
  #sticky: StickyTable | undefined;
  readonly #prefixIndexes = new Set<number>();
  readonly #host: LbHost;
  /** What VPP's pool memory would still hold from an element's predecessor. */
  readonly #lastUsedS: number[] = [];
  readonly #encapArgs: EncapArgs[] = [];

  constructor(host: LbHost) {
    this.#host = host;
    const ones = new Uint8Array(16).fill(0xff);
    this.ases.add((index) => makeAs(index, ones, 0xffffffff, 0));
    this.vips.add((index) =>
      makeVip(index, { prefix: ones, plen: 0, protocol: 255, port: 0, type: VipType.ip6Gre6, newLength: 1 }, 0),
    );
  }

  /** The clock of the sticky table, in whole seconds. */
  hashTimeNow(): number {
    return Math.floor(this.#host.now() + HASH_TIME_OFFSET_S);
  }

  /** undefined until the first packet, as `show lb` shows. */
  get sticky(): StickyTable | undefined {
    return this.#sticky;
  }

  /** The table as the packet path needs it: created or resized when due (node.c lb_get_sticky_table). */
  stickyTable(): StickyTable {
    let table = this.#sticky;
    if (table !== undefined && table.buckets !== this.perCpuStickyBuckets) {
      table.forEachValue((as) => this.#dereference(as));
      table = undefined;
    }
    table ??= new StickyTable(this.perCpuStickyBuckets, this.flowTimeoutS);
    table.timeoutS = this.flowTimeoutS;
    this.#sticky = table;
    return table;
  }

  /** lb_conf: both addresses are always taken over. Buckets and timeout are the wanted values, not "keep". */
  conf(ip4Src: number, ip6Src: Uint8Array, stickyBuckets: number, flowTimeoutS: number): number {
    if (!isPowerOf2(stickyBuckets, MAX_STICKY_BUCKETS)) return RV.INVALID_MEMORY_SIZE;
    this.ip4Src = ip4Src >>> 0;
    this.ip6Src.set(ip6Src);
    this.perCpuStickyBuckets = stickyBuckets;
    this.flowTimeoutS = flowTimeoutS;
    return RV.OK;
  }

  /** lb_vip_find_index: index, or NO_SUCH_ENTRY. Removed VIPs are not found. */
  vipFind(prefix: Uint8Array, plen: number, protocol: number, port: number): number {
    return this.#find(prefix, plen, (vip) => vip.protocol === protocol && vip.port === port);
  }

  /** lb_vip_add: the new VIP's index (> 0), or a negative return value. */
  vipAdd(args: LbVipAddArgs): number {
    const refused = this.#checkVip(args);
    if (refused !== RV.OK) return refused;
    const prefix = normalizePrefix(args.prefix, args.plen);
    const vip = this.vips.add((index) =>
      makeVip(index, { ...args, prefix }, Math.floor(this.#host.now()), this.#encapArgs[index]),
    );
    this.#encapArgs[vip.index] = { encapByte: vip.encapByte, targetPort: vip.targetPort };
    this.#addAdjacency(vip);
    if (vip.port !== 0) this.vipByPort.set(portKey(vip.prefixIndex, vip.protocol, vip.port), vip.index);
    return vip.index;
  }

  /** lb_vip_del: its ASs become removed; the VIP itself goes at a later {@link garbageCollection}. */
  vipDel(vipIndex: number): number {
    if (vipIndex === 0) return RV.INVALID_VALUE;
    const vip = this.vips.get(vipIndex);
    if (vip === undefined) return RV.NO_SUCH_ENTRY;
    const addresses = this.asesOf(vip).map((as) => as.address);
    if (addresses.length > 0) this.asDel(vipIndex, addresses, false);
    this.#delAdjacency(vip);
    let result: number = RV.OK;
    if (vip.port !== 0 && !this.vipByPort.delete(portKey(vip.prefixIndex, vip.protocol, vip.port)))
      result = RV.NO_SUCH_ENTRY;
    vip.used = false;
    return result;
  }

  /** lb_vip_add_ass: all or none; one rebuild of the table. New ones take indexes from the last address to the first. */
  asAdd(vipIndex: number, addresses: readonly Uint8Array[]): number {
    const vip = this.vips.get(vipIndex);
    if (vip === undefined) return RV.NO_SUCH_ENTRY;
    if (vipIsNat(vip.type) && vip.port === 0) return RV.UNIMPLEMENTED;
    const toAdd: Uint8Array[] = [];
    const toUpdate: LbAs[] = [];
    const seen = countAddresses(addresses);
    for (let n = addresses.length - 1; n >= 0; n -= 1) {
      const address = addresses[n]!;
      const existing = this.#findAs(vip, address);
      if (existing?.used === true) return RV.VALUE_EXIST;
      if (existing !== undefined) toUpdate.push(existing);
      else if (ip46IsIp4(address) !== encapIsIp4(vip.type)) return RV.INVALID_ADDRESS_FAMILY;
      else if (seen.takeLast(address)) toAdd.push(address);
    }
    for (const as of toUpdate) as.used = true;
    for (const address of toAdd) this.#createAs(vip, address);
    this.#updateNewFlowTable(vip);
    this.#collectVip(vip);
    return RV.OK;
  }

  /** lb_vip_del_ass: unknown addresses refuse all, already removed ones count as found. `flush` forgets their flows. */
  asDel(vipIndex: number, addresses: readonly Uint8Array[], flush: boolean): number {
    const vip = this.vips.get(vipIndex);
    if (vip === undefined) return RV.NO_SUCH_ENTRY;
    const found: LbAs[] = [];
    for (let n = addresses.length - 1; n >= 0; n -= 1) {
      const as = this.#findAs(vip, addresses[n]!);
      if (as === undefined) return RV.NO_SUCH_ENTRY;
      found.push(as);
    }
    this.#collectVip(vip);
    for (const as of found) {
      as.used = false;
      as.lastUsedS = Math.floor(this.#host.now());
      this.#lastUsedS[as.index] = as.lastUsedS;
      if (flush) this.flush(vipIndex, as.index);
    }
    if (found.length > 0) this.#updateNewFlowTable(vip);
    return RV.OK;
  }

  /** lb_flush_vip_as: forgets the flows of a VIP, or of one of its ASs. */
  flush(vipIndex: number, asIndex?: number): number {
    this.#sticky?.flush(vipIndex, asIndex, (as) => this.#dereference(as));
    return RV.OK;
  }

  /** `test lb flowtable flush`: forgets every flow; the table is made anew by the next packet. */
  flushAll(): void {
    this.#sticky?.forEachValue((as) => this.#dereference(as));
    this.#sticky = undefined;
  }

  /** lb_garbage_collection: in VPP up to 26.06 only CLI commands run it (`lb vip`, `lb as`, `lb conf`). */
  garbageCollection(): void {
    const gone: LbVip[] = [];
    for (const vip of this.vips) {
      this.#collectVip(vip);
      if (!vip.used && vip.asIndexes.size === 0) gone.push(vip);
    }
    for (const vip of gone) this.vips.remove(vip.index);
  }

  /** ASs of a VIP in VPP's order, removed ones included. */
  asesOf(vip: LbVip): LbAs[] {
    return [...vip.asIndexes].map((index) => this.ases.get(index)!);
  }

  /** Slots of the new-flow table per AS index. */
  bucketCounts(vip: LbVip): Map<number, number> {
    const counts = new Map<number, number>();
    for (const as of vip.newFlowTable) counts.set(as, (counts.get(as) ?? 0) + 1);
    return counts;
  }

  #dereference(asIndex: number): void {
    const as = this.ases.get(asIndex);
    if (as !== undefined) as.refs -= 1;
    this.ases.get(0)!.refs += 1;
  }

  #find(prefix: Uint8Array, plen: number, matches: (vip: LbVip) => boolean): number {
    const wanted = normalizePrefix(prefix, plen);
    for (const vip of this.vips) {
      if (vip.used && vip.plen === plen && equal(vip.prefix, wanted) && matches(vip)) return vip.index;
    }
    return RV.NO_SUCH_ENTRY;
  }

  #findOtherPort(vip: Pick<LbVip, "prefix" | "plen" | "protocol" | "port">): number {
    return this.#find(vip.prefix, vip.plen, (other) => other.protocol !== vip.protocol || other.port !== vip.port);
  }

  /** The checks of lb_vip_add, in its order. */
  #checkVip(args: LbVipAddArgs): number {
    if (this.vipFind(args.prefix, args.plen, args.protocol, args.port) >= 0) return RV.VALUE_EXIST;
    const other = this.#findOtherPort(args);
    if (args.port !== 0 && this.#find(args.prefix, args.plen, (vip) => vip.port === 0) >= 0) return RV.VALUE_EXIST;
    if (args.port === 0 && other >= 0) return RV.VALUE_EXIST;
    if (args.port !== 0 && other >= 0 && this.vips.get(other)!.type !== args.type) return RV.INVALID_ARGUMENT;
    if (!isPowerOf2(args.newLength, MAX_TABLE_SIZE)) return RV.INVALID_MEMORY_SIZE;
    const isIp4 = prefixIsIp4(normalizePrefix(args.prefix, args.plen), args.plen);
    if (isIp4 !== vipIsIp4(args.type)) return RV.INVALID_ADDRESS_FAMILY;
    if (args.type === VipType.ip4L3dsr && (args.dscp ?? 0) >= 64) return RV.VALUE_EXIST;
    return RV.OK;
  }

  /** lb_vip_add_adjacency: the ports of a prefix share one route. */
  #addAdjacency(vip: LbVip): void {
    if (vip.port !== 0) {
      const other = this.#findOtherPort(vip);
      if (other >= 0) {
        vip.prefixIndex = this.vips.get(other)!.prefixIndex;
        return;
      }
      let free = 0;
      while (this.#prefixIndexes.has(free)) free += 1;
      this.#prefixIndexes.add(free);
      vip.prefixIndex = free;
    }
    this.#host.addVipRoute(vip, vip.port === 0 ? vip.index : vip.prefixIndex);
  }

  #delAdjacency(vip: LbVip): void {
    if (vip.port !== 0) {
      if (this.#findOtherPort(vip) >= 0) return;
      this.#prefixIndexes.delete(vip.prefixIndex);
    }
    this.#host.delVipRoute(vip);
  }

  #findAs(vip: LbVip, address: Uint8Array): LbAs | undefined {
    return (vip as MutableVip).byAddress.get(addressBytes(address));
  }

  #createAs(vip: LbVip, address: Uint8Array): void {
    const isIp4 = encapIsIp4(vip.type);
    let release = (): void => {};
    const as = this.ases.add((index) => ({
      ...makeAs(index, address, isIp4 ? readAddress4(address) : 0, vip.index),
      used: true,
      lastUsedS: this.#lastUsedS[index] ?? 0,
      release: () => release(),
    }));
    release = this.#host.trackAddress(as.address, isIp4, (forwarding) => (as.forwarding = forwarding));
    (vip as MutableVip).asPool.add(() => as.index);
    (vip as MutableVip).byAddress.set(addressBytes(address), as);
  }

  /** lb_vip_update_new_flow_table. */
  #updateNewFlowTable(vip: LbVip): void {
    const used = this.asesOf(vip).filter((as) => as.used);
    const size = vip.newFlowTable.length;
    const next = new Uint32Array(size);
    if (used.length > 0) {
      const byText = new Map(used.map((as) => [addressText(as.address), as.index]));
      const table = buildTable(
        [...byText.keys()].map((address) => ({ address })),
        size,
      );

      const indexes = table.servers.map((server) => byText.get(server) ?? 0);
      for (let slot = 0; slot < size; slot += 1) next[slot] = indexes[table.slots[slot]!] ?? 0;
    }
    vip.newFlowTable = next;
  }

  /** lb_vip_garbage_collection: frees removed ASs that no sticky slot names any more. */
  #collectVip(vip: LbVip): void {
    const now = Math.floor(this.#host.now());
    if (now <= vip.lastGarbageCollectionS + GARBAGE_RUN_S) return;
    vip.lastGarbageCollectionS = now;
    const { asPool, byAddress } = vip as MutableVip;
    for (const [slot, index] of [...asPool.entries()]) {
      const as = this.ases.get(index)!;
      if (as.used || now <= as.lastUsedS + CONCURRENCY_TIMEOUT_S || as.refs !== 0) continue;
      as.release();
      asPool.remove(slot);
      byAddress.delete(addressBytes(as.address));
      this.ases.remove(index);
    }
  }
}

/** Key of the port filter; unique because a prefix index is below 2^29. */
export function portKey(prefixIndex: number, protocol: number, port: number): number {
  return prefixIndex * 0x1000000 + protocol * 0x10000 + port;
}

function makeAs(index: number, address: Uint8Array, address4: number, vipIndex: number): LbAs {
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
function makeVip(index: number, args: LbVipAddArgs, nowS: number, predecessor?: EncapArgs): LbVip {
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

function isPowerOf2(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most && (value & (value - 1)) === 0;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
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
function addressBytes(address: Uint8Array): string {
  return String.fromCharCode(...address);
}

/** Canonical text as src/maglev writes it. */
function addressText(address: Uint8Array): string {
  if (ip46IsIp4(address)) return address.subarray(12).join(".");
  return new ipaddr.IPv6([...address]).toRFC5952String();
}

/** Counts duplicates in a request: only the first of equal addresses is added (lb.c looks at lower positions). */
function countAddresses(addresses: readonly Uint8Array[]): { takeLast: (address: Uint8Array) => boolean } {
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
