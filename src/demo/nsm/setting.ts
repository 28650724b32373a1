/** Names, addresses and times of the demo with NSM: seed of the VPP load-balancer example, with IPv6 beside it. */
export const NSM_SETTING = {
  service: "load-balancer",
  /** Of the application servers, the endpoint's own address first. */
  prefix4: "10.60.1.0/24",
  prefix6: "2001:db8:60:1::/64",
  /** The client that is on VPP's own link to the outside. */
  outside: {
    vppDevice: "vpplb-ext",
    hostDevice: "ext0",
    vppMac: "02:fe:00:00:00:03",
    hostMac: "02:00:00:00:03:03",
    vpp4: "10.71.0.1",
    host4: "10.71.0.0",
    vpp6: "2001:db8:71::1",
    host6: "2001:db8:71::2",
  },
  /** The node, and the pod's own interface on it. */
  node: {
    nodeDevice: "vethpod",
    podDevice: "eth0",
    pod4: "10.244.0.2",
    node4: "10.244.0.1",
    pod6: "2001:db8:244::2",
    node6: "2001:db8:244::1",
  },
  /** Application servers by the order in which they come; the fourth is added on the way. */
  servers: ["as1", "as2", "as3", "as4"],
  /** Of clients' tokens: short, so that refresh is seen, which comes each fifth of it. */
  tokenLifetimeS: 20,
  /** Of the one that crashes, which is given up when half of it is over. */
  mortalLifetimeS: 8,
  /** Connections of a batch by family and way. */
  firstBatch: { 4: 120, 6: 60 },
  freshBatch: { 4: 60, 6: 32 },
  given: { firstBatch: { 4: 80, 6: 40 }, freshBatch: { 4: 32, 6: 16 } },
} as const;

export type ServerName = (typeof NSM_SETTING.servers)[number];
