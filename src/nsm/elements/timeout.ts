import { Aborts } from "../aborts.ts";
import { CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { systemClock, type Clock } from "../clock.ts";
import { NsmError } from "../errors.ts";
import { fromTimestamp, previousSegment, type Connection } from "../messages.ts";
import { CONNECTION_EVENTS } from "./begin.ts";
import { storeOf } from "./store.ts";

/** A Close through a mesh takes some milliseconds, on a busy machine some hundred. */
const LEAST_ALLOWANCE_MS = 1000;
const TIMER = new CallKey<AbortController>("timeout");

/**
 * A server's: closes a connection that its client no longer refreshes, when the client's token expires, less the time
 * that the Request had (sdk pkg/networkservice/common/timeout). After `begin` and `connectionStore`.
 * @param signal ends all timers
 */
export function timeout(signal: AbortSignal, clock: Clock = systemClock): ChainElement {
  const aborts = new Aborts(signal);
  return (next) => ({
    async request(request, call) {
      const allowanceMs = call.remainingMs() ?? 0;
      const expiresMs = expirationOf(request.connection!, clock.now());
      const connection = await next.request(request, call);
      const store = storeOf(call);
      aborts.end(store.take(TIMER));
      const timer = aborts.create();
      store.set(TIMER, timer);
      const events = call.get(CONNECTION_EVENTS);
      const lifetimeMs = expiresMs - clock.now();
      clock.after(lifetimeMs - earlierBy(allowanceMs, lifetimeMs), timer.signal, () => {
        void events?.close({ signal: timer.signal }).catch(() => undefined);
      });
      return connection;
    },
    async close(connection, call) {
      const timer = storeOf(call).take(TIMER);
      try {
        await next.close(connection, call);
      } finally {
        // Not before: a Close that the timer itself has begun is cut short by its end.
        aborts.end(timer);
      }
    },
  });
}

/**
 * The hops behind refuse a Close whose first tokens have expired, so it starts while they live. A deadline longer than
 * the token lives would end the connection at once.
 */
function earlierBy(allowanceMs: number, lifetimeMs: number): number {
  return Math.min(Math.max(allowanceMs, LEAST_ALLOWANCE_MS), lifetimeMs / 2);
}

/** Looked at before anything is made. @throws NsmError INVALID, DENIED */
function expirationOf(connection: Connection, nowMs: number): number {
  const expiresMs = fromTimestamp(previousSegment(connection)?.expires);
  if (expiresMs === undefined)
    throw new NsmError("INVALID", "the previous path segment has no expiration: the call brought no token");
  if (expiresMs <= nowMs) throw new NsmError("DENIED", "the previous path segment's token has expired already");
  return expiresMs;
}
