import { CallKey, type Call } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";

/** Values that stay with a connection from its first Request to its Close. */
export class ConnectionStore {
  readonly #values = new Map<CallKey<unknown>, unknown>();

  get<T>(key: CallKey<T>): T | undefined {
    return this.#values.get(key) as T | undefined;
  }

  set<T>(key: CallKey<T>, value: T): void {
    this.#values.set(key, value);
  }

  /** Removes and returns a value. */
  take<T>(key: CallKey<T>): T | undefined {
    const value = this.get(key);
    this.#values.delete(key);
    return value;
  }
}

const STORE = new CallKey<ConnectionStore>("connection store");

/** The store of the call's connection. @throws NsmError INTERNAL: the chain has no {@link connectionStore} before */
export function storeOf(call: Call): ConnectionStore {
  const store = call.get(STORE);
  if (store === undefined) throw new NsmError("INTERNAL", "this chain needs connectionStore() before this element");
  return store;
}

/** Gives each connection its store (sdk pkg/networkservice/utils/metadata). After `begin`, before whoever uses it. */
export function connectionStore(): ChainElement {
  return (next) => {
    const stores = new Map<string, ConnectionStore>();
    return {
      async request(request, call) {
        if (call.get(STORE) !== undefined) return next.request(request, call);
        const id = request.connection?.id ?? "";
        const known = stores.get(id);
        const store = known ?? new ConnectionStore();
        stores.set(id, store);
        try {
          return await next.request(request, call.with(STORE, store));
        } catch (error) {
          if (known === undefined) stores.delete(id);
          throw error;
        }
      },
      close(connection, call) {
        if (call.get(STORE) !== undefined) return next.close(connection, call);
        const store = stores.get(connection.id) ?? new ConnectionStore();
        stores.delete(connection.id);
        return next.close(connection, call.with(STORE, store));
      },
    };
  };
}
