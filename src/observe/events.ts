import type { LogLevel } from "./levels.ts";
import { MESH_EVENTS } from "./mesh-events.ts";
import { NSC_EVENTS } from "./nsc-events.ts";
import { NSE_EVENTS } from "./nse-events.ts";

/** How a field is written: `?` where it may be missing. */
type FieldType = "string" | "number" | "boolean" | "strings";
type Tag = FieldType | `${FieldType}?`;

interface EventDefinition {
  readonly level: LogLevel;
  /** When it is written. */
  readonly when: string;
  readonly fields: Readonly<Record<string, Tag>>;
}

/**
 * Every event that any role logs: nothing else is ever logged. docs/events.md is made of this table. Names and fields
 * are what others' alarms and filters rely on: they are added to, not changed.
 */
export const EVENTS = {
  "controller-ready": {
    level: "info",
    when: "the controller serves its sockets; VPP need not be there",
    fields: { vpp: "string", file: "string", http: "string?" },
  },
  "controller-stopping": { level: "info", when: "a signal ends the controller; VPP keeps what it has", fields: {} },
  "vpp-connecting": { level: "debug", when: "a connection to VPP is tried", fields: {} },
  "vpp-connected": {
    level: "info",
    when: "VPP answers and tells what it is",
    fields: { version: "string?", pid: "number?" },
  },
  "vpp-failed": {
    level: "warn",
    when: "VPP is lost, or cannot be reached; it is tried again until it is there",
    fields: {},
  },
  "vpp-closed": { level: "info", when: "the controller has closed its connection", fields: {} },
  "vpp-socket-insecure": {
    level: "warn",
    when: "VPP's socket, or a directory above it, is open to users who are not trusted",
    fields: { socket: "string" },
  },
  "config-loaded": { level: "info", when: "the configuration was read and is right", fields: {} },
  "config-refused": {
    level: "warn",
    when: "the configuration cannot be read, is wrong, or moves more than maxDisruption; the old one stays",
    fields: {},
  },
  plan: {
    level: "info",
    when: "operations are about to be applied",
    fields: { reason: "string", operations: "number" },
  },
  "operation-done": { level: "debug", when: "VPP has carried out an operation", fields: { id: "string" } },
  "operation-failed": {
    level: "warn",
    when: "VPP refused an operation or did not answer; it is tried again",
    fields: { id: "string" },
  },
  sync: { level: "info", when: "the state towards VPP is another one, and not `error`", fields: { state: "string" } },
  "sync-failed": {
    level: "warn",
    when: "VPP does not hold what is desired: an operation failed, or something cannot be had",
    fields: { state: "string" },
  },
  "untracked-packets": {
    level: "warn",
    when: "packets were of flows that the sticky table had no room for; at most once a minute, and only where there are more",
    fields: { packets: "number" },
  },
  "other-controllers": {
    level: "warn",
    when: "other vpplb controllers have connected to this VPP, or gone: `others` are those that are there now",
    fields: { others: "strings" },
  },
  "drain-started": {
    level: "info",
    when: "a server is taken out of new flows by command",
    fields: { server: "string" },
  },
  "drain-ended": { level: "info", when: "a drained server takes new flows again", fields: { server: "string" } },
  "state-failed": { level: "warn", when: "the state file cannot be written; it is tried again", fields: {} },
  "state-written": { level: "info", when: "the state file can be written again", fields: {} },
  "peer-refused": {
    level: "warn",
    when: "somebody who may not connected to a socket of ours, and was cut off",
    fields: { socket: "string", uid: "number?", pid: "number?" },
  },
  "page-failed": { level: "error", when: "a page of the HTTP server failed", fields: { page: "string" } },
  "dataplane-ready": {
    level: "info",
    when: "the embedded dataplane serves its sockets",
    fields: { api: "string", cli: "string?", http: "string?" },
  },
  "dataplane-stopping": { level: "info", when: "a signal ends the embedded dataplane", fields: {} },
  "dataplane-fault": {
    level: "error",
    when: "the embedded dataplane failed at a request; the client got an error",
    fields: { request: "string" },
  },
  ...MESH_EVENTS,
  ...NSC_EVENTS,
  ...NSE_EVENTS,
  "log-repeated": {
    level: "info",
    when: "the same was not written again for a while, because it came so often",
    fields: { of: "string", times: "number", seconds: "number" },
  },
} as const satisfies Readonly<Record<string, EventDefinition>>;

export type EventName = keyof typeof EVENTS;

interface Types {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly strings: readonly string[];
}

type Required<F> = { readonly [K in keyof F as F[K] extends FieldType ? K : never]: Types[F[K] & FieldType] };
type Optional<F> = {
  readonly [K in keyof F as F[K] extends `${FieldType}?` ? K : never]?:
    Types[F[K] extends `${infer T extends FieldType}?` ? T : never] | undefined;
};

/** The fields of an event, beside `at`, `level`, `event` and `message`. */
export type FieldsOf<N extends EventName> = Required<(typeof EVENTS)[N]["fields"]> &
  Optional<(typeof EVENTS)[N]["fields"]>;

/** An event with all that is written of it. */
export type LogEntry<N extends EventName = EventName> = N extends EventName
  ? { readonly event: N; /** ISO 8601. Default: now. */ readonly at?: string; readonly message: string } & FieldsOf<N>
  : never;
