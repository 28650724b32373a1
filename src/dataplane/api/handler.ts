import type { Dataplane } from "../dataplane.ts";
import type { InterfaceEvents } from "./events.ts";
import type { Session } from "./session.ts";

/** Decoded fields of a message, in the codec's representation. */
export type Fields = Record<string, unknown>;

/** What a handler may use beside the request's fields. */
export interface Call {
  readonly dataplane: Dataplane;
  readonly events: InterfaceEvents;
  /** The connection that the request came on; its `signal` fires when the client is gone. */
  readonly session: Session;
  /** client_index as the request carried it. */
  readonly clientIndex: number;
  /** Sends a message to this connection's client unasked. */
  event(name: string, fields: Fields): void;
}

/** Answers a request with one reply; `retval` is 0 where it isn't given. Must not throw for any input. */
export interface RequestHandler<F = Fields> {
  readonly kind: "request";
  /** Default: the request's name with `_reply`. */
  readonly reply?: string;
  run(fields: F, call: Call): Fields | Promise<Fields>;
}

/**
 * Answers a dump with any number of details. The array is a snapshot of the moment of the request, as VPP's dumps are
 * atomic; `encode` turns an element into fields when the client has room for it.
 */
export interface DumpHandler<F = Fields> {
  readonly kind: "dump";
  /** Default: the request's name with `_details` for `_dump`. */
  readonly details?: string;
  run(fields: F, call: Call): readonly unknown[];
  encode(element: never): Fields;
}

export type Handler = RequestHandler | DumpHandler;

/** By message name. */
export type Handlers = Readonly<Record<string, Handler>>;

/** A request handler over typed fields. The codec has checked and typed what `F` names. */
export function request<F>(run: (fields: F, call: Call) => Fields | Promise<Fields>): Handler {
  return { kind: "request", run: run as RequestHandler["run"] };
}

/** A request whose reply is a return value only. */
export function action<F>(run: (fields: F, call: Call) => number): Handler {
  return request<F>((fields, call) => ({ retval: run(fields, call) }));
}

/** A dump over typed fields and elements. */
export function dump<F, E>(
  run: (fields: F, call: Call) => Iterable<E>,
  encode: (element: E) => Fields,
  details?: string,
): Handler {
  return {
    kind: "dump",
    run: (fields, call) => [...run(fields as F, call)],
    encode: encode as DumpHandler["encode"],
    ...(details === undefined ? {} : { details }),
  };
}
