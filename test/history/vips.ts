import type { ObservedVip } from "../../src/bridge/index.ts";

/** A VIP as VPP shows it, with servers of equal share. */
export function vip(prefix: string, servers: readonly string[], { flows = 0, tableSize = 64 } = {}): ObservedVip {
  return {
    prefix,
    encap: "gre4",
    tableSize,
    srcIpSticky: false,
    index: 0,
    removed: false,
    servers: servers.map((address) => ({ address, buckets: tableSize / servers.length, flows, used: true })),
    counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
  };
}
