import type { NetworkService } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { formatIp, IpPool, parsePrefix, parseRange, type IpRange } from "../ip-pool.ts";
import { ipContextOf, type Connection, type IpContext, type Route } from "../messages.ts";

/** What one connection was given from one pool. */
interface Lease {
  readonly pool: IpPool;
  /** `address/length`; the client's. */
  readonly src: string;
  /** The endpoint's. */
  readonly dst: string;
  /** Addresses to give back. */
  readonly owned: readonly string[];
}

/** An address management as an element of a chain. */
export interface Ipam {
  (next: NetworkService): NetworkService;
  /** Connections that have addresses. */
  readonly size: number;
  /**
   * Gives a connection the addresses back that it had before a restart, ahead of its next Request.
   * @param connectionId as this hop knows it
   * @param context what it had: srcIpAddrs and dstIpAddrs
   * @returns false, and nothing is taken, where an address is not of these prefixes or is another connection's
   */
  restore(connectionId: string, context: Pick<IpContext, "srcIpAddrs" | "dstIpAddrs">): boolean;
  /** Takes them again from a connection that was given them and never came. */
  release(connectionId: string): void;
}

type Addresses = Pick<IpContext, "srcIpAddrs" | "dstIpAddrs">;

interface Strategy {
  /** Those that a Request brings, where they are free, else others. @throws NsmError EXHAUSTED */
  allocate(context: Addresses, excluded: readonly IpRange[]): Lease[];
  /** Those or none. */
  recover(context: Addresses): Lease[] | undefined;
  /** Host routes to each other. */
  readonly routes: boolean;
  /** Where all addresses of a connection must be; absent: others may stay beside ours. */
  readonly within?: readonly IpRange[];
}

/**
 * Two host addresses for each connection, from the first prefix that has them (sdk pkg/networkservice/ipam/
 * point2pointipam), with routes to each other. Addresses that the Request brings are kept where they are free, so that
 * they survive a restart of the endpoint.
 */
export function pointToPointIpam(...prefixes: readonly string[]): Ipam {
  const pools = prefixes.map((prefix) => new IpPool(prefix, { edges: "use" }));
  return ipamElement({
    allocate: (context, excluded) => [recoverPair(pools, context, excluded) ?? takePair(pools, excluded)],
    recover: (context) => {
      const lease = recoverPair(pools, context, []);
      return lease === undefined ? undefined : [lease];
    },
    routes: true,
  });
}

/**
 * Addresses in networks that all connections share, for an endpoint behind a bridge: each client gets one of every
 * prefix (both families, where both are given), the endpoint is `self`. First and last address are left out. A Request
 * that brings addresses of other networks is refused, unless it comes from another endpoint (RESELECT_REQUESTED): then
 * they are left behind.
 * @param networks `self` defaults to the first address after the network's own
 */
export function sharedNetworkIpam(...networks: readonly { readonly prefix: string; readonly self?: string }[]): Ipam {
  const shared = networks.map(({ prefix, self }) => {
    const pool = new IpPool(prefix);
    const own = self ?? pool.take();
    if (self !== undefined && !pool.claim(self)) throw new NsmError("INVALID", `${self} is no address of ${prefix}`);
    return { pool, own };
  });
  const each = (takeOne: (pool: IpPool) => string | undefined): Lease[] | undefined => {
    const leases: Lease[] = [];
    try {
      for (const { pool, own } of shared) {
        const src = takeOne(pool);
        if (src === undefined) break;
        const { length } = pool.range;
        leases.push({ pool, src: `${src}/${length}`, dst: `${own}/${length}`, owned: [src] });
      }
    } catch (error) {
      leases.forEach(free);
      throw error;
    }
    if (leases.length === shared.length) return leases;
    leases.forEach(free);
    return undefined;
  };
  return ipamElement({
    allocate: ({ srcIpAddrs }, excluded) =>
      each((pool) => recoverOne(pool, srcIpAddrs, excluded) ?? pool.take(excluded)) ?? [],
    recover: ({ srcIpAddrs }) => each((pool) => recoverOne(pool, srcIpAddrs, [])),
    routes: false,
    within: shared.map(({ pool }) => pool.range),
  });
}

function ipamElement(strategy: Strategy): Ipam {
  const leases = new Map<string, Lease[]>();
  const release = (id: string) => {
    leases.get(id)?.forEach(free);
    leases.delete(id);
  };
  const restore = (id: string, addresses: Addresses) => {
    if (leases.has(id)) return false;
    const recovered = strategy.recover(addresses);
    if (recovered !== undefined) leases.set(id, recovered);
    return recovered !== undefined;
  };
  const element = serveLeases(strategy, leases, release);
  return Object.defineProperty(Object.assign(element, { restore, release }), "size", {
    get: () => leases.size,
  }) as unknown as Ipam;
}

function serveLeases(
  { allocate, routes, within }: Strategy,
  leases: Map<string, Lease[]>,
  release: (id: string) => void,
): (next: NetworkService) => NetworkService {
  return (next) => ({
    async request(request, call) {
      const connection = request.connection!;
      const context = ipContextOf(connection);
      const { id } = connection;
      if (within !== undefined) keepWithin(within, connection, context);
      const excluded = context.excludedPrefixes.map(parseRange);
      const known = leases.get(id);
      const kept = known !== undefined && !known.some((lease) => isExcluded(lease, excluded)) ? known : undefined;
      if (known !== undefined && kept === undefined) {
        leases.delete(id);
        withdraw(known, connection, routes);
      }
      const mine = kept ?? allocate(context, excluded);
      leases.set(id, mine);
      write(mine, context, routes);
      try {
        return await next.request(request, call);
      } catch (error) {
        if (kept === undefined) release(id);
        throw error;
      }
    },
    async close(connection, call) {
      try {
        await next.close(connection, call);
      } finally {
        release(connection.id);
      }
    },
  });
}

/** @throws NsmError INVALID */
function keepWithin(ranges: readonly IpRange[], connection: Connection, context: IpContext): void {
  const isWithin = (text: string) => {
    const { family, first, last } = parseRange(text.split("/")[0]!);
    return ranges.some((range) => range.family === family && first >= range.first && last <= range.last);
  };
  if (connection.state === "RESELECT_REQUESTED") {
    context.srcIpAddrs = context.srcIpAddrs.filter(isWithin);
    context.dstIpAddrs = context.dstIpAddrs.filter(isWithin);
  }
  const outside = [...context.srcIpAddrs, ...context.dstIpAddrs].find((text) => !isWithin(text));
  if (outside === undefined) return;
  const own = ranges.map(({ family, first, length }) => `${formatIp(family, first)}/${length}`).join(", ");
  throw new NsmError("INVALID", `the address ${outside} is outside of ${own}`);
}

function free({ pool, owned }: Lease): void {
  for (const address of owned) pool.release(address);
}

function isExcluded({ owned }: Lease, excluded: readonly IpRange[]): boolean {
  return owned.some((address) => {
    const { family, first } = parseRange(address);
    return excluded.some((range) => range.family === family && first >= range.first && first <= range.last);
  });
}

function write(leases: readonly Lease[], context: IpContext, routes: boolean): void {
  for (const { pool, src, dst } of leases) {
    // What a Request brought and could not keep is somebody else's now.
    const isForeign = (text: string) => pool.contains(parsePrefix(text)[0]) && text !== src && text !== dst;
    context.srcIpAddrs = context.srcIpAddrs.filter((text) => !isForeign(text));
    context.dstIpAddrs = context.dstIpAddrs.filter((text) => !isForeign(text));
    addOnce(context.srcIpAddrs, src);
    addOnce(context.dstIpAddrs, dst);
    if (!routes) continue;
    addRoute(context.srcRoutes, dst);
    addRoute(context.dstRoutes, src);
  }
}

function withdraw(leases: readonly Lease[], connection: Connection, routes: boolean): void {
  const context = ipContextOf(connection);
  for (const lease of leases) {
    context.srcIpAddrs = context.srcIpAddrs.filter((address) => address !== lease.src);
    context.dstIpAddrs = context.dstIpAddrs.filter((address) => address !== lease.dst);
    if (routes) {
      context.srcRoutes = context.srcRoutes.filter((route) => route.prefix !== lease.dst);
      context.dstRoutes = context.dstRoutes.filter((route) => route.prefix !== lease.src);
    }
    free(lease);
  }
}

function addOnce(list: string[], value: string): void {
  if (!list.includes(value)) list.push(value);
}

function addRoute(list: Route[], prefix: string): void {
  if (!list.some((route) => route.prefix === prefix)) list.push({ prefix, nextHop: "" });
}

function recoverOne(pool: IpPool, addresses: readonly string[], excluded: readonly IpRange[]): string | undefined {
  return addresses.map((text) => parsePrefix(text)[0]).find((address) => pool.claim(address, excluded));
}

function recoverPair(pools: readonly IpPool[], context: Addresses, excluded: readonly IpRange[]): Lease | undefined {
  for (const pool of pools) {
    const src = recoverOne(pool, context.srcIpAddrs, excluded);
    const dst = src === undefined ? undefined : recoverOne(pool, context.dstIpAddrs, excluded);
    if (src !== undefined && dst !== undefined) return pair(pool, src, dst);
    if (src !== undefined) pool.release(src);
  }
  return undefined;
}

function takePair(pools: readonly IpPool[], excluded: readonly IpRange[]): Lease {
  let failure: unknown = new NsmError("EXHAUSTED", "no prefix to take addresses from");
  for (const pool of pools) {
    try {
      const dst = pool.take(excluded);
      try {
        return pair(pool, pool.take(excluded), dst);
      } catch (error) {
        pool.release(dst);
        throw error;
      }
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function pair(pool: IpPool, src: string, dst: string): Lease {
  const host = pool.range.family === 4 ? 32 : 128;
  return { pool, src: `${src}/${host}`, dst: `${dst}/${host}`, owned: [src, dst] };
}
