import { z } from "zod";
import { address, prefix } from "./values.ts";

const server = z.union([
  address,
  z.strictObject({
    address,
    weight: z
      .int()
      .min(1)
      .max(100)
      .default(100)
      .describe("Share of new flows beside the other servers; VPP 26.10 and later"),
    state: z
      .enum(["up", "drain", "down"])
      .default("up")
      .describe("drain: no new flows, established ones stay. down: no flows, established ones are flushed"),
  }),
]);

export const vip = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?$/, "up to 63 letters, digits, - . _")
    .optional(),
  prefix,
  protocol: z.enum(["tcp", "udp"]).optional().describe("With `port`: only this protocol and port"),
  port: z.int().min(1).max(65_535).optional(),
  encap: z.enum(["gre4", "gre6", "l3dsr"]).describe("How packets reach the servers"),
  dscp: z.int().min(0).max(63).optional().describe("l3dsr: names the VIP to the servers"),
  tableSize: z
    .int()
    .min(1)
    .max(1 << 20)
    .default(1024)
    .describe("Slots of the new-flow table; a power of two, 100 per server"),
  srcIpSticky: z.boolean().default(false).describe("The server depends on the addresses alone"),
  servers: z.array(server).default([]),
});
