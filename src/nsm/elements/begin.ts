import { CallKey, type Call } from "../call.ts";
import type { ChainElement, NetworkService } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { clone, newConnection, type Connection, type NetworkServiceRequest } from "../messages.ts";
import { mergeConnection } from "./merge.ts";
import { IS_NEW } from "./undo.ts";

/** What an element can set going later, on its own: both wait their turn behind what the connection is busy with. */
export interface ConnectionEvents {
  /** Requests the connection again as it is. With `reselect`: closes it and asks for any endpoint and mechanism. */
  request(options?: { reselect?: boolean; signal?: AbortSignal }): Promise<Connection | undefined>;
  close(options?: { signal?: AbortSignal }): Promise<void>;
}

/** The events of the connection that a call is about; set by {@link begin}. */
export const CONNECTION_EVENTS = new CallKey<ConnectionEvents>("connection events");

/** Set on calls that an element of this chain began ({@link ConnectionEvents}): nobody sent them, nobody proves them. */
export const OWN_ACCORD = new CallKey<true>("of its own accord");

/** A Close that was refused before anything was done: the connection is as it was. */
export class RefusedError extends NsmError {
  /** @param error of ours or gRPC's */
  static of(error: unknown): RefusedError {
    const { code, message } = NsmError.from(error);
    return new RefusedError(code, message, { cause: error });
  }
}

export interface BeginOptions {
  /**
   * A client's: a repeated Request changes only what the caller changed since the last answer. A server's takes Requests
   * as they come. Default false.
   */
  readonly merge?: boolean;
  /** Time that a request or close of the connection's own accord has. Default 15,000. */
  readonly timeoutMs?: number;
  /** Calls that wait for one connection, at most; more are refused. Default 64. */
  readonly maxWaiting?: number;
  /** Connections at once; more are refused. Default 10,000. */
  readonly maxConnections?: number;
  /**
   * A server's: a first Request whose caller gave up before the answer is undone, since nobody would ever close what it
   * made. Default false.
   */
  readonly undoAbandoned?: boolean;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const DEFAULT_MAX_WAITING = 64;
const DEFAULT_MAX_CONNECTIONS = 10_000;

/**
 * Begins what belongs to one connection: its calls run one after another, so that a Close never overtakes a Request; a
 * Close of what is not there, or comes twice, does nothing; a Request that failed for the first time leaves nothing
 * (sdk pkg/networkservice/common/begin). Inside of another `begin` it only passes on.
 */
export function begin(options: BeginOptions = {}): ChainElement {
  const maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  return (next) => {
    const connections = new Map<string, Runner>();
    const runnerOf = (id: string, create: boolean): Runner | undefined => {
      const known = connections.get(id);
      if (known !== undefined || !create) return known;
      if (connections.size >= maxConnections)
        throw new NsmError("EXHAUSTED", `${connections.size} connections are served already`);
      const runner = new Runner(next, options, () => connections.delete(id));
      connections.set(id, runner);
      return runner;
    };
    return {
      async request(request, call) {
        if (call.get(CONNECTION_EVENTS) !== undefined) return next.request(request, call);
        const id = request.connection?.id ?? "";
        if (id === "") throw new NsmError("INVALID", "the connection has no id");
        return runnerOf(id, true)!.request(request, call);
      },
      async close(connection, call) {
        if (call.get(CONNECTION_EVENTS) !== undefined) return next.close(connection, call);
        await runnerOf(connection.id, false)?.close(call);
      },
    };
  };
}

/** One connection's queue and what was last agreed on it. */
class Runner {
  readonly #next: NetworkService;
  readonly #timeoutMs: number;
  readonly #maxWaiting: number;
  readonly #merge: boolean;
  readonly #undoAbandoned: boolean;
  readonly #forget: () => void;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #state: "new" | "established" | "closed" = "new";
  #request: NetworkServiceRequest | undefined;
  #returned: Connection | undefined;
  #call: Call | undefined;

  constructor(next: NetworkService, options: BeginOptions, forget: () => void) {
    this.#next = next;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_MAX_WAITING;
    this.#merge = options.merge ?? false;
    this.#undoAbandoned = options.undoAbandoned ?? false;
    this.#forget = forget;
  }

  request(request: NetworkServiceRequest, call: Call): Promise<Connection> {
    return this.#queue(async () => {
      this.#refuseAbandoned(call);
      if (this.#state === "closed") this.#beginAnew();
      const requested = request.connection ?? newConnection();
      const established = this.#state === "established";
      if (established && requested.state === "RESELECT_REQUESTED") await this.#closeForReselect(call);
      const current = this.#request?.connection ?? undefined;
      const connection = this.#merge ? mergeConnection(this.#returned, requested, current) : requested;
      return this.#run({ ...request, connection }, call);
    });
  }

  close(call: Call): Promise<void> {
    return this.#queue(async () => {
      if (this.#state !== "established") return;
      await this.#close(call);
    });
  }

  /** The events as elements see them. */
  readonly events: ConnectionEvents = {
    request: (options = {}) =>
      this.#queue(async () => {
        const { signal } = options;
        if (this.#state !== "established" || signal?.aborted === true) return undefined;
        const request = clone(this.#request!);
        if (options.reselect === true) await this.#prepareReselect(request.connection!, signal);
        return this.#own((call) => this.#run(request, call), signal);
      }),
    close: (options = {}) =>
      this.#queue(async () => {
        if (this.#state !== "established" || options.signal?.aborted === true) return;
        await this.#own((call) => this.#close(call), options.signal);
      }),
  };

  /** It waited for longer than its caller. @throws NsmError */
  #refuseAbandoned({ signal }: Call): void {
    if (signal.aborted) throw NsmError.fromAbort(signal);
  }

  /** Closed while this Request waited, behind which others may wait: a Close must find it here. */
  #beginAnew(): void {
    this.#state = "new";
    this.#request = undefined;
    this.#returned = undefined;
  }

  async #run(request: NetworkServiceRequest, call: Call): Promise<Connection> {
    const begun = call.with(CONNECTION_EVENTS, this.events);
    const isNew = this.#state === "new";
    try {
      const connection = await this.#next.request(clone(request), isNew ? begun.with(IS_NEW, true) : begun);
      if (this.#undoAbandoned && isNew && call.signal.aborted) await this.#undo(connection, call);
      connection.state = "UP";
      this.#request = { ...clone(request), connection: clone(connection) };
      this.#returned = clone(connection);
      this.#call = call;
      this.#state = "established";
      return connection;
    } catch (error) {
      if (this.#state !== "established") this.#state = "closed";
      throw error;
    }
  }

  async #undo(connection: Connection, call: Call): Promise<never> {
    const work = (own: Call) => this.#next.close(clone(connection), own.with(CONNECTION_EVENTS, this.events));
    await call.renewed(this.#timeoutMs, work).catch(() => undefined);
    throw NsmError.fromAbort(call.signal);
  }

  /** Always with the last valid connection, not with what the caller has. */
  async #close(call: Call): Promise<void> {
    const connection = this.#request!.connection!;
    this.#state = "closed";
    try {
      await this.#next.close(clone(connection), call.with(CONNECTION_EVENTS, this.events));
    } catch (error) {
      if (error instanceof RefusedError) this.#state = "established";
      throw error;
    }
  }

  async #closeForReselect(call: Call): Promise<void> {
    const connection = clone(this.#request!.connection!);
    const work = (own: Call) => this.#next.close(connection, own.with(CONNECTION_EVENTS, this.events));
    await call.renewed(this.#timeoutMs, work).catch(() => undefined);
    this.#state = "new";
  }

  async #prepareReselect(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
    const work = (own: Call) => this.#next.close(clone(connection), own.with(CONNECTION_EVENTS, this.events));
    await this.#own(work, signal).catch(() => undefined);
    connection.mechanism = null;
    connection.networkServiceEndpointName = "";
    connection.state = "RESELECT_REQUESTED";
  }

  #own<T>(work: (call: Call) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#call!.renewed(this.#timeoutMs, (call) => work(call.with(OWN_ACCORD, true)), signal);
  }

  async #queue<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#maxWaiting)
      throw new NsmError("EXHAUSTED", `${this.#waiting} calls wait for this connection already`);
    this.#waiting += 1;
    const mine = this.#tail.then(work);
    this.#tail = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && this.#state !== "established") this.#forget();
    }
  }
}
