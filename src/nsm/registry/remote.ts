import { Metadata, type ServiceDefinition } from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import type { Channel } from "../channel.ts";
import { NsmError } from "../errors.ts";
import type { RegistryEvent } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import { EndpointSockets } from "./descriptors.ts";
import { readPath, writePath, type RegistryPath } from "./path.ts";
import type { Registries, Registry } from "./registry.ts";

type Response<T> = Record<string, T | boolean | null>;

/** What is done to entries on their way out and in. */
interface Carrier<T> {
  send(info: T, channel: Channel, call: Call): Promise<T>;
  receive(info: T, channel: Channel, call: Call): Promise<T>;
  forget(name: string): void;
}

/** A registry behind a channel. The path of each entry is kept, as its next call needs it. */
class RemoteRegistry<T extends { name: string }> implements Registry<T> {
  readonly #channelNow: () => Channel;
  readonly #service: ServiceDefinition;
  readonly #field: string;
  readonly #carrier: Carrier<T> | undefined;
  readonly #paths = new Map<string, RegistryPath>();

  constructor(channel: () => Channel, service: ServiceDefinition, field: string, carrier?: Carrier<T>) {
    this.#channelNow = channel;
    this.#service = service;
    this.#field = field;
    this.#carrier = carrier;
  }

  async register(info: T, call: Call): Promise<T> {
    const channel = this.#channelNow();
    const sent = (await this.#carrier?.send(info, channel, call)) ?? info;
    const answered = await this.#unary<T>("Register", sent, channel, call);
    const registered = (await this.#carrier?.receive(answered, channel, call)) ?? answered;
    // The registry may have given it another name.
    const path = this.#paths.get(info.name);
    if (path !== undefined) this.#paths.set(registered.name, path);
    return registered;
  }

  async unregister(info: T, call: Call): Promise<void> {
    const channel = this.#channelNow();
    const sent = (await this.#carrier?.send(info, channel, call)) ?? info;
    await this.#unary("Unregister", sent, channel, call);
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
    if (!call.signal.aborted) throw new NsmError("UNAVAILABLE", `${this.#channelNow().url} ended the watch`);
  }

  async #unary<R>(name: string, info: T, channel: Channel, call: Call): Promise<R> {
    const metadata = new Metadata();
    writePath(metadata, this.#paths.get(info.name) ?? { index: 0, tokens: [] });
    const method = this.#service[name]!;
    const { response, headers } = await channel.unaryWithMetadata<T, R>(method, info, call, metadata);
    const path = readPath(headers.get("path").map(String));
    if (path !== undefined) this.#paths.set(info.name, path);
    return response;
  }

  async #stream(query: T, watch: boolean, call: Call, onEvent: (event: RegistryEvent<T>) => void): Promise<void> {
    const message = { [this.#field]: query, watch };
    const channel = this.#channelNow();
    const stream = await channel.stream(this.#service["Find"]!, message, call);
    // Descriptors may come after what names them: one entry after another.
    let done = Promise.resolve();
    const take = async (info: T, deleted: boolean): Promise<void> => {
      if (deleted) this.#carrier?.forget(info.name);
      const received = deleted ? info : ((await this.#carrier?.receive(info, channel, call)) ?? info);
      onEvent({ info: received, deleted });
    };
    await new Promise<void>((resolve, reject) => {
      stream.on("data", (response: Response<T>) => {
        const info = response[this.#field] as T | null;
        if (info === null) return;
        done = done.then(() => take(info, response["deleted"] === true));
        done.catch((error: unknown) => {
          stream.cancel();
          reject(NsmError.from(error, channel.url));
        });
      });
      stream.on("end", () => void done.then(resolve, reject));
      stream.on("error", (error) => {
        if (call.signal.aborted && watch) resolve();
        else reject(NsmError.from(error, channel.url));
      });
    });
  }
}

/** The registries of a manager or registry server. @param channel or what gives it for each call: then whoever has it closes this */
export function remoteRegistries(channel: Channel | (() => Channel)): Registries & { close(): void } {
  const { serviceRegistry, endpointRegistry } = nsmServices();
  const now = typeof channel === "function" ? channel : () => channel;
  const sockets = new EndpointSockets();
  if (typeof channel !== "function") channel.onClose(() => sockets.close());
  return {
    services: new RemoteRegistry(now, serviceRegistry, "networkService"),
    endpoints: new RemoteRegistry(now, endpointRegistry, "networkServiceEndpoint", sockets),
    close: () => sockets.close(),
  };
}
