import { Metadata, type ServiceDefinition } from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import type { Channel } from "../channel.ts";
import { NsmError } from "../errors.ts";
import type { RegistryEvent } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import { readPath, writePath, type RegistryPath } from "./path.ts";
import type { Registries, Registry } from "./registry.ts";

type Response<T> = Record<string, T | boolean | null>;

/** A registry behind a channel. The path of each entry is kept, as its next call needs it. */
class RemoteRegistry<T extends { name: string }> implements Registry<T> {
  readonly #channel: Channel;
  readonly #service: ServiceDefinition;
  readonly #field: string;
  readonly #paths = new Map<string, RegistryPath>();

  constructor(channel: Channel, service: ServiceDefinition, field: string) {
    this.#channel = channel;
    this.#service = service;
    this.#field = field;
  }

  async register(info: T, call: Call): Promise<T> {
    const registered = await this.#unary<T>("Register", info, call);
    // The registry may have given it another name.
    const path = this.#paths.get(info.name);
    if (path !== undefined) this.#paths.set(registered.name, path);
    return registered;
  }

  async unregister(info: T, call: Call): Promise<void> {
    await this.#unary("Unregister", info, call);
    this.#paths.delete(info.name);
  }

  async find(query: T, call: Call): Promise<T[]> {
    const found: T[] = [];
    const collect = ({ info, deleted }: RegistryEvent<T>) => {
      if (!deleted) found.push(info);
    };
    await this.#stream(query, false, call, collect);
    return found;
  }

  async watch(query: T, call: Call, onEvent: (event: RegistryEvent<T>) => void): Promise<void> {
    await this.#stream(query, true, call, onEvent);
    if (!call.signal.aborted) throw new NsmError("UNAVAILABLE", `${this.#channel.url} ended the watch`);
  }

  async #unary<R>(name: string, info: T, call: Call): Promise<R> {
    const metadata = new Metadata();
    writePath(metadata, this.#paths.get(info.name) ?? { index: 0, tokens: [] });
    const method = this.#service[name]!;
    const { response, headers } = await this.#channel.unaryWithMetadata<T, R>(method, info, call, metadata);
    const path = readPath(headers.get("path").map(String));
    if (path !== undefined) this.#paths.set(info.name, path);
    return response;
  }

  async #stream(query: T, watch: boolean, call: Call, onEvent: (event: RegistryEvent<T>) => void): Promise<void> {
    const message = { [this.#field]: query, watch };
    const stream = await this.#channel.stream(this.#service["Find"]!, message, call);
    await new Promise<void>((resolve, reject) => {
      stream.on("data", (response: Response<T>) => {
        const info = response[this.#field] as T | null;
        if (info !== null) onEvent({ info, deleted: response["deleted"] === true });
      });
      stream.on("end", resolve);
      stream.on("error", (error) => {
        if (call.signal.aborted && watch) resolve();
        else reject(NsmError.from(error, this.#channel.url));
      });
    });
  }
}

/** The registries of a manager or registry server. */
export function remoteRegistries(channel: Channel): Registries {
  const { serviceRegistry, endpointRegistry } = nsmServices();
  return {
    services: new RemoteRegistry(channel, serviceRegistry, "networkService"),
    endpoints: new RemoteRegistry(channel, endpointRegistry, "networkServiceEndpoint"),
  };
}
