import { z } from "zod";
import { path, prefix, share, socketPath } from "./values.ts";

/** A user or group of this host: a name of /etc/passwd or /etc/group, or a number. */
const account = z.union([z.string().regex(/^[A-Za-z0-9_][-A-Za-z0-9_.]{0,31}$/, "a name or a number"), z.int().min(0)]);

export const vpp = z.strictObject({
  api: socketPath.default("/run/vpp/api.sock").describe("VPP's binary API socket"),
  requestTimeoutMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(5000)
    .describe("A request without an answer fails after so long"),
  socketCheck: z
    .enum(["off", "warn", "refuse"])
    .default("warn")
    .describe(
      "Whoever can write to VPP's API socket, or replace it, runs code as VPP: what to do where that is more than root, " +
        "this process's user and `owners`",
    ),
  owners: z.array(account).default([]).describe("Users beside root and this process's whose VPP is trusted"),
});

export const control = z.strictObject({
  socket: socketPath
    .default("/run/vpplb/control.sock")
    .describe("Where the controller listens for `vpplb status` and the like"),
  users: z.array(account).default([]).describe("Users beside root and the controller's own who may connect"),
  groups: z
    .array(account)
    .default([])
    .describe("Groups whose members may connect; the socket's file belongs to the first"),
  vppctl: z
    .enum(["read-only", "write"])
    .default("read-only")
    .describe(
      "Lines of VPP's CLI that `vpplb vppctl` may run: those that only look, or with --write any. `write` gives whoever " +
        "may connect the power of VPP's user",
    ),
});

export const state = z.strictObject({
  journal: path
    .default("/var/lib/vpplb/state.sqlite")
    .describe("File of what of VPP's untagged objects is ours, and of the history; kept over restarts"),
  history: z
    .strictObject({
      maxAgeDays: z.number().min(0.01).max(3650).default(90).describe("Older entries are forgotten"),
      maxEntries: z.int().min(10).max(1_000_000).default(10_000).describe("The oldest beyond so many are forgotten"),
      maxMb: z
        .number()
        .min(1)
        .max(4096)
        .default(64)
        .describe("The oldest are forgotten where the file is longer (MiB)"),
    })
    .prefault({})
    .describe("How much is kept of what was applied when and why"),
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
