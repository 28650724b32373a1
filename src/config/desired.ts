import { canonicalPrefix, type DesiredServer, type DesiredState } from "../bridge/index.ts";
import type { LbFile } from "./schema.ts";
import { toNeighbor, toRoute } from "./desired/fib.ts";
import { toBridges, toInterfaces } from "./desired/interfaces.ts";
import { toAcls, toReassembly, toTables } from "./desired/links.ts";
import { toLbConf, toPolicy } from "./desired/lb.ts";
import { toSteering } from "./desired/steering.ts";
import { toVips } from "./desired/vips.ts";

/** Turns a checked file into desired state: canonical addresses, VPP's names, implied bridges. */
export function toDesired(file: LbFile): DesiredState {
  const lbConf = toLbConf(file.lb);
  const interfaces = toInterfaces(file);
  const reassembly = toReassembly(file.reassembly, interfaces);
  const steering = toSteering(file);
  const maxDisruption = toPolicy(file.maxDisruption);
  const { prefixes, tag } = file.ownership;
  return {
    ...(lbConf === undefined ? {} : { lbConf }),
    bridges: toBridges(file),
    interfaces,
    memifSockets: file.memifSockets,
    tables: toTables(file),
    ...(reassembly === undefined ? {} : { reassembly }),
    acls: toAcls(file),
    neighbors: file.neighbors.map(toNeighbor),
    routes: file.routes.map(toRoute),
    vips: toVips(file).map((vip) => equally(vip, file)),
    ...(steering === undefined
      ? {}
      : { steering: { ...steering, streams: steering.streams.map((stream) => equally(stream, file)) } }),
    ownership: { tag, ...(prefixes === undefined ? {} : { prefixes: prefixes.map(canonicalPrefix) }) },
    ...(file.replicas === undefined ? {} : { replicas: file.replicas }),
    ...(maxDisruption === undefined ? {} : { maxDisruption }),
  };
}

/** `lb.weights: equal`: the table of a VPP that has weights is then that of one that has none. */
function equally<T extends { readonly servers: readonly DesiredServer[] }>(of: T, { lb }: LbFile): T {
  if (lb?.weights !== "equal") return of;
  return { ...of, servers: of.servers.map((server) => ({ ...server, weight: 1 })) };
}
