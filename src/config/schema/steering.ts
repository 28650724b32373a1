import { z } from "zod";
import { server } from "./vips.ts";
import { address, interfaceName, name, prefix } from "./values.ts";

export const stream = z.strictObject({
  name,
  encap: z.enum(["gre4", "gre6"]).describe("How packets reach the servers"),
  tableSize: z
    .int()
    .min(1)
    .max(1 << 20)
    .default(1024)
    .describe("Slots of the new-flow table; a power of two, 100 per server"),
  srcIpSticky: z.boolean().default(false).describe("The server depends on the addresses alone"),
  servers: z.array(server).default([]),
  anchors: z
    .array(address)
    .max(2)
    .default([])
    .describe("Its addresses inside VPP, one of each family. Default: chosen from steering.anchors"),
});

const ports = z
  .union([
    z.int().min(0).max(65_535),
    z.string().regex(/^\d{1,5}(-\d{1,5})?$/, 'not a port or a range of ports: "80", "5000-5999"'),
  ])
  .meta({ examples: ["80", "5000-5999"] });

export const flow = z.strictObject({
  name,
  stream: name.describe("Where what matches goes"),
  vips: z.array(z.string().min(1)).min(1).describe("VIPs of this file, by name or prefix, that name a `stream`"),
  sourceSubnets: z.array(prefix).default([]).describe("Default: any source"),
  destinationPorts: z.array(ports).default([]).describe("TCP and UDP; default: any port"),
  sourcePorts: z.array(ports).default([]).describe("TCP and UDP; default: any port"),
  protocols: z
    .array(z.enum(["tcp", "udp", "sctp", "icmp", "any"]))
    .min(1)
    .default(["any"])
    .describe("any: every protocol, without ports"),
  priority: z.int().min(0).max(1_000_000).default(0).describe("Of several that match the highest decides"),
});

export const steering = z.strictObject({
  anchors: z
    .strictObject({
      ip4: prefix.default("198.18.0.0/15"),
      ip6: prefix.default("2001:2::/48"),
    })
    .prefault({})
    .describe("Addresses for use inside VPP; nothing else may use them"),
  interfaces: z
    .array(interfaceName)
    .optional()
    .describe("Where packets to VIPs come in, by VPP's names. Default: the outside interfaces"),
  policyIds: z
    .strictObject({
      first: z.int().min(0).max(0xfffffffe).default(0x4c42_0000),
      count: z.int().min(8).max(0x100_0000).default(0x1_0000),
    })
    .prefault({})
    .describe("Ids of VPP's ABF policies that are ours"),
});
