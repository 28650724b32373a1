import { signalWithin } from "./aborts.ts";

/** Who is on the other side of a call. */
export interface Peer {
  readonly address: string;
  /** Of its certificate; absent on clear text. */
  readonly spiffeId?: string;
  /** Its leaf certificate, DER; absent on clear text. */
  readonly certificate?: Uint8Array;
  /** Our own leaf certificate on this connection, DER: what we sign for the peer must be signed with its key. */
  readonly localCertificate?: Uint8Array;
}

/** Names a value that travels with a call, or stays with a connection. Two keys are never the same. */
export class CallKey<T> {
  readonly name: string;
  /** Only for the type. */
  declare readonly value: T;

  constructor(name: string) {
    this.name = name;
  }
}

export interface CallOptions {
  /** Fires when the caller gave up or the deadline passed. */
  readonly signal?: AbortSignal;
  /** ms since 1970; none if left out. */
  readonly deadlineMs?: number | undefined;
  /** gRPC metadata that came with the call: lower-case names. */
  readonly metadata?: ReadonlyMap<string, readonly string[]>;
  readonly peer?: Peer | undefined;
}

const NO_METADATA: ReadonlyMap<string, readonly string[]> = new Map();

/** What goes with one Request or Close through a chain. Immutable: `with` makes another. */
export class Call {
  readonly signal: AbortSignal;
  readonly deadlineMs: number | undefined;
  readonly metadata: ReadonlyMap<string, readonly string[]>;
  readonly peer: Peer | undefined;
  readonly #values: ReadonlyMap<CallKey<unknown>, unknown>;

  constructor(options: CallOptions = {}, values: ReadonlyMap<CallKey<unknown>, unknown> = new Map()) {
    // One of its own: removing a listener takes as long as there are others.
    this.signal = options.signal ?? new AbortController().signal;
    this.deadlineMs = options.deadlineMs;
    this.metadata = options.metadata ?? NO_METADATA;
    this.peer = options.peer;
    this.#values = values;
  }

  /** Runs work with a call of our own that ends by itself; `parent` ends it too. */
  static async within<T>(timeoutMs: number, work: (call: Call) => Promise<T>, parent?: AbortSignal): Promise<T> {
    return new Call().renewed(timeoutMs, work, parent);
  }

  get<T>(key: CallKey<T>): T | undefined {
    return this.#values.get(key) as T | undefined;
  }

  with<T>(key: CallKey<T>, value: T): Call {
    return new Call(this, new Map(this.#values).set(key, value));
  }

  /**
   * Runs work with the same values and peer and another time to live: what follows when this call is over (a refresh, a
   * clean-up).
   */
  async renewed<T>(timeoutMs: number, work: (call: Call) => Promise<T>, parent?: AbortSignal): Promise<T> {
    const { signal, end } = signalWithin(timeoutMs, parent);
    const { peer, metadata } = this;
    try {
      return await work(new Call({ signal, deadlineMs: Date.now() + timeoutMs, metadata, peer }, this.#values));
    } finally {
      end();
    }
  }

  /** ms until the deadline, at least 0; undefined without one. */
  remainingMs(): number | undefined {
    return this.deadlineMs === undefined ? undefined : Math.max(0, this.deadlineMs - Date.now());
  }
}
