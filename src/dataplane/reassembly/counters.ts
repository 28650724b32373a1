import type { ErrorCounter, Severity } from "../model.ts";
import type { ErrorCounters } from "../trace/errors.ts";

/** In the words of ip.api's `counters ip4` and `ip6`, by node. */
const REASONS = {
  duplicate: ["duplicate/overlapping fragments", "error"],
  duplicate6: ["duplicate fragments", "error"],
  overlapping: ["overlapping fragments", "error"],
  limit: ["drops due to concurrent reassemblies limit", "error"],
  tooLong: ["fragment chain too long (drop)", "error"],
  malformed: ["malformed packets", "error"],
  internal: ["drops due to internal reassembly error", "error"],
  timeout: ["fragments dropped due to reassembly timeout", "error"],
  success: ["successful reassemblies", "info"],
  reassembled: ["fragments reassembled", "info"],
  received: ["fragments received", "info"],
  unsupported: ["unsupported ip protocol", "error"],
  missingUpper: ["missing-upper layer drops", "error"],
  invalidLength: ["invalid fragment length", "error"],
  invalidSize: ["drop due to invalid fragment size", "error"],
  noHeader: ["no fragmentation header", "info"],
} as const satisfies Record<string, readonly [string, Severity]>;

export type ReassemblyCounters = { readonly [K in keyof typeof REASONS]: ErrorCounter };

export function reassemblyCounters(errors: ErrorCounters, node: string): ReassemblyCounters {
  const entries = Object.entries(REASONS).map(([key, [reason, severity]]) => [
    key,
    errors.register(node, reason, severity),
  ]);
  return Object.fromEntries(entries) as ReassemblyCounters;
}
