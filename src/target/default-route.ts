import type { Namespace } from "../kernel/namespace.ts";
import type { Route, RouteSpec } from "../kernel/routes.ts";
import type { Item, Undo } from "./item.ts";
import { announcedMss, type Encap } from "./options.ts";

/* linux/rtnetlink.h */
const RTN_UNICAST = 1;
/** Of a route that names none: linux/ipv6_route.h IP6_RT_PRIO_USER. */
const IP6_METRIC = 1024;

/** A way to a load-balancer. */
export interface Hop {
  readonly device: string;
  readonly gateway: string;
}

/** Where replies leave: by one load-balancer, or by any of several. */
export interface DefaultRoute {
  readonly table: number;
  readonly family: 4 | 6;
  /** At least one; several share the flows (ECMP). */
  readonly hops: readonly Hop[];
  readonly encaps: readonly Encap[];
  /** Bytes of the path to the clients; default: the least of the devices' MTUs. */
  readonly mtu: number | undefined;
}

interface Path {
  readonly via: string | undefined;
  readonly index: number | undefined;
}

function pathsOf(route: Route): Path[] {
  const { multipath, via, interfaceIndex } = route;
  if (multipath === undefined) return [{ via, index: interfaceIndex }];
  return multipath.map((path) => ({ via: path.via, index: path.interfaceIndex }));
}

const pathText = ({ via, index }: Path): string => `${via ?? "none"} by interface ${index ?? 0}`;

function difference(route: Route | undefined, wanted: readonly Path[], mss: number | undefined): string {
  if (route === undefined) return "there is no default route";
  const [found, needed] = [pathsOf(route).map(pathText).sort(), wanted.map(pathText).sort()];
  if (found.join() !== needed.join()) return `it goes to ${found.join(" and ")}`;
  if (mss !== undefined && (route.advmss ?? Infinity) > mss) return `its advmss is ${route.advmss ?? "not set"}`;
  return "";
}

/** A route of the kernel's list as one that can be put back; undefined where its device is gone. */
async function asSpec(namespace: Namespace, route: Route): Promise<RouteSpec | undefined> {
  const names = new Map((await namespace.links()).map((link) => [link.index, link.name]));
  const paths = pathsOf(route).map(({ via, index }) => ({ via, dev: names.get(index ?? 0) }));
  if (paths.some((path) => path.dev === undefined)) return undefined;
  const { dst, family, table, metric, advmss, mtu, src } = route;
  const hops = route.multipath === undefined ? paths[0]! : { multipath: paths };
  return { dst, family, table, metric, advmss, mtu, src, ...hops };
}

/** The table's default route; one that was in its place comes back at the end. */
export function defaultItem(namespace: Namespace, wanted: DefaultRoute): Item {
  const { table, family, hops, encaps } = wanted;
  const mss = async (): Promise<number | undefined> => {
    if (encaps.every((encap) => encap === "l3dsr")) return undefined;
    const mtus = await Promise.all(hops.map(async ({ device }) => (await namespace.link(device)).mtu));
    return announcedMss(wanted.mtu ?? Math.min(...mtus), encaps, family);
  };
  const present = async (): Promise<Route | undefined> =>
    (await namespace.routes()).find(
      (route) =>
        route.family === family &&
        route.table === table &&
        route.dst === "default" &&
        route.type === RTN_UNICAST &&
        (route.metric ?? 0) === (family === 4 ? 0 : IP6_METRIC),
    );
  const to = hops.map((hop) => hop.gateway).join(", ");
  const [only] = hops;
  const nextHops = hops.map((hop) => `nexthop via ${hop.gateway} dev ${hop.device}`).join(" ");
  const by = hops.length === 1 ? `via ${only?.gateway} dev ${only?.device}` : nextHops;
  return {
    key: `default ${family} ${table}`,
    what: `table ${table} sends IPv${family} to ${to}, announcing an MSS that fits the tunnel`,
    why:
      "the client's segments must fit with GRE around them: VPP fragments gre4 at best, never gre6, and reports no " +
      '"too big", so larger ones vanish',
    fix: `ip ${family === 6 ? "-6 " : ""}route replace default ${by} table ${table} advmss MTU-overhead`,
    look: async () => {
      const paths = hops.map((hop) => ({ via: hop.gateway, index: namespace.index(hop.device) }));
      return difference(await present(), paths, await mss());
    },
    async undo(): Promise<Undo> {
      const before = await present();
      const spec = before === undefined ? undefined : await asSpec(namespace, before);
      if (spec !== undefined) return { do: "restore-route", route: spec };
      return { do: "delete-route", route: { dst: "default", table, family } };
    },
    async apply() {
      const advmss = await mss();
      const paths = hops.map(({ gateway, device }) => ({ via: gateway, dev: device }));
      const target = hops.length === 1 ? paths[0]! : { multipath: paths };
      await namespace.addRoute({ dst: "default", family, table, advmss, ...target });
    },
  };
}
