import { isDeepStrictEqual } from "node:util";
import { onAbort } from "../sys/on-abort.ts";
import { Call } from "./call.ts";
import type { Channel } from "./channel.ts";
import { NsmError } from "./errors.ts";
import { checkCount, LIMITS } from "./limits.ts";
import { clone, newSegment, type Connection, type ConnectionEvent, type MonitorScopeSelector } from "./messages.ts";
import { nsmServices } from "./proto.ts";
import type { ServiceHandlers, StreamHandler } from "./server.ts";

/** Events that one slow listener may have waiting; then its stream ends, and it asks again. */
const MAX_WAITING = 1000;
const DEFAULT_MAX_LISTENERS = 1000;

type Listener = (event: ConnectionEvent) => void;

/** Where the selector names no id, every connection may be meant. */
const ANY = "";

/** Values under keys, some under each. */
class Index<T> {
  readonly #sets = new Map<string, Set<T>>();

  get(key: string): ReadonlySet<T> {
    return this.#sets.get(key) ?? new Set();
  }

  add(key: string, value: T): void {
    const set = this.#sets.get(key) ?? new Set();
    this.#sets.set(key, set.add(value));
  }

  delete(key: string, value: T): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }
}

/**
 * The connections that a hop serves, and who listens to them (sdk pkg/networkservice/common/monitor). Each connection has
 * a listener or two of its own, so both are found by the ids of path segments.
 */
export class ConnectionMonitor {
  readonly #connections = new Map<string, Connection>();
  readonly #bySegment = new Index<string>();
  readonly #listeners = new Index<{ readonly selector: MonitorScopeSelector; readonly listener: Listener }>();
  readonly #maxListeners: number;
  #count = 0;

  constructor(maxListeners = DEFAULT_MAX_LISTENERS) {
    this.#maxListeners = maxListeners;
  }

  get connections(): ReadonlyMap<string, Connection> {
    return this.#connections;
  }

  get listeners(): number {
    return this.#count;
  }

  update(connection: Connection): void {
    this.#forget(connection.id);
    this.#connections.set(connection.id, clone(connection));
    for (const id of segmentIds(connection)) this.#bySegment.add(id, connection.id);
    this.#tell("UPDATE", connection);
  }

  delete(connection: Connection): void {
    this.#forget(connection.id);
    this.#tell("DELETE", connection);
  }

  /**
   * The present state at once, then every change. Events are for reading: others get the same.
   * Returns the function that ends it. @throws NsmError EXHAUSTED
   */
  listen(selector: MonitorScopeSelector, listener: Listener): () => void {
    if (this.#count >= this.#maxListeners)
      throw new NsmError("EXHAUSTED", `${this.#count} monitors are served already`);
    const key = selector.pathSegments.find(({ id }) => id !== "")?.id ?? ANY;
    listener({ type: "INITIAL_STATE_TRANSFER", connections: this.#selected(key, selector) });
    const entry = { selector, listener };
    this.#listeners.add(key, entry);
    this.#count += 1;
    let over = false;
    return () => {
      if (!over) this.#count -= 1;
      over = true;
      this.#listeners.delete(key, entry);
    };
  }

  #selected(key: string, selector: MonitorScopeSelector): Record<string, Connection> {
    const ids = key === ANY ? this.#connections.keys() : this.#bySegment.get(key);
    const found = [...ids].map((id) => [id, this.#connections.get(id)!] as const);
    return Object.fromEntries(found.filter(([, connection]) => matches(connection, selector)));
  }

  #forget(id: string): void {
    const before = this.#connections.get(id);
    if (before === undefined) return;
    this.#connections.delete(id);
    for (const segment of segmentIds(before)) this.#bySegment.delete(segment, id);
  }

  #tell(type: ConnectionEvent["type"], connection: Connection): void {
    const entries = new Set([ANY, ...segmentIds(connection)].flatMap((key) => [...this.#listeners.get(key)]));
    if (entries.size === 0) return;
    const event: ConnectionEvent = { type, connections: { [connection.id]: clone(connection) } };
    for (const { selector, listener } of entries) if (matches(connection, selector)) listener(event);
  }
}

function segmentIds({ path }: Connection): readonly string[] {
  return path?.pathSegments.map(({ id }) => id) ?? [];
}

/** Whether the selector's segments are a contiguous part of the path; empty strings match anything. */
export function matches(connection: Connection, { pathSegments: wanted }: MonitorScopeSelector): boolean {
  const segments = connection.path?.pathSegments ?? [];
  for (let from = 0; from + wanted.length <= segments.length; from++) {
    const fits = wanted.every((segment, i) => {
      const found = segments[from + i]!;
      return (
        (segment.id === "" || segment.id === found.id) &&
        (segment.name === "" || segment.name === found.name) &&
        (segment.token === "" || segment.token === found.token)
      );
    });
    if (fits) return true;
  }
  return false;
}

/** MonitorConnections over a monitor. `authorize` rejects who may not. */
export function monitorHandlers(
  monitor: ConnectionMonitor,
  authorize: (selector: MonitorScopeSelector, call: Call) => void = () => undefined,
): ServiceHandlers {
  const handler: StreamHandler = {
    kind: "stream",
    run: (selector: MonitorScopeSelector, call, send) => {
      checkCount("path segments", selector.pathSegments.length, LIMITS.segments);
      authorize(selector, call);
      return new Promise((resolve, reject) => {
        let waiting = 0;
        const end = monitor.listen(selector, (event) => {
          waiting = send(event) ? 0 : waiting + 1;
          if (waiting <= MAX_WAITING) return;
          end();
          reject(new NsmError("EXHAUSTED", `${waiting} events wait: this monitor does not read them`));
        });
        const over = () => {
          end();
          resolve();
        };
        if (call.signal.aborted) over();
        else onAbort(call.signal, over);
      });
    },
  };
  return { definition: nsmServices().monitorConnection, methods: { MonitorConnections: handler } };
}

export interface ConnectionWatch {
  /** The connection changed: its state, context or path. `DOWN` where it was deleted. */
  readonly onChange: (connection: Connection) => void;
  /** The stream ended for another reason than the signal: the hop is gone. */
  readonly onEnd: (error: NsmError) => void;
}

/**
 * Follows what the next hop says of a connection until the signal fires (sdk pkg/networkservice/common/heal).
 * @throws NsmError the stream could not be opened
 */
export async function watchConnection(
  channel: Channel,
  connection: Connection,
  call: Call,
  watch: ConnectionWatch,
): Promise<void> {
  const segment = connection.path?.pathSegments[connection.path.index];
  const selector: MonitorScopeSelector = {
    pathSegments: [newSegment({ id: segment?.id ?? "", name: segment?.name ?? "" })],
  };
  const follower = new Follower(connection);
  await monitorConnections(channel, selector, call, {
    onEvent: (event) => {
      for (const changed of follower.changes(event)) if (!call.signal.aborted) watch.onChange(changed);
    },
    onEnd: watch.onEnd,
  });
}

/** Every event of a hop's connections that the selector takes; without segments, of all. */
export interface EventWatch {
  readonly onEvent: (event: ConnectionEvent) => void;
  /** The stream ended for another reason than the signal. */
  readonly onEnd: (error: NsmError) => void;
}

/** Listens to a hop until the signal fires: its connections at once, then every change. @throws NsmError the stream could not be opened */
export async function monitorConnections(
  channel: Channel,
  selector: MonitorScopeSelector,
  call: Call,
  watch: EventWatch,
): Promise<void> {
  const stream = await channel.stream(nsmServices().monitorConnection["MonitorConnections"]!, selector, call);
  let over = false;
  const end = (error: NsmError) => {
    if (over || call.signal.aborted) return;
    over = true;
    watch.onEnd(error);
  };
  stream.on("data", (event: ConnectionEvent) => {
    if (!over && !call.signal.aborted) watch.onEvent(event);
  });
  stream.on("error", (error) => end(NsmError.from(error, `monitor of ${channel.url}`)));
  stream.on("end", () => end(new NsmError("UNAVAILABLE", `${channel.url} ended its monitor`)));
}

/**
 * The connections that the next hop has at the moment, as it sees them: how a client finds those of its former life.
 * @throws NsmError
 */
export async function currentConnections(
  channel: Channel,
  selector: MonitorScopeSelector,
  call: Call,
): Promise<Connection[]> {
  const abort = new AbortController();
  const own = new Call({ ...call, signal: AbortSignal.any([call.signal, abort.signal]), deadlineMs: call.deadlineMs });
  const stream = await channel.stream(nsmServices().monitorConnection["MonitorConnections"]!, selector, own);
  let forget: (() => void) | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const late = () => reject(new NsmError("TIMEOUT", `${channel.url} did not tell its connections in time`));
      forget = onAbort(call.signal, late);
      if (call.signal.aborted) late();
      // The first event is the state as it is.
      stream.once("data", (event: ConnectionEvent) => resolve(Object.values(event.connections)));
      stream.once("error", (error) => reject(NsmError.from(error, `monitor of ${channel.url}`)));
      stream.once("end", () => reject(new NsmError("UNAVAILABLE", `${channel.url} ended its monitor`)));
    });
  } finally {
    forget?.();
    stream.on("error", () => undefined);
    abort.abort();
  }
}

/** Turns a hop's events into what they mean for one connection of ours. */
export class Follower {
  #known: Connection;

  constructor(connection: Connection) {
    this.#known = clone(connection);
  }

  changes(event: ConnectionEvent): Connection[] {
    const changed: Connection[] = [];
    for (const incoming of Object.values(event.connections)) {
      const next = this.#apply(incoming, event.type === "DELETE");
      if (next === undefined || isDeepStrictEqual(next, this.#known)) continue;
      this.#known = next;
      changed.push(clone(next));
    }
    return changed;
  }

  #apply(incoming: Connection, deleted: boolean): Connection | undefined {
    const index = this.#known.path?.index ?? 0;
    const theirs = incoming.path;
    if (theirs?.pathSegments[index]?.id !== this.#known.id) return undefined;
    if (theirs.index !== index && theirs.index !== index + 1) return undefined;
    return {
      ...clone(this.#known),
      path: { ...clone(theirs), index },
      context: clone(incoming.context),
      state: deleted ? "DOWN" : incoming.state,
    };
  }
}
