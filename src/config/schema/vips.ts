import { z } from "zod";
import { address, name, prefix } from "./values.ts";

export const server = z.union([
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

/** Keys that a VIP of a stream takes from the stream. */
export const STREAM_KEYS = ["encap", "dscp", "tableSize", "srcIpSticky", "servers"] as const;

export const vip = z
  .strictObject({
    name: name.optional(),
    prefix,
    protocol: z.enum(["tcp", "udp"]).optional().describe("With `port`: only this protocol and port"),
    port: z.int().min(1).max(65_535).optional(),
    stream: name
      .optional()
      .describe('Instead of servers of its own: the stream that takes what no flow takes; "none": that is dropped'),
    icmp: z
      .enum(["answer", "drop"])
      .optional()
      .describe("Echo requests: answered by VPP itself, or dropped. Default: like any other packet"),
    encap: z.enum(["gre4", "gre6", "l3dsr"]).optional().describe("How packets reach the servers"),
    dscp: z.int().min(0).max(63).optional().describe("l3dsr: names the VIP to the servers"),
    tableSize: z
      .int()
      .min(1)
      .max(1 << 20)
      .optional()
      .describe("Slots of the new-flow table; a power of two, 100 per server")
      .meta({ default: 1024 }),
    srcIpSticky: z.boolean().optional().describe("The server depends on the addresses alone").meta({ default: false }),
    servers: z.array(server).optional().meta({ default: [] }),
  })
  .superRefine((value, context) => {
    if (value.encap === undefined && value.stream === undefined) {
      const message = "missing: one of gre4, gre6, l3dsr; or a `stream` instead of servers of its own";
      context.addIssue({ code: "custom", path: ["encap"], message });
    }
  })
  .meta({ anyOf: [{ required: ["encap"] }, { required: ["stream"] }] });
