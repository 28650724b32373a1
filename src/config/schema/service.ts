import { z } from "zod";
import { path, prefix, share, socketPath } from "./values.ts";

export const vpp = z.strictObject({
  api: socketPath.default("/run/vpp/api.sock").describe("VPP's binary API socket"),
  requestTimeoutMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(5000)
    .describe("A request without an answer fails after so long"),
});

export const control = z.strictObject({
  socket: socketPath
    .default("/run/vpplb/control.sock")
    .describe("Where the controller listens for `vpplb status` and the like"),
});

export const state = z.strictObject({
  journal: path
    .default("/var/lib/vpplb/journal.json")
    .describe("What of VPP's untagged objects is ours; kept over restarts"),
});

export const ownership = z.strictObject({
  prefixes: z
    .array(prefix)
    .optional()
    .describe("VIPs inside these are ours, also those not in the file. Default: the VIPs of the file and the journal"),
  tag: z
    .string()
    .regex(/^[\x21-\x7e]{1,63}$/, "1 to 63 printable characters")
    .default("vpplb")
    .describe("Marks our interfaces and bridge domains in VPP"),
});

export const maxDisruption = z.union([
  share,
  z.strictObject({
    limit: share,
    pace: z
      .strictObject({ step: z.number().gt(0).max(1), intervalMs: z.int().min(100).default(10_000) })
      .optional()
      .describe("Instead of refusing: at most `step` of the slots each `intervalMs`"),
  }),
]);

export const repair = z.strictObject({
  periodMs: z.int().min(100).max(3_600_000).default(10_000).describe("VPP is looked at and put right each so long"),
});
