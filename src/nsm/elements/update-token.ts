import type { Call } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { currentSegment, previousSegment, toTimestamp, type Connection } from "../messages.ts";
import { readToken, type TokenGenerator } from "../token.ts";
import { OWN_ACCORD, RefusedError } from "./begin.ts";

/**
 * A server's: writes the caller's token (from the RPC's metadata) into the segment before, and a token of its own into
 * its segment (sdk pkg/networkservice/common/updatetoken).
 */
export function updateToken(generate: TokenGenerator): ChainElement {
  return (next) => ({
    async request(request, call) {
      await update(request.connection, call, generate);
      return next.request(request, call);
    },
    async close(connection, call) {
      await update(connection, call, generate).catch((error: unknown) => {
        // What ends of its own accord ends here also without a token for the hops behind.
        if (call.get(OWN_ACCORD) !== true) throw RefusedError.of(error);
      });
      return next.close(connection, call);
    },
  });
}

async function update(connection: Connection | null, call: Call, generate: TokenGenerator): Promise<void> {
  const own = connection === null ? undefined : currentSegment(connection);
  if (connection === null || own === undefined) throw new NsmError("INVALID", "the connection has no path");
  const before = previousSegment(connection);
  // What this chain does of its own accord brings no token of the caller.
  const token = before === undefined || call.get(OWN_ACCORD) === true ? undefined : readToken(call);
  if (before !== undefined && token !== undefined) {
    before.token = token.token;
    before.expires = toTimestamp(token.expiresMs);
  }
  const mine = await generate(call.peer);
  own.token = mine.token;
  own.expires = toTimestamp(mine.expiresMs);
}
