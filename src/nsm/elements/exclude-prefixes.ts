import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { parseRange } from "../ip-pool.ts";
import { ipContextOf } from "../messages.ts";

/** A Request with more is refused. */
const MAX_PREFIXES = 1000;

/**
 * Keeps endpoints from handing out addresses of these prefixes (a cluster's pods and services, a node's networks):
 * adds them to what the Request excludes already, and checks what comes back (sdk pkg/networkservice/common/
 * excludedprefixes).
 */
export function excludePrefixes(prefixes: () => readonly string[]): ChainElement {
  return (next) => ({
    async request(request, call) {
      const context = ipContextOf(request.connection!);
      const all = [...new Set([...context.excludedPrefixes, ...prefixes()])];
      if (all.length > MAX_PREFIXES)
        throw new NsmError("INVALID", `${all.length} excluded prefixes, at most ${MAX_PREFIXES}`);
      const ranges = all.map(parseRange);
      context.excludedPrefixes = all;
      const connection = await next.request(request, call);
      for (const address of connection.context?.ipContext?.srcIpAddrs ?? []) {
        const { family, first } = parseRange(address.split("/")[0]!);
        const bar = ranges.findIndex((range) => range.family === family && first >= range.first && first <= range.last);
        if (bar < 0) continue;
        await next.close(connection, call).catch(() => undefined);
        throw new NsmError("CONFLICT", `the endpoint gave ${address}, which is in the excluded ${all[bar]!}`);
      }
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}
