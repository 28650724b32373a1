import { Metadata, status as Status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import type { Actor, ControllerApi, ControllerEvent, Flow, HistoryQuery } from "../controller/types.ts";
import { onAbort } from "../sys/on-abort.ts";
import { actorOf, withActor } from "./actor.ts";
import { ROW_KINDS } from "./defaults.ts";
import { ControlError, type ControlErrorCode } from "./errors.ts";
import { CODE_KEY, REASON_KEY } from "./proto.ts";
import { toStruct } from "./struct.ts";
import type { VppctlPermission } from "./server.ts";
import { badCommand, judgeCommand } from "./vppctl-policy.ts";

type Request = Record<string, unknown>;
type Unary = (request: Request, by: Actor | undefined) => Promise<object> | object;

/** Events that a slow reader of Watch may be behind. */
const WATCH_BACKLOG = 1000;

/** The service, over the controller. Every rejection of the controller becomes a status with its code. */
export function implementation(
  api: ControllerApi,
  stopping: AbortSignal,
  permission: VppctlPermission = "read-only",
): UntypedServiceImplementation {
  const unary = (handle: Unary) => (call: ServerUnaryCall<Request, object>, done: sendUnaryData<object>) => {
    Promise.resolve()
      .then(() => handle(call.request, actorOf(call.getPeer())))
      .then(
        (reply) => done(null, reply),
        (error: unknown) => done(statusOf(error)),
      );
  };
  return {
    GetStatus: unary(() => api.status()),
    List: unary(({ kind, internals }) => list(api, kind, internals === true)),
    Plan: unary(async ({ yaml }) => {
      const plan = await api.plan(yaml as string | undefined);
      const operations = plan.operations.map(({ action, inverse, ...rest }) => ({
        ...rest,
        action: toStruct(action),
        ...(inverse === undefined ? {} : { inverse: toStruct(inverse) }),
      }));
      return { ...plan, operations };
    }),
    Apply: unary(({ yaml, ...options }, by) => api.apply(yaml as string | undefined, withActor(options, by))),
    Drain: unary(({ server, ...options }, by) => {
      if (server === "") throw new ControlError("INPUT", "no server is named");
      return api.drain(server as string, withActor(options, by));
    }),
    Vppctl: unary(({ command, write }) => vppctl(api, command as string, write === true, permission)),
    Explain: unary(({ flow }) => {
      if (flow == null) throw new ControlError("INPUT", "no flow is given");
      return explain(api, flow as Flow);
    }),
    History: unary(async (query) => ({ entries: (await api.history(query as HistoryQuery)).map(toStruct) })),
    ExplainAt: unary(({ flow, at }) => {
      if (flow == null) throw new ControlError("INPUT", "no flow is given");
      return explainAt(api, flow as Flow, at as string);
    }),
    Watch: (call: ServerWritableStream<Request, object>) => watch(api, call, stopping),
  };
}

async function list(api: ControllerApi, kind: unknown, internals: boolean): Promise<object> {
  const known = ROW_KINDS.find((one) => one === kind);
  if (known === undefined) {
    throw new ControlError("INPUT", `there is no kind "${String(kind)}": ${ROW_KINDS.join(", ")}`);
  }
  const rows = await api.get(known, { internals });
  return {
    rows: rows.map(({ desired, observed, columns, ...rest }) => ({
      ...rest,
      columns: toStruct(columns),
      ...(desired === undefined ? {} : { desired: toStruct(desired) }),
      ...(observed === undefined ? {} : { observed: toStruct(observed) }),
    })),
  };
}

async function vppctl(
  api: ControllerApi,
  command: string,
  write: boolean,
  permission: VppctlPermission,
): Promise<object> {
  const bad = badCommand(command);
  if (bad !== undefined) throw new ControlError("INPUT", bad);
  const verdict = judgeCommand(command);
  if (verdict.readOnly) return api.vppctl(verdict.line);
  if (write && permission === "write") return api.vppctl(command);
  const how = write
    ? "this controller runs only lines that look (`control: { vppctl: write }` in its lb.yaml allows others)"
    : "what the controller did not do itself is drift: give --write if you mean it";
  throw new ControlError("READ_ONLY", `${verdict.reason}: ${how}`);
}

async function explainAt(api: ControllerApi, flow: Flow, at: string): Promise<object> {
  return { result: toStruct(await api.explainAt(readFlow(flow), at)) };
}

/** Numbers of protocols come as text. */
function readFlow(flow: Flow): Flow {
  const text = String(flow.protocol);
  return { ...flow, protocol: /^\d+$/.test(text) ? Number(text) : flow.protocol };
}

async function explain(api: ControllerApi, flow: Flow): Promise<object> {
  const result = await api.explain(readFlow(flow));
  return { ...result, flow: { ...result.flow, protocol: String(result.flow.protocol) } };
}

function watch(api: ControllerApi, call: ServerWritableStream<Request, object>, stopping: AbortSignal): void {
  const waiting: ControllerEvent[] = [];
  let blocked = false;
  let forget: (() => void) | undefined;
  const send = (event: ControllerEvent): void => {
    blocked = !call.write(event);
  };
  const end = (): void => {
    subscription.unsubscribe();
    forget?.();
    waiting.length = 0;
  };
  const finish = (): void => {
    end();
    call.end();
  };
  const subscription = api.events$.subscribe({
    next: (event) => {
      if (!blocked) return send(event);
      waiting.push(event);
      if (waiting.length <= WATCH_BACKLOG) return;
      end();
      call.emit("error", { code: Status.RESOURCE_EXHAUSTED, details: `${WATCH_BACKLOG} events behind: watch again` });
    },
    error: (error: unknown) => {
      end();
      call.emit("error", statusOf(error));
    },
    complete: finish,
  });
  call.on("drain", () => {
    blocked = false;
    for (let next = waiting.shift(); next !== undefined; next = blocked ? undefined : waiting.shift()) send(next);
  });
  call.on("cancelled", end);
  call.on("close", end);
  if (stopping.aborted) finish();
  else forget = onAbort(stopping, finish);
  // The reader knows by these that it misses nothing from here on.
  call.sendMetadata(new Metadata());
}

const STATUS: Readonly<Partial<Record<ControlErrorCode, Status>>> = {
  INPUT: Status.INVALID_ARGUMENT,
  READ_ONLY: Status.PERMISSION_DENIED,
  CONTROLLER: Status.FAILED_PRECONDITION,
};

function statusOf(error: unknown): { code: Status; details: string; metadata: Metadata } {
  const known = error instanceof ControlError ? error.code : "CONTROLLER";
  const metadata = new Metadata();
  metadata.set(CODE_KEY, known);
  const reason = error instanceof ControlError ? error.reason : (error as { code?: unknown } | null)?.code;
  if (typeof reason === "string" && /^[\w.-]+$/.test(reason)) metadata.set(REASON_KEY, reason);
  return {
    code: STATUS[known] ?? Status.UNKNOWN,
    details: error instanceof Error ? error.message : String(error),
    metadata,
  };
}
