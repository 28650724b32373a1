import type * as grpc from "@grpc/grpc-js";
import { Aborts, pause } from "../aborts.ts";
import { Call } from "../call.ts";
import { Channel } from "../channel.ts";
import { systemClock, type Clock } from "../clock.ts";
import {
  clone,
  fromTimestamp,
  newEndpoint,
  newService,
  type EndpointInfo,
  type NetworkServiceInfo,
  type RegistryEvent,
} from "../messages.ts";
import type { TokenGenerator } from "../token.ts";
import type { Registry } from "./registry.ts";
import { remoteRegistries } from "./remote.ts";

export interface RegistryClientOptions {
  /** Of the manager or registry. */
  readonly url: string;
  readonly credentials?: grpc.ChannelCredentials;
  readonly tokens: TokenGenerator;
  /** Default 15,000. */
  readonly callTimeoutMs?: number;
  readonly dialTimeoutMs?: number;
  readonly clock?: Clock;
  /** Hears of what failed and is tried again. */
  readonly onError?: (error: unknown, what: string) => void;
}

/** Renewed after so much of its remaining time (sdk pkg/registry/common/refresh). */
const RENEW_AFTER = 2 / 3;
const MIN_CALL_MS = 1000;
const RETRY = { firstMs: 200, lastMs: 5000 };

/** One registered endpoint: renewed until it is unregistered, registered again when the registry forgot it. */
export interface Registration {
  /** As the registry has it now. */
  readonly info: EndpointInfo;
  /** @throws NsmError; it is not renewed any more all the same */
  unregister(): Promise<void>;
}

export class RegistryClient {
  readonly #registries: ReturnType<typeof remoteRegistries>;
  #channel: Channel;
  readonly #options: RegistryClientOptions;
  readonly #abort = new AbortController();
  readonly #aborts = new Aborts(this.#abort.signal);
  readonly #services = new Map<string, AbortController>();

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#channel = this.#dial();
    this.#registries = remoteRegistries(() => this.#current());
  }

  /**
   * Registers a network service, and again when the registry comes back after it was lost: one in memory has forgotten
   * it. @throws NsmError: the first attempt failed, and none follows
   */
  async registerService(service: Partial<NetworkServiceInfo>): Promise<NetworkServiceInfo> {
    const { services } = this.#registries;
    const register = () => this.#brief((call) => services.register(newService(service), call));
    const registered = await register();
    const { name } = registered;
    this.#aborts.end(this.#services.get(name));
    const life = this.#aborts.create();
    this.#services.set(name, life);
    const again = () =>
      void this.#persist(register, life.signal, `registering network service ${name} again`).catch(() => undefined);
    void this.#keepWatching(services, newService({ name }), () => undefined, life.signal, again);
    return registered;
  }

  /** It is not registered again any more. @throws NsmError */
  async unregisterService(name: string): Promise<void> {
    this.#aborts.end(this.#services.get(name));
    this.#services.delete(name);
    await this.#within((call) => this.#registries.services.unregister(newService({ name }), call));
  }

  findServices(query: Partial<NetworkServiceInfo> = {}): Promise<NetworkServiceInfo[]> {
    return this.#within((call) => this.#registries.services.find(newService(query), call));
  }

  findEndpoints(query: Partial<EndpointInfo> = {}): Promise<EndpointInfo[]> {
    return this.#within((call) => this.#registries.endpoints.find(newEndpoint(query), call));
  }

  /** What is there, then every change, over the loss and return of the registry, until the signal fires. */
  watchEndpoints(
    query: Partial<EndpointInfo>,
    onEvent: (event: RegistryEvent<EndpointInfo>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#keepWatching(this.#registries.endpoints, newEndpoint(query), onEvent, signal, () => undefined);
  }

  watchServices(
    query: Partial<NetworkServiceInfo>,
    onEvent: (event: RegistryEvent<NetworkServiceInfo>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#keepWatching(this.#registries.services, newService(query), onEvent, signal, () => undefined);
  }

  /** Registers and keeps registered. @throws NsmError: the first attempt failed, and none follows */
  async registerEndpoint(endpoint: Partial<EndpointInfo>): Promise<Registration> {
    const wanted = newEndpoint(endpoint);
    const { endpoints } = this.#registries;
    let info = await this.#brief((call) => endpoints.register(clone(wanted), call));
    const life = this.#aborts.create();
    // One renewal at a time: the timer's and the watch's may come together.
    let renewing: Promise<void> | undefined;
    const renew = () => {
      const { name, pathIds, initialRegistrationTime } = info;
      const renewed = { ...clone(wanted), name, pathIds, initialRegistrationTime };
      return this.#brief((call) => endpoints.register(renewed, call));
    };
    let timer = this.#scheduleRenewal(info, life.signal, () => again());
    const again = (): void => {
      renewing ??= this.#persist(renew, life.signal, `registering endpoint ${info.name} again`).then((renewed) => {
        if (renewed !== undefined) info = renewed;
        renewing = undefined;
        this.#aborts.end(timer);
        if (!life.signal.aborted) timer = this.#scheduleRenewal(info, life.signal, again);
      });
    };
    // Whoever else removed it, this endpoint is still there.
    const onEvent = ({ deleted }: RegistryEvent<EndpointInfo>) => {
      if (deleted && !life.signal.aborted) again();
    };
    void this.#keepWatching(endpoints, newEndpoint({ name: info.name }), onEvent, life.signal, again);
    return {
      get info() {
        return clone(info);
      },
      unregister: async () => {
        this.#aborts.end(life);
        this.#aborts.end(timer);
        await renewing;
        await this.#within((call) => endpoints.unregister(clone(info), call));
      },
    };
  }

  /** Lets go of everything; registrations end when they expire, unless they were unregistered. */
  close(): void {
    this.#abort.abort();
    this.#channel.close();
    this.#registries.close();
  }

  #dial(): Channel {
    const { url, credentials, tokens, dialTimeoutMs } = this.#options;
    return new Channel(url, {
      tokens,
      ...(credentials === undefined ? {} : { credentials }),
      ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
    });
  }

  /** Watches go on over the channel on which they began. */
  #current(): Channel {
    if (this.#channel.stale) {
      this.#channel.retire();
      this.#channel = this.#dial();
    }
    return this.#channel;
  }

  /** One timer at a time: each renewal ends the one before. */
  #scheduleRenewal(info: EndpointInfo, signal: AbortSignal, renew: () => void): AbortController | undefined {
    const clock = this.#options.clock ?? systemClock;
    const expiresMs = fromTimestamp(info.expirationTime);
    if (expiresMs === undefined || signal.aborted) return undefined;
    const timer = this.#aborts.create();
    clock.after(Math.max(RETRY.firstMs, (expiresMs - clock.now()) * RENEW_AFTER), timer.signal, renew);
    return timer;
  }

  /** Until it succeeds or the signal fires. */
  async #persist<T>(work: () => Promise<T>, signal: AbortSignal, what: string): Promise<T | undefined> {
    for (let waitMs = RETRY.firstMs; !signal.aborted; waitMs = Math.min(2 * waitMs, RETRY.lastMs)) {
      try {
        return await work();
      } catch (error) {
        this.#options.onError?.(error, what);
        await pause(waitMs, signal);
      }
    }
    return undefined;
  }

  async #keepWatching<T>(
    registry: Registry<T>,
    query: T,
    onEvent: (event: RegistryEvent<T>) => void,
    signal: AbortSignal,
    onLoss: () => void,
  ): Promise<void> {
    for (let waitMs = RETRY.firstMs; !signal.aborted && !this.#abort.signal.aborted;) {
      try {
        await registry.watch(clone(query), new Call({ signal }), (event) => {
          waitMs = RETRY.firstMs;
          onEvent(event);
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError?.(error, "watching the registry");
      }
      await pause(waitMs, signal);
      waitMs = Math.min(2 * waitMs, RETRY.lastMs);
      if (!signal.aborted) onLoss();
    }
  }

  /**
   * A registration ends so long before it expires as its call had time (sdk pkg/registry/common/expire): tokens that live
   * shortly leave less time for it, so that there is some for the renewal.
   */
  async #brief<T>(work: (call: Call) => Promise<T>): Promise<T> {
    const clock = this.#options.clock ?? systemClock;
    const { expiresMs } = await this.#options.tokens(this.#channel.peer);
    return this.#within(work, Math.max(MIN_CALL_MS, (expiresMs - clock.now()) / 6));
  }

  #within<T>(work: (call: Call) => Promise<T>, atMostMs = Infinity): Promise<T> {
    const timeoutMs = Math.min(this.#options.callTimeoutMs ?? 15_000, atMostMs);
    return Call.within(timeoutMs, work, this.#abort.signal);
  }
}
