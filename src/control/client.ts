import { existsSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import type {
  ApplyOptions,
  ApplyResult,
  ControllerEvent,
  ControllerStatus,
  DrainOptions,
  DrainResult,
  ExplainResult,
  Flow,
  GetOptions,
  HistoryEntry,
  HistoryQuery,
  PastExplanation,
  PlanResult,
  Row,
  RowKind,
} from "../controller/types.ts";
import { DEFAULT_CONTROL_SOCKET } from "./defaults.ts";
import { ControlError, type ControlErrorCode } from "./errors.ts";
import { CODE_KEY, controlService, MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES, REASON_KEY } from "./proto.ts";
import { fromStruct, type ProtoStruct } from "./struct.ts";

export interface ControlClientOptions {
  /** Default /run/vpplb/control.sock. */
  readonly socket?: string;
  /** For calls that only look. Default 10,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_APPLY_MS = 30_000;
const MARGIN_MS = 5000;

type RawCall = (
  request: object,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: grpc.requestCallback<object>,
) => grpc.ClientUnaryCall;

/** The controller's API from another process. Every method rejects with ControlError only. */
export class ControlClient {
  readonly socket: string;
  readonly #timeoutMs: number;
  readonly #client: grpc.Client;

  constructor(options: ControlClientOptions = {}) {
    this.socket = options.socket ?? DEFAULT_CONTROL_SOCKET;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    const Client = controlService();
    this.#client = new Client(`unix:${this.socket}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      // A unix socket has no proxy, and another one of this process may have another owner.
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  status(): Promise<ControllerStatus> {
    return this.#call("GetStatus", {});
  }

  async get(kind: RowKind, { internals = false }: GetOptions = {}): Promise<Row[]> {
    const { rows } = await this.#call<{ rows: (Row & Structs)[] }>("List", { kind, internals });
    return rows.map(({ desired, observed, columns, ...rest }) => ({
      ...rest,
      columns: fromStruct(columns ?? {}) as Row["columns"],
      ...(desired == null ? {} : { desired: fromStruct(desired) }),
      ...(observed == null ? {} : { observed: fromStruct(observed) }),
    }));
  }

  async plan(yaml?: string): Promise<PlanResult> {
    const plan = await this.#call<PlanResult>("Plan", { yaml }, Math.max(this.#timeoutMs, DEFAULT_APPLY_MS));
    const json = (value: unknown) => fromStruct(value as ProtoStruct) as never;
    const operations = plan.operations.map(({ action, inverse, ...rest }) => ({
      ...rest,
      action: json(action),
      ...(inverse == null ? {} : { inverse: json(inverse) }),
    }));
    return { ...plan, operations };
  }

  apply(yaml?: string, options: ApplyOptions = {}): Promise<ApplyResult> {
    return this.#call("Apply", { yaml, ...options }, (options.timeoutMs ?? DEFAULT_APPLY_MS) + MARGIN_MS);
  }

  drain(server: string, options: DrainOptions = {}): Promise<DrainResult> {
    return this.#call("Drain", { server, ...options }, DEFAULT_APPLY_MS + MARGIN_MS);
  }

  /** @param options `write`: the line may change VPP. Default false: such lines are refused (READ_ONLY). */
  vppctl(command: string, options: { write?: boolean } = {}): Promise<{ retval: number; output: string }> {
    return this.#call("Vppctl", { command, write: options.write ?? false }, DEFAULT_APPLY_MS);
  }

  async explain(flow: Flow): Promise<ExplainResult> {
    const asked = { ...flow, protocol: String(flow.protocol) };
    const result = await this.#call<ExplainResult>("Explain", { flow: asked });
    const { protocol } = result.flow;
    return {
      ...result,
      flow: { ...result.flow, protocol: /^\d+$/.test(String(protocol)) ? Number(protocol) : protocol },
    };
  }

  async history(query: HistoryQuery = {}): Promise<HistoryEntry[]> {
    const { entries } = await this.#call<{ entries: ProtoStruct[] }>("History", query);
    return entries.map((entry) => fromStruct(entry) as unknown as HistoryEntry);
  }

  /** @param at ISO 8601 */
  async explainAt(flow: Flow, at: string): Promise<PastExplanation> {
    const asked = { flow: { ...flow, protocol: String(flow.protocol) }, at };
    const { result } = await this.#call<{ result: ProtoStruct }>("ExplainAt", asked);
    return fromStruct(result) as unknown as PastExplanation;
  }

  /**
   * Events from now on, until the controller stops or the signal aborts. `onReady`: from here on nothing is missed.
   * @throws ControlError CLOSED where the connection ends unexpectedly, or the reader is too slow
   */
  async *watch(signal?: AbortSignal, onReady?: () => void): AsyncGenerator<ControllerEvent, void> {
    const start = this.#client as unknown as Record<
      "Watch",
      (request: object) => grpc.ClientReadableStream<ControllerEvent>
    >;
    const call = start.Watch({});
    const cancel = () => call.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    if (onReady !== undefined) call.once("metadata", onReady);
    try {
      for await (const event of call) yield event as ControllerEvent;
    } catch (error) {
      if (!signal?.aborted) throw this.#explain(error as grpc.ServiceError);
    } finally {
      signal?.removeEventListener("abort", cancel);
      // A reader that stops early leaves a call that is open; its end is no error.
      call.on("error", () => undefined);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #call<T>(method: string, request: object, timeoutMs = this.#timeoutMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const raw = (this.#client as unknown as Record<string, RawCall>)[method];
      if (raw === undefined) throw new ControlError("PROTOCOL", `the control API has no ${method}`);
      raw.call(this.#client, request, new grpc.Metadata(), { deadline: Date.now() + timeoutMs }, (error, reply) => {
        if (error === null) resolve(reply as T);
        else reject(this.#explain(error));
      });
    });
  }

  #explain(error: grpc.ServiceError): ControlError {
    const text = (key: string) => error.metadata?.get(key)[0]?.toString();
    const code = text(CODE_KEY) as ControlErrorCode | undefined;
    const reason = text(REASON_KEY);
    const options = { cause: error, ...(reason === undefined ? {} : { reason }) };
    if (code !== undefined) return new ControlError(code, error.details, options);
    switch (error.code) {
      case grpc.status.UNAVAILABLE:
        return this.#unavailable(error);
      case grpc.status.RESOURCE_EXHAUSTED:
        return (
          tooLarge(error) ?? new ControlError("CLOSED", `the call to ${this.socket} ended: ${error.details}`, options)
        );
      case grpc.status.DEADLINE_EXCEEDED:
        return new ControlError("DEADLINE", `the controller on ${this.socket} did not answer in time`, options);
      case grpc.status.UNIMPLEMENTED:
        return new ControlError("PROTOCOL", `the controller on ${this.socket} is of another version`, options);
      default:
        return new ControlError("CLOSED", `the call to ${this.socket} ended: ${error.details}`, options);
    }
  }

  #unavailable(cause: grpc.ServiceError): ControlError {
    if (/EACCES|EPERM/.test(cause.details)) {
      const message = `no permission for the control socket ${this.socket}: run as the controller's user or as root`;
      return new ControlError("SOCKET", message, { cause });
    }
    if (existsSync(this.socket) && !/ECONNREFUSED/.test(cause.details)) {
      return new ControlError("CLOSED", `the controller on ${this.socket} ended the call: ${cause.details}`, { cause });
    }
    const message = `no controller runs on ${this.socket}: start one with \`vpplb lb -f lb.yaml\`, or name its socket with --control`;
    return new ControlError("NO_CONTROLLER", message, { cause });
  }
}

/** In the words of grpc-js; what the controller sends never exceeds what is taken here. */
function tooLarge(cause: grpc.ServiceError): ControlError | undefined {
  const MiB = (bytes: number) => `${bytes / (1 << 20)} MiB`;
  if (/^(?:Received message larger|Attempted to send message with a size larger)/.test(cause.details)) {
    return new ControlError("INPUT", `the request is larger than the controller takes (${MiB(MAX_REQUEST_BYTES)})`, {
      cause,
    });
  }
  if (!/^Sent message larger/.test(cause.details)) return undefined;
  const message = `the answer is larger than ${MiB(MAX_MESSAGE_BYTES)}: ask for less`;
  return new ControlError("CONTROLLER", message, { cause, reason: "TOO_LARGE" });
}

interface Structs {
  readonly desired?: ProtoStruct;
  readonly observed?: ProtoStruct;
  readonly columns?: ProtoStruct;
}
