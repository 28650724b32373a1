import { z } from "zod";
import { mac, prefix } from "./values.ts";

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

export const iface = z
  .strictObject({
    loopback: z.int().min(0).max(16_383).optional().describe("A loopback of this number: loop0 for 0"),
    host: z
      .string()
      .regex(/^[^\s/:]{1,15}$/, "the kernel's name of an interface: up to 15 characters without space, / and :")
      .optional()
      .describe("A host-interface (af_packet) on this interface of the kernel: host-NAME"),
    mac: mac.optional(),
    mtu: z.int().min(68).max(9216).default(1500).describe("L3 MTU. VPP's own 9000 wedges host-interfaces"),
    addresses: z.array(prefix).default([]),
    bridge: membership.optional(),
    outside: z.boolean().default(false).describe("Attracts traffic as soon as it is up: set up last"),
    up: z.boolean().default(true),
  })
  .refine((value) => (value.loopback === undefined) !== (value.host === undefined), "needs either `loopback` or `host`")
  .meta({ oneOf: [{ required: ["loopback"] }, { required: ["host"] }] });
