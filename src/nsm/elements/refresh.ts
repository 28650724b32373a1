import { Aborts } from "../aborts.ts";
import { CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { systemClock, type Clock } from "../clock.ts";
import { fromTimestamp, type Connection } from "../messages.ts";
import { CONNECTION_EVENTS, type ConnectionEvents } from "./begin.ts";
import { storeOf } from "./store.ts";

const TIMER = new CallKey<AbortController>("refresh");
const RETRY_MS = 200;

export interface RefreshOptions {
  readonly clock?: Clock;
  /** Hears of each refresh that failed. */
  readonly onError?: (error: unknown, connection: Connection) => void;
}

/**
 * A client's: requests the connection again before the first token on its path expires
 * (sdk pkg/networkservice/common/refresh). Failures are tried again each 200 ms. After `begin` and `connectionStore`.
 * @param signal ends all timers
 */
export function refresh(signal: AbortSignal, options: RefreshOptions = {}): ChainElement {
  const clock = options.clock ?? systemClock;
  const aborts = new Aborts(signal);
  const schedule = (connection: Connection, events: ConnectionEvents, timer: AbortController, delayMs: number) => {
    clock.after(delayMs, timer.signal, () => {
      events.request({ signal: timer.signal }).catch((error: unknown) => {
        options.onError?.(error, connection);
        schedule(connection, events, timer, RETRY_MS);
      });
    });
  };
  return (next) => ({
    async request(request, call) {
      const connection = await next.request(request, call);
      const store = storeOf(call);
      aborts.end(store.take(TIMER));
      const events = call.get(CONNECTION_EVENTS);
      if (events === undefined) return connection;
      const timer = aborts.create();
      store.set(TIMER, timer);
      schedule(connection, events, timer, refreshDelayMs(connection, clock.now()));
      return connection;
    },
    close(connection, call) {
      aborts.end(storeOf(call).take(TIMER));
      return next.close(connection, call);
    },
  });
}

/**
 * When to refresh, in ms from now: a fifth of the shortest lifetime on the path, later for hops further on (refreshing
 * hops of one path then do not do it all at once), a third where there is one segment.
 */
export function refreshDelayMs(connection: Connection, nowMs: number): number {
  const segments = connection.path?.pathSegments ?? [];
  const lifetimes = segments.map((segment) => fromTimestamp(segment.expires)).filter((each) => each !== undefined);
  if (lifetimes.length === 0) return RETRY_MS;
  const shortest = Math.min(...lifetimes) - nowMs;
  const scale = segments.length > 1 ? 0.2 + (0.2 * (connection.path?.index ?? 0)) / segments.length : 1 / 3;
  return Math.max(RETRY_MS, shortest * scale);
}
