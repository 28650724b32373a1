import { isDeepStrictEqual } from "node:util";
import type { Call } from "../call.ts";
import { checkTokens } from "../elements/authorize.ts";
import { NsmError } from "../errors.ts";
import { newEndpoint, newSegment, newService, type NetworkServiceInfo } from "../messages.ts";
import type { RegistryPath } from "./path.ts";
import type { Registries, Registry } from "./registry.ts";

/** The policies of NSM on the tokens of a registry call (sdk pkg/registry/common/authorize). @throws NsmError DENIED */
export function authorizePath({ index, tokens }: RegistryPath, call: Call): void {
  const segments = tokens.slice(0, index + 1).map((token, i) => newSegment({ name: `hop ${i}`, token }));
  checkTokens(segments, { peer: call.peer, index: index - 1 }, Date.now());
}

/**
 * What one SPIFFE ID registered no other changes or takes away (sdk pkg/tools/opa/policies/registry). Several may
 * register the same service, as long as they say the same of it.
 */
export function ownedRegistries({ services, endpoints }: Registries): Registries {
  const same = (before: NetworkServiceInfo, now: NetworkServiceInfo) =>
    isDeepStrictEqual({ ...before, pathIds: [] }, { ...now, pathIds: [] });
  return {
    services: owned(services, (name) => newService({ name }), same),
    endpoints: owned(
      endpoints,
      (name) => newEndpoint({ name }),
      () => false,
    ),
  };
}

function owned<T extends { name: string; pathIds: string[] }>(
  registry: Registry<T>,
  byName: (name: string) => T,
  changesNothing: (before: T, now: T) => boolean,
): Registry<T> {
  const ofAnother = async (info: T, call: Call): Promise<T | undefined> => {
    const found = await registry.find(byName(info.name), call);
    const before = found.find((each) => each.name === info.name);
    return before === undefined || before.pathIds[0] === info.pathIds[0] ? undefined : before;
  };
  const denied = (info: T) =>
    new NsmError("DENIED", `${info.name} is registered by another than ${info.pathIds[0] ?? "one without identity"}`);
  return {
    async register(info, call) {
      const before = await ofAnother(info, call);
      if (before === undefined) return registry.register(info, call);
      if (changesNothing(before, info)) return before;
      throw denied(info);
    },
    async unregister(info, call) {
      if ((await ofAnother(info, call)) !== undefined) throw denied(info);
      await registry.unregister(info, call);
    },
    find: (query, call) => registry.find(query, call),
    watch: (query, call, onEvent) => registry.watch(query, call, onEvent),
  };
}
