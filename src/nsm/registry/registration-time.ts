import { systemClock, type Clock } from "../clock.ts";
import { newEndpoint, toTimestamp, type EndpointInfo } from "../messages.ts";
import type { Registry } from "./registry.ts";

/**
 * Endpoints keep the time of their first registration over renewals (sdk pkg/registry/common/setregistrationtime). A time
 * that the endpoint brings itself, from a registry that was before, is taken over.
 */
export function registrationTime(next: Registry<EndpointInfo>, clock: Clock = systemClock): Registry<EndpointInfo> {
  return {
    async register(info, call) {
      const known = (await next.find(newEndpoint({ name: info.name }), call)).find((each) => each.name === info.name);
      const first = known?.initialRegistrationTime ?? info.initialRegistrationTime ?? toTimestamp(clock.now());
      return next.register({ ...info, initialRegistrationTime: first }, call);
    },
    unregister: (info, call) => next.unregister(info, call),
    find: (query, call) => next.find(query, call),
    watch: (query, call, onEvent) => next.watch(query, call, onEvent),
  };
}
