import { MAX_TABLE_SIZE } from "../../maglev/index.ts";
import type { LoadBalance } from "../fib/types.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";
import {
  addressBytes,
  countAddresses,
  equalAddresses,
  isPowerOf2,
  makeAs,
  makeVip,
  newFlowTable,
  normalizePrefix,
  portKey,
  readAddress4,
  type EncapArgs,
  type MutableVip,
} from "./elements.ts";
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

export { portKey, readAddress4 };

/** Seconds between two garbage collections of a VIP (lb.c LB_GARBAGE_RUN). */
const GARBAGE_RUN_S = 60;
/** Seconds that a removed AS stays at least (lb.c LB_CONCURRENCY_TIMEOUT). */
const CONCURRENCY_TIMEOUT_S = 10;
/** The sticky table's clock starts here, so that a zeroed entry is in the past (lb.c lb_hash_time_now). */
const HASH_TIME_OFFSET_S = 10000;

export const DEFAULT_STICKY_BUCKETS = 1024;
export const DEFAULT_FLOW_TIMEOUT_S = 40;

export type IcmpErrors = "hash" | "owner";

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

/**
 * VIPs, application servers and flow tables as VPP 26.06 keeps them (plugins/lb/lb.c); return values are VPP's.
 * Differences, all where VPP crashes or is undefined: table lengths of 0 or over 2^20 and sticky tables of 0 or over 2^22
 * buckets are refused with INVALID_MEMORY_SIZE, servers of a NAT VIP for all ports with UNIMPLEMENTED. Other NAT VIPs are
 * configured as in VPP; the packet path translates towards the servers (UDP, as VPP), never back.
 */
export class LbMain {
  /**
   * Where ICMP errors to a VIP go: `hash`, as in VPP, to the server that their own addresses give (and to none of a VIP of
   * one port); `owner`: to the server of the flow that they are about.
   */
  icmpErrors: IcmpErrors = "hash";
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
  /** Of tables that were asked about: a table is never changed, only replaced. */
  readonly #bucketCounts = new WeakMap<Uint32Array, ReadonlyMap<number, number>>();
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
  bucketCounts(vip: LbVip): ReadonlyMap<number, number> {
    const known = this.#bucketCounts.get(vip.newFlowTable);
    if (known !== undefined) return known;
    const counts = new Map<number, number>();
    for (const as of vip.newFlowTable) counts.set(as, (counts.get(as) ?? 0) + 1);
    this.#bucketCounts.set(vip.newFlowTable, counts);
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
      if (vip.used && vip.plen === plen && equalAddresses(vip.prefix, wanted) && matches(vip)) return vip.index;
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

  #updateNewFlowTable(vip: LbVip): void {
    vip.newFlowTable = newFlowTable(this.asesOf(vip), vip.newFlowTable.length);
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
