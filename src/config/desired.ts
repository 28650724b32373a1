import { canonicalPrefix, type DesiredState } from "../bridge/index.ts";
import type { LbFile } from "./schema.ts";
import { toNeighbor, toRoute } from "./desired/fib.ts";
import { toBridges, toInterfaces } from "./desired/interfaces.ts";
import { toAcls, toTables } from "./desired/links.ts";
import { toLbConf, toPolicy } from "./desired/lb.ts";
import { toSteering } from "./desired/steering.ts";
import { toVips } from "./desired/vips.ts";

/** Turns a checked file into desired state: canonical addresses, VPP's names, implied bridges. */
export function toDesired(file: LbFile): DesiredState {
  const lbConf = toLbConf(file.lb);
  const steering = toSteering(file);
  const maxDisruption = toPolicy(file.maxDisruption);
  const { prefixes, tag } = file.ownership;
  return {
    ...(lbConf === undefined ? {} : { lbConf }),
    bridges: toBridges(file),
    interfaces: toInterfaces(file),
    memifSockets: file.memifSockets,
    tables: toTables(file),
    acls: toAcls(file),
    neighbors: file.neighbors.map(toNeighbor),
    routes: file.routes.map(toRoute),
    vips: toVips(file),
    ...(steering === undefined ? {} : { steering }),
    ownership: { tag, ...(prefixes === undefined ? {} : { prefixes: prefixes.map(canonicalPrefix) }) },
    ...(maxDisruption === undefined ? {} : { maxDisruption }),
  };
}
