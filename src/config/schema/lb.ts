import { z } from "zod";
import { address } from "./values.ts";

export const lb = z.strictObject({
  ip4Source: address.default("255.255.255.255").describe("Source of GRE packets over IPv4"),
  ip6Source: address.default("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").describe("Source of GRE packets over IPv6"),
  stickyBuckets: z
    .int()
    .min(1)
    .max(1 << 22)
    .optional()
    .describe(
      "Sticky buckets per core, 4 flows and 64 bytes each; a power of two. Default: by expectedFlows, else 65536",
    )
    .meta({ default: 65_536 }),
  expectedFlows: z
    .int()
    .min(1)
    .max(1 << 24)
    .optional()
    .describe("Flows at a time that are to be remembered: sizes the sticky table"),
  weights: z
    .enum(["own", "equal"])
    .default("own")
    .describe("equal: every server has weight 1, so that VPPs up to 26.06 and later ones agree where flows go"),
  flowTimeoutS: z.int().min(1).max(86_400).default(40).describe("An idle flow is forgotten after so long"),
  manage: z
    .union([z.boolean(), z.literal("always")])
    .default(true)
    .describe('false: never change lb_conf. "always": change it also where VPP serves VIPs of others'),
});
