import { onAbort } from "../../sys/on-abort.ts";
import type { Call } from "../call.ts";
import { NsmError } from "../errors.ts";
import { clone, type EndpointInfo, type NetworkServiceInfo, type RegistryEvent } from "../messages.ts";
import { matchesEndpoint, matchesService } from "./match.ts";
import type { Registries, Registry } from "./registry.ts";

export interface MemoryOptions {
  /** Entries at most. Default 10,000. */
  readonly maxEntries?: number;
  /** Watches at most. Default 1,000. */
  readonly maxWatches?: number;
}

/** A registry that forgets with the process. */
export class MemoryRegistry<T extends { name: string }> implements Registry<T> {
  readonly #entries = new Map<string, T>();
  readonly #watches = new Set<(event: RegistryEvent<T>) => void>();
  readonly #matches: (query: T, info: T) => boolean;
  readonly #maxEntries: number;
  readonly #maxWatches: number;

  constructor(matches: (query: T, info: T) => boolean, options: MemoryOptions = {}) {
    this.#matches = matches;
    this.#maxEntries = options.maxEntries ?? 10_000;
    this.#maxWatches = options.maxWatches ?? 1000;
  }

  get size(): number {
    return this.#entries.size;
  }

  get watches(): number {
    return this.#watches.size;
  }

  register(info: T): Promise<T> {
    if (info.name === "") return Promise.reject(new NsmError("INVALID", "what is registered needs a name"));
    if (!this.#entries.has(info.name) && this.#entries.size >= this.#maxEntries)
      return Promise.reject(new NsmError("EXHAUSTED", `${this.#entries.size} are registered already`));
    this.#entries.set(info.name, clone(info));
    this.#tell({ info, deleted: false });
    return Promise.resolve(clone(info));
  }

  unregister({ name }: T): Promise<void> {
    const info = this.#entries.get(name);
    this.#entries.delete(name);
    if (info !== undefined) this.#tell({ info, deleted: true });
    return Promise.resolve();
  }

  find(query: T): Promise<T[]> {
    return Promise.resolve(
      [...this.#entries.values()].filter((info) => this.#matches(query, info)).map((info) => clone(info)),
    );
  }

  async watch(query: T, call: Call, onEvent: (event: RegistryEvent<T>) => void): Promise<void> {
    if (this.#watches.size >= this.#maxWatches)
      throw new NsmError("EXHAUSTED", `${this.#watches.size} watches are served already`);
    await new Promise<void>((resolve, reject) => {
      const over = () => {
        this.#watches.delete(watch);
        resolve();
      };
      // A watcher that fails ends its own watch, and nobody else's call.
      const watch = (event: RegistryEvent<T>) => {
        if (!this.#matches(query, event.info)) return;
        try {
          onEvent(clone(event));
        } catch (error) {
          this.#watches.delete(watch);
          forget();
          reject(NsmError.from(error));
        }
      };
      this.#watches.add(watch);
      const forget = onAbort(call.signal, over);
      for (const info of this.#entries.values()) watch({ info, deleted: false });
      if (call.signal.aborted) over();
    });
  }

  #tell(event: RegistryEvent<T>): void {
    for (const watch of [...this.#watches]) watch(event);
  }
}

/** Both registries in memory. */
export function memoryRegistries(options: MemoryOptions = {}): Registries & {
  readonly services: MemoryRegistry<NetworkServiceInfo>;
  readonly endpoints: MemoryRegistry<EndpointInfo>;
} {
  return {
    services: new MemoryRegistry(matchesService, options),
    endpoints: new MemoryRegistry(matchesEndpoint, options),
  };
}
