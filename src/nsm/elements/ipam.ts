import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { IpPool, parsePrefix, parseRange, type IpRange } from "../ip-pool.ts";
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

type Allocate = (context: IpContext, excluded: readonly IpRange[]) => Lease[];

/**
 * Two host addresses for each connection, from the first prefix that has them (sdk pkg/networkservice/ipam/
 * point2pointipam), with routes to each other. Addresses that the Request brings are kept where they are free, so that
 * they survive a restart of the endpoint.
 */
export function pointToPointIpam(...prefixes: readonly string[]): ChainElement {
  const pools = prefixes.map((prefix) => new IpPool(prefix, { edges: "use" }));
  return ipamElement((context, excluded) => [recoverPair(pools, context, excluded) ?? takePair(pools, excluded)], true);
}

/**
 * Addresses in networks that all connections share, for an endpoint behind a bridge: each client gets one of every
 * prefix (both families, where both are given), the endpoint is `self`. First and last address are left out.
 * @param networks `self` defaults to the first address after the network's own
 */
export function sharedNetworkIpam(
  ...networks: readonly { readonly prefix: string; readonly self?: string }[]
): ChainElement {
  const shared = networks.map(({ prefix, self }) => {
    const pool = new IpPool(prefix);
    const own = self ?? pool.take();
    if (self !== undefined && !pool.claim(self)) throw new NsmError("INVALID", `${self} is no address of ${prefix}`);
    return { pool, own };
  });
  return ipamElement((context, excluded) => {
    const leases: Lease[] = [];
    try {
      for (const { pool, own } of shared) {
        const src = recoverOne(pool, context.srcIpAddrs, excluded) ?? pool.take(excluded);
        const { length } = pool.range;
        leases.push({ pool, src: `${src}/${length}`, dst: `${own}/${length}`, owned: [src] });
      }
      return leases;
    } catch (error) {
      leases.forEach(free);
      throw error;
    }
  }, false);
}

function ipamElement(allocate: Allocate, routes: boolean): ChainElement {
  return (next) => {
    const leases = new Map<string, Lease[]>();
    return {
      async request(request, call) {
        const connection = request.connection!;
        const context = ipContextOf(connection);
        const excluded = context.excludedPrefixes.map(parseRange);
        const known = leases.get(connection.id);
        const kept = known !== undefined && !known.some((lease) => isExcluded(lease, excluded)) ? known : undefined;
        if (known !== undefined && kept === undefined) withdraw(known, connection, routes);
        const mine = kept ?? allocate(context, excluded);
        leases.set(connection.id, mine);
        write(mine, context, routes);
        try {
          return await next.request(request, call);
        } catch (error) {
          if (kept === undefined) {
            mine.forEach(free);
            leases.delete(connection.id);
          }
          throw error;
        }
      },
      async close(connection, call) {
        try {
          await next.close(connection, call);
        } finally {
          leases.get(connection.id)?.forEach(free);
          leases.delete(connection.id);
        }
      },
    };
  };
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

function recoverPair(pools: readonly IpPool[], context: IpContext, excluded: readonly IpRange[]): Lease | undefined {
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
