import { CallKey, type Call } from "../call.ts";
import type { NetworkService } from "../chain.ts";
import { clone, type Connection } from "../messages.ts";

const CLEAN_UP_MS = 5000;

/** Set by `begin` on a Request that makes a connection, not on one that refreshes it. */
export const IS_NEW = new CallKey<true>("makes a connection");

/**
 * For an element that fails after the ones behind it have succeeded: closes what they have made, where this Request made
 * it, since nobody would do it later.
 */
export async function undoNew(next: NetworkService, connection: Connection, call: Call): Promise<void> {
  if (call.get(IS_NEW) !== true) return;
  await call.renewed(CLEAN_UP_MS, (own) => next.close(clone(connection), own)).catch(() => undefined);
}
