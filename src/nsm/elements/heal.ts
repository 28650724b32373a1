import { Aborts, pause, signalWithin } from "../aborts.ts";
import { Call, CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { CHANNEL, type Channel } from "../channel.ts";
import { NsmError } from "../errors.ts";
import { clone, type Connection } from "../messages.ts";
import { watchConnection } from "../monitor.ts";
import { CONNECTION_EVENTS, type ConnectionEvents } from "./begin.ts";
import { storeOf } from "./store.ts";

/** Whether packets still pass on a connection; must settle when the signal fires. */
export type LivenessCheck = (connection: Connection, signal: AbortSignal) => Promise<boolean>;

export interface HealOptions {
  /** Without it a loss always leads to another choice of endpoint. */
  readonly livenessCheck?: LivenessCheck;
  /** Default 200. */
  readonly livenessIntervalMs?: number;
  /** Default 100. */
  readonly livenessTimeoutMs?: number;
  /** Between attempts: the first, doubled up to the last. Default 100 and 5,000. */
  readonly retryMs?: { readonly first: number; readonly last: number };
  /** Hears what the next hop says of the connection, beside its loss: another state or context. */
  readonly onChange?: (connection: Connection) => void;
  /** Hears of what is found and done. */
  readonly onEvent?: (event: HealEvent) => void;
}

export interface HealEvent {
  readonly type: "control-plane-down" | "data-plane-down" | "healing" | "healed" | "failed";
  readonly connection: Connection;
  readonly reselect?: boolean;
  readonly error?: unknown;
}

const LOOP = new CallKey<Watch>("heal");

interface Watch {
  readonly watching: AbortController;
  readonly loop: HealLoop;
}

/**
 * A client's: watches the connection, at the next hop and by the liveness check, and requests it again when it is lost:
 * as it is while packets still pass, else from any endpoint (sdk pkg/networkservice/common/heal). After `begin`,
 * `connectionStore` and `dial`.
 * @param signal ends all watching
 */
export function heal(signal: AbortSignal, options: HealOptions = {}): ChainElement {
  const aborts = new Aborts(signal);
  return (next) => ({
    async request(request, call) {
      const store = storeOf(call);
      const before = store.take(LOOP);
      aborts.end(before?.watching);
      const events = call.get(CONNECTION_EVENTS);
      const start = (connection: Connection) => {
        const channel = store.get(CHANNEL);
        if (channel === undefined || events === undefined) return;
        const watching = aborts.create();
        const loop = new HealLoop(connection, channel, events, { watching: watching.signal, chain: signal }, options);
        store.set(LOOP, { watching, loop });
        loop.run();
      };
      try {
        const connection = await next.request(request, call);
        before?.loop.settle();
        start(clone(connection));
        return connection;
      } catch (error) {
        // Who heals it goes on with that: a second one would only ask as well.
        if (before?.loop.isHealing === true) store.set(LOOP, before);
        // A refresh that failed: the connection is as it was, and is watched as it was.
        else if (before !== undefined && request.connection !== null) start(clone(request.connection));
        throw error;
      }
    },
    close(connection, call) {
      aborts.end(storeOf(call).take(LOOP)?.watching);
      return next.close(connection, call);
    },
  });
}

const DEFAULT_RETRY = { first: 100, last: 5000 };

class HealLoop {
  readonly #connection: Connection;
  readonly #channel: Channel;
  readonly #events: ConnectionEvents;
  /** Fires when the connection is requested again or closed, by whomever. */
  readonly #signal: AbortSignal;
  readonly #chainSignal: AbortSignal;
  readonly #options: HealOptions;
  #healing = false;
  /** Somebody's Request brought it back. */
  #settled = false;

  constructor(
    connection: Connection,
    channel: Channel,
    events: ConnectionEvents,
    signals: { readonly watching: AbortSignal; readonly chain: AbortSignal },
    options: HealOptions,
  ) {
    this.#connection = connection;
    this.#channel = channel;
    this.#events = events;
    this.#signal = signals.watching;
    this.#chainSignal = signals.chain;
    this.#options = options;
  }

  get isHealing(): boolean {
    return this.#healing && !this.#settled;
  }

  /** The connection is there again: nothing is left to heal. */
  settle(): void {
    this.#settled = true;
  }

  run(): void {
    const lost = (error?: unknown) => {
      if (this.#signal.aborted) return;
      this.#tell("control-plane-down", error === undefined ? {} : { error });
      void this.#heal(this.#options.livenessCheck === undefined);
    };
    watchConnection(this.#channel, this.#connection, new Call({ signal: this.#signal }), {
      onChange: (changed) => {
        // RESELECT_REQUESTED is what a client asked with: hops tell it back.
        if (changed.state === "DOWN") lost();
        else this.#options.onChange?.(changed);
      },
      onEnd: lost,
    }).catch(lost);
    if (this.#options.livenessCheck !== undefined) void this.#watchDataPlane();
  }

  async #watchDataPlane(): Promise<void> {
    while (!this.#signal.aborted && !this.#healing) {
      await pause(this.#options.livenessIntervalMs ?? 200, this.#signal);
      if (this.#signal.aborted || this.#healing || (await this.#alive())) continue;
      this.#tell("data-plane-down");
      await this.#heal(true);
    }
  }

  async #alive(): Promise<boolean> {
    const { livenessCheck, livenessTimeoutMs = 100 } = this.#options;
    if (livenessCheck === undefined) return false;
    const { signal, end } = signalWithin(livenessTimeoutMs, this.#chainSignal);
    const expired = new Promise<boolean>((resolve) =>
      signal.addEventListener("abort", () => resolve(false), { once: true }),
    );
    const check = livenessCheck(clone(this.#connection), signal).catch(() => false);
    return Promise.race([check, expired]).finally(end);
  }

  /** Until it is healed or the connection was closed. Its own reselection ends the watch, not this. */
  async #heal(mustReselect: boolean): Promise<void> {
    if (this.#healing || this.#signal.aborted) return;
    this.#healing = true;
    const chain = this.#chainSignal;
    let reselect = mustReselect;
    const { first, last } = this.#options.retryMs ?? DEFAULT_RETRY;
    for (let waitMs = first; !chain.aborted; waitMs = Math.min(2 * waitMs, last)) {
      if (!reselect && !(await this.#alive())) reselect = true;
      this.#tell("healing", { reselect });
      const result = await this.#events
        .request({ reselect, signal: chain })
        .catch((error: unknown) => NsmError.from(error));
      if (result === undefined) return;
      if (!(result instanceof NsmError)) return this.#tell("healed", { reselect });
      this.#tell("failed", { reselect, error: result });
      await pause(waitMs, chain);
      if (this.#settled) return this.#tell("healed", { reselect });
    }
  }

  #tell(type: HealEvent["type"], more: { reselect?: boolean; error?: unknown } = {}): void {
    this.#options.onEvent?.({ type, connection: this.#connection, ...more });
  }
}
