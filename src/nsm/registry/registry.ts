import type { Call } from "../call.ts";
import type { EndpointInfo, NetworkServiceInfo, RegistryEvent } from "../messages.ts";

/** A registry of one kind of thing: in memory, or somewhere else. Infos are the callee's. */
export interface Registry<T> {
  /** Adds or renews. @returns as it is registered: its name and expiration may differ @throws NsmError */
  register(info: T, call: Call): Promise<T>;
  /** What is not there is no error. @throws NsmError */
  unregister(info: T, call: Call): Promise<void>;
  /** What agrees with every field that is set in `query`. @throws NsmError */
  find(query: T, call: Call): Promise<T[]>;
  /** What is there, then every change, until the call's signal fires. @throws NsmError: it cannot go on */
  watch(query: T, call: Call, onEvent: (event: RegistryEvent<T>) => void): Promise<void>;
}

export interface Registries {
  readonly services: Registry<NetworkServiceInfo>;
  readonly endpoints: Registry<EndpointInfo>;
}
