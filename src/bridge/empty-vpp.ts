import type { ObservedState } from "./types.ts";

/** As the lb plugin sends until it is told otherwise. */
const UNSET = { ip4Source: "255.255.255.255", ip6Source: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", flows: 0 };

/** A VPP that holds nothing. @param lbConf default that of one that nobody has told another */
export function emptyVpp(features: ObservedState["features"], lbConf: ObservedState["lbConf"] = UNSET): ObservedState {
  return {
    features,
    lbConf,
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips: [],
    garbage: { vips: 0, servers: 0, collectable: 0 },
  };
}
