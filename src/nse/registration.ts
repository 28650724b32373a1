import type { ChannelCredentials } from "@grpc/grpc-js";
import {
  fromTimestamp,
  newEndpoint,
  RegistryClient,
  type Registration,
  type TokenGenerator,
} from "@networkservicemesh/sdk-ts";
import { messageOf } from "./errors.ts";
import type { RegistrationState } from "./events.ts";
import type { NseSettings } from "./settings.ts";

export interface RegistrationOptions {
  readonly settings: NseSettings;
  /** Where we serve. */
  readonly url: string;
  readonly tokens: TokenGenerator;
  readonly credentials?: ChannelCredentials;
  /** Hears of each failure that is new. */
  readonly failed: (message: string) => void;
  /** The endpoint is registered for the first time; its name may be another than it was given. */
  readonly registered: (name: string) => void;
}

const RETRY = { firstMs: 250, lastMs: 5000 } as const;
/** The service itself is looked for so often: a registry that was restarted has lost it. */
const SERVICE_PERIOD_MS = 5000;
const UNREGISTER_MS = 3000;

/** Keeps service and endpoint registered until it is closed. */
export class EndpointRegistration {
  readonly #options: RegistrationOptions;
  readonly #client: RegistryClient;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #registration: Registration | undefined;
  #told: string | undefined;

  /** As it is now. */
  get state(): RegistrationState {
    const info = this.#registration?.info;
    const expiresMs = fromTimestamp(info?.expirationTime);
    const registered = info !== undefined && (expiresMs === undefined || expiresMs > Date.now());
    return {
      registered: registered && !this.#abort.signal.aborted,
      ...(info === undefined ? {} : { name: info.name }),
      ...(expiresMs === undefined ? {} : { expiresMs }),
      ...(this.#told === undefined ? {} : { error: this.#told }),
    };
  }

  constructor(options: RegistrationOptions) {
    this.#options = options;
    const { settings, tokens, credentials } = options;
    this.#client = new RegistryClient({
      url: settings.connectTo,
      tokens,
      ...(credentials === undefined ? {} : { credentials }),
      callTimeoutMs: settings.requestTimeoutMs,
      dialTimeoutMs: settings.dialTimeoutMs,
      onError: (error, what) => this.#tell(`${what}: ${messageOf(error)}`),
    });
    this.#running = this.#run();
  }

  /** Unregisters, as far as the registry answers in time. */
  async close(): Promise<void> {
    this.#abort.abort();
    await within(UNREGISTER_MS, this.#running);
    await within(
      UNREGISTER_MS,
      this.#registration?.unregister().catch(() => undefined),
    );
    this.#client.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let waitMs: number = RETRY.firstMs;
    while (!signal.aborted) {
      try {
        await this.#ensure();
        waitMs = RETRY.firstMs;
        this.#told = undefined;
        await pause(SERVICE_PERIOD_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#tell(messageOf(error));
        await pause(waitMs, signal);
        waitMs = Math.min(2 * waitMs, RETRY.lastMs);
      }
    }
  }

  async #ensure(): Promise<void> {
    const { settings, url, registered } = this.#options;
    const { service, payload, name, labels } = settings;
    const known = await this.#client.findServices({ name: service });
    if (!known.some((one) => one.name === service)) await this.#client.registerService({ name: service, payload });
    if (this.#registration !== undefined || this.#abort.signal.aborted) return;
    const info = newEndpoint({ name, url, networkServiceNames: [service] });
    this.#registration = await this.#client.registerEndpoint({
      ...info,
      networkServiceLabels: { [service]: { labels: { ...labels } } },
    });
    registered(this.#registration.info.name);
  }

  #tell(message: string): void {
    if (this.#abort.signal.aborted || message === this.#told) return;
    this.#told = message;
    this.#options.failed(message);
  }
}

/** Waits for `work`, at most so long. Its timer ends with it: else it would keep the process. */
async function within(ms: number, work: Promise<void> | undefined): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, pause(ms, done.signal)]);
  done.abort();
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted === true) done();
    else signal?.addEventListener("abort", done, { once: true });
  });
}
