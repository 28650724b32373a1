import { z } from "zod";
import { aclLists, crossConnect, memif, reassembly, tap, vlan } from "./links.ts";
import { mac, prefix, tableId } from "./values.ts";

export const bridge = z.strictObject({
  id: z.int().min(1).max(0xffffff),
  learn: z.boolean().default(true),
  forward: z.boolean().default(true),
  flood: z.boolean().default(true),
  unknownUnicastFlood: z.boolean().default(true),
  arpTermination: z.boolean().default(false),
  macAgeMin: z
    .int()
    .min(0)
    .max(255)
    .default(0)
    .describe("Learned entries are forgotten after so many minutes; 0: never"),
});

const membership = z.strictObject({
  id: z.int().min(1).max(0xffffff),
  bvi: z.boolean().default(false).describe("This loopback is the bridge's L3 interface"),
  splitHorizonGroup: z.int().min(0).max(255).default(0),
});

const KINDS = ["loopback", "host", "memif", "vlan", "tap"] as const;

export const iface = z
  .strictObject({
    loopback: z.int().min(0).max(16_383).optional().describe("A loopback of this number: loop0 for 0"),
    host: z
      .string()
      .regex(/^[^\s/:]{1,15}$/, "the kernel's name of an interface: up to 15 characters without space, / and :")
      .optional()
      .describe("A host-interface (af_packet) on this interface of the kernel: host-NAME"),
    memif: memif.optional().describe("A shared-memory interface: memifSOCKET/ID"),
    vlan: vlan.optional().describe("A sub-interface: PARENT.ID"),
    tap: tap.optional().describe("A kernel interface made by VPP, where it has /dev/vhost-net: tapID"),
    mac: mac.optional(),
    mtu: z.int().min(68).max(9216).default(1500).describe("L3 MTU. VPP's own 9000 wedges host-interfaces"),
    addresses: z.array(prefix).default([]),
    bridge: membership.optional(),
    outside: z.boolean().default(false).describe("Attracts traffic as soon as it is up: set up last"),
    up: z.boolean().default(true),
    table: tableId.default(0).describe("Table of its routes"),
    crossConnect: crossConnect.optional(),
    acl: aclLists.optional().describe("ACLs in front of it. Default: none of ours"),
    reassembly: reassembly.optional(),
  })
  .refine(
    (value) => KINDS.filter((kind) => value[kind] !== undefined).length === 1,
    "needs one of `loopback`, `host`, `memif`, `vlan` and `tap`",
  )
  .meta({ oneOf: KINDS.map((kind) => ({ required: [kind] })) });
