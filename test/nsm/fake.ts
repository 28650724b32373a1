import {
  Call,
  chain,
  CONNECTION_EVENTS,
  connectionStore,
  newConnection,
  newSegment,
  toTimestamp,
  type ChainElement,
  type Clock,
  type Connection,
  type ConnectionEvents,
  type NetworkService,
} from "@networkservicemesh/sdk-ts";

/** Time that stands still until it is turned. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  constructor(nowMs = 1_000_000_000_000) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, signal: AbortSignal, callback: () => void): void {
    if (signal.aborted) return;
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    signal.addEventListener("abort", () => this.#timers.delete(timer), { once: true });
  }

  /** ms from now at which callbacks are due, ascending. */
  get due(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Time passes; what is due is called back, in order. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** Lets everything go on that waits for nothing but promises. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The end of a chain that remembers what it was asked. */
export class Recorder {
  readonly requests: Connection[] = [];
  readonly closes: Connection[] = [];
  /** What it does with each Request; it may throw. */
  onRequest: (connection: Connection) => void | Promise<void> = () => undefined;

  readonly element: ChainElement = () => ({
    request: async ({ connection }) => {
      this.requests.push(structuredClone(connection!));
      await this.onRequest(connection!);
      return connection!;
    },
    close: (connection) => {
      this.closes.push(structuredClone(connection));
      return Promise.resolve();
    },
  });
}

/** An element in a chain of its own, between a store and a recorder, without `begin`. */
export function inChain(
  element: ChainElement,
  recorder = new Recorder(),
): { service: NetworkService; recorder: Recorder } {
  return { service: chain(connectionStore(), element, recorder.element), recorder };
}

/** A call that has its connection's events. */
export function callWith(events: Partial<ConnectionEvents>, deadlineMs?: number): Call {
  const none: ConnectionEvents = { request: () => Promise.resolve(undefined), close: () => Promise.resolve() };
  return new Call({ deadlineMs }).with(CONNECTION_EVENTS, { ...none, ...events });
}

/** Of a path with these hops, at one of them; each hop's token lives for as long. */
export function connectionAt(
  index: number,
  hops: readonly { readonly name: string; readonly expiresMs?: number }[],
  fields: Partial<Connection> = {},
): Connection {
  const pathSegments = hops.map(({ name, expiresMs }) =>
    newSegment({ name, id: `id-${name}`, expires: expiresMs === undefined ? null : toTimestamp(expiresMs) }),
  );
  return newConnection({ id: `id-${hops[index]!.name}`, path: { index, pathSegments }, ...fields });
}
