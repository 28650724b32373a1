import { Aborts } from "../aborts.ts";
import { Call } from "../call.ts";
import { systemClock, type Clock } from "../clock.ts";
import { fromTimestamp, toTimestamp, type EndpointInfo, type RegistryEvent } from "../messages.ts";
import { readToken } from "../token.ts";
import type { Registry } from "./registry.ts";

export interface ExpireOptions {
  /** The longest that a registration lives without being renewed. Default 60,000. */
  readonly maxLifetimeMs?: number;
  readonly clock?: Clock;
}

const DEFAULT_LIFETIME_MS = 60_000;
const UNREGISTER_MS = 15_000;

/**
 * Endpoints that are not registered again are unregistered: when the least of what they ask for, their token's and the
 * registry's own lifetime is over (sdk pkg/registry/common/expire). @param signal ends all timers
 */
export function expiringEndpoints(
  next: Registry<EndpointInfo>,
  signal: AbortSignal,
  options: ExpireOptions = {},
): Registry<EndpointInfo> {
  const clock = options.clock ?? systemClock;
  const aborts = new Aborts(signal);
  const timers = new Map<string, AbortController>();
  const forget = (name: string) => {
    aborts.end(timers.get(name));
    timers.delete(name);
  };
  return {
    async register(info, call) {
      const limits = [
        clock.now() + (options.maxLifetimeMs ?? DEFAULT_LIFETIME_MS),
        readToken(call)?.expiresMs,
        fromTimestamp(info.expirationTime),
      ];
      const expiresMs = Math.min(...limits.filter((each) => each !== undefined));
      const registered = await next.register({ ...info, expirationTime: toTimestamp(expiresMs) }, call);
      const earliest = Math.min(expiresMs, fromTimestamp(registered.expirationTime) ?? Infinity);
      forget(registered.name);
      const timer = aborts.create();
      timers.set(registered.name, timer);
      clock.after(earliest - clock.now(), timer.signal, () => {
        forget(registered.name);
        void Call.within(UNREGISTER_MS, (own) => next.unregister(registered, own)).catch(() => undefined);
      });
      return registered;
    },
    unregister(info, call) {
      forget(info.name);
      return next.unregister(info, call);
    },
    find: (query, call) => next.find(query, call),
    watch: (query, call: Call, onEvent: (event: RegistryEvent<EndpointInfo>) => void) =>
      next.watch(query, call, onEvent),
  };
}
