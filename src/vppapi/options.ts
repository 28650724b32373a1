import type { ApiSchema } from "./codec/schema.ts";
import type { Guard } from "./quirks/guards.ts";
import type { SocketTrust } from "./transport/socket-check.ts";

/** What came of a request or dump. */
export interface FinishedRequest {
  readonly name: string;
  /** `ok`, VPP's name of the retval (`VALUE_EXIST`), or a VppErrorCode. */
  readonly result: string;
  /** From being asked for to its end, with the time that it waited here. */
  readonly durationMs: number;
}

/** How a client behaves; all but `socket` have defaults. */
export interface VppClientOptions {
  /** Path of VPP's API socket, usually /run/vpp/api.sock. */
  readonly socket: string;
  /** Name that `show api clients` shows. Default "vpp-api-ts". */
  readonly name?: string | undefined;
  /** Messages that are known. Default: {@link builtinSchema}. */
  readonly schema?: ApiSchema | undefined;
  /** Deadline of a request, ms. Default 5000. VPP answers nothing to what it cannot parse. */
  readonly requestTimeoutMs?: number | undefined;
  /** Requests that are with VPP at once. Default 1000. */
  readonly window?: number | undefined;
  /** Requests that wait behind the window; one more fails with QUEUE_FULL. Default 15000. */
  readonly queue?: number | undefined;
  /** Attempts after a loss, or after a failed one: delays grow from `minMs` to `maxMs`. `false`: none. */
  readonly reconnect?: false | { readonly minMs?: number | undefined; readonly maxMs?: number | undefined } | undefined;
  /** How a silent VPP is noticed: a control_ping after `intervalMs` without any message. `false`: not at all. */
  readonly probe?:
    | false
    | {
        /** Default 1000. */
        readonly intervalMs?: number | undefined;
        /** Default 1000. */
        readonly timeoutMs?: number | undefined;
        /** Unanswered probes in a row after which the connection counts as lost. Default 3. */
        readonly failures?: number | undefined;
      }
    | undefined;
  /** Requests that are refused before the wire, by message name. Default: what is known to crash VPP. */
  readonly guards?: ReadonlyMap<string, Guard> | undefined;
  /** Whom the socket is trusted to. Default: a warning where others can write to it or replace it. */
  readonly trust?: SocketTrust | undefined;
  /** Hears of every request and dump that ends. Must be quick and must not throw. */
  readonly onRequest?: ((request: FinishedRequest) => void) | undefined;
}

export interface Settings {
  readonly socket: string;
  readonly name: string;
  readonly requestTimeoutMs: number;
  readonly window: number;
  readonly queue: number;
  readonly reconnect: { readonly minMs: number; readonly maxMs: number } | undefined;
  readonly probe: { readonly intervalMs: number; readonly timeoutMs: number; readonly failures: number } | undefined;
  readonly trust: SocketTrust;
  readonly onRequest: ((request: FinishedRequest) => void) | undefined;
}

/** Options with their defaults. @throws RangeError */
export function settingsOf(options: VppClientOptions): Settings {
  const { reconnect, probe } = options;
  const window = options.window ?? 1000;
  const queue = options.queue ?? 15_000;
  if (!(window >= 1 && window <= 65_536) || !(queue >= 0 && queue <= 1_000_000)) {
    throw new RangeError(`window ${window} (1 to 65536), queue ${queue} (0 to 1000000)`);
  }
  return {
    socket: options.socket,
    name: options.name ?? "vpp-api-ts",
    requestTimeoutMs: options.requestTimeoutMs ?? 5000,
    window,
    queue,
    trust: options.trust ?? {},
    onRequest: options.onRequest,
    reconnect: reconnect === false ? undefined : { minMs: reconnect?.minMs ?? 50, maxMs: reconnect?.maxMs ?? 500 },
    probe:
      probe === false
        ? undefined
        : {
            intervalMs: probe?.intervalMs ?? 1000,
            timeoutMs: probe?.timeoutMs ?? 1000,
            failures: probe?.failures ?? 3,
          },
  };
}
