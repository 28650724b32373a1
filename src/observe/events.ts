import type { LogLevel } from "./levels.ts";
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
  "mesh-ready": {
    level: "info",
    when: "`vpplb nsm` serves registry, manager and forwarder; `identity` is missing on clear text",
    fields: { listen: "strings", identity: "string?" },
  },
  "mesh-stopping": {
    level: "info",
    when: "a signal ends `vpplb nsm`; what it has wired stays",
    fields: { connections: "number" },
  },
  "mesh-service-registered": {
    level: "info",
    when: "a network service is new, given or registered by an endpoint",
    fields: { service: "string", payload: "string?", matches: "number" },
  },
  "mesh-service-unregistered": {
    level: "info",
    when: "a network service is no longer registered",
    fields: { service: "string", payload: "string?", matches: "number" },
  },
  "mesh-endpoint-registered": {
    level: "info",
    when: "an endpoint is new; renewals are not told",
    fields: { endpoint: "string", services: "strings", url: "string" },
  },
  "mesh-endpoint-unregistered": {
    level: "info",
    when: "an endpoint was unregistered, or did not renew its registration in time",
    fields: { endpoint: "string", services: "strings", url: "string" },
  },
  "mesh-connected": {
    level: "info",
    when: "a client has its connection: it is wired",
    fields: {
      connection: "string",
      client: "string",
      endpoint: "string",
      service: "string",
      mechanism: "string",
    },
  },
  "mesh-refreshed": {
    level: "debug",
    when: "a client has refreshed or changed its connection",
    fields: {
      connection: "string",
      client: "string",
      endpoint: "string",
      service: "string",
      mechanism: "string",
    },
  },
  "mesh-disconnected": {
    level: "info",
    when: "a connection was closed, or nobody refreshed it in time: its link is gone",
    fields: {
      connection: "string",
      client: "string",
      endpoint: "string",
      service: "string",
      mechanism: "string",
    },
  },
  "mesh-links-found": {
    level: "info",
    when: "`vpplb nsm` starts, and finds what an earlier start has wired; it stays until its connections expire",
    fields: { connections: "number" },
  },
  "mesh-link-removed": {
    level: "info",
    when: "an interface of an earlier start was removed: its connection has expired, or it was never finished",
    fields: { interface: "string", why: "string" },
  },
  "mesh-links-failed": {
    level: "warn",
    when: "interfaces of an earlier start could not be looked for or removed, or a link could not be made again in a VPP that has come back",
    fields: {},
  },
  "mesh-request-failed": {
    level: "warn",
    when: "a Request was refused or failed; `code` is one of the SDK's",
    fields: { client: "string", service: "string", code: "string" },
  },
  "nsc-ready": {
    level: "info",
    when: "the client agent has every connection, and the host is set up",
    fields: { vips: "strings", gre: "string" },
  },
  "nsc-unready": { level: "warn", when: "a connection, or a part of the host's set-up, is missing", fields: {} },
  "nsc-stopping": { level: "info", when: "a signal ends the client agent", fields: {} },
  "nsc-connected": {
    level: "info",
    when: "an endpoint gave the client agent a connection",
    fields: {
      service: "string",
      device: "string",
      connection: "string",
      endpoint: "string",
      addresses: "strings",
      gateways: "strings",
      vips: "strings",
    },
  },
  "nsc-changed": {
    level: "info",
    when: "a connection of the client agent gives something else than before",
    fields: {
      service: "string",
      device: "string",
      connection: "string",
      endpoint: "string",
      addresses: "strings",
      gateways: "strings",
      vips: "strings",
    },
  },
  "nsc-request-failed": {
    level: "warn",
    when: "the client agent asked for a connection and did not get it; it asks again",
    fields: { service: "string", device: "string", connection: "string", code: "string" },
  },
  "nsc-refused": {
    level: "warn",
    when: "what an endpoint gives cannot be used; nothing of it is set up",
    fields: { service: "string", device: "string", connection: "string" },
  },
  "nsc-ignored": {
    level: "warn",
    when: "a part of what an endpoint gives is not taken",
    fields: { service: "string", device: "string", connection: "string" },
  },
  "nsc-lost": {
    level: "warn",
    when: "the next hop, or the way to the gateway, is lost",
    fields: { service: "string", device: "string", connection: "string", what: "string" },
  },
  "nsc-silent": {
    level: "warn",
    when: "the gateway does not answer, and the mesh still has the connection: replies go by others, where there are any",
    fields: { service: "string", device: "string", connection: "string" },
  },
  "nsc-healing": {
    level: "info",
    when: "a lost connection is asked for again: as it was, or (`reselect`) from any endpoint",
    fields: { service: "string", device: "string", connection: "string", reselect: "boolean" },
  },
  "nsc-healed": {
    level: "info",
    when: "a lost connection is there again",
    fields: { service: "string", device: "string", connection: "string", reselect: "boolean" },
  },
  "nsc-closed": {
    level: "info",
    when: "the client agent closed a connection",
    fields: { service: "string", device: "string", connection: "string" },
  },
  "nsc-configured": {
    level: "info",
    when: "the host was brought to what the connections give",
    fields: { vips: "strings", devices: "strings" },
  },
  "nsc-repaired": { level: "warn", when: "somebody had changed the host's set-up; it is as it was again", fields: {} },
  "nsc-setup-failed": { level: "warn", when: "a part of the host's set-up failed; it is tried again", fields: {} },
  "nsc-state-failed": {
    level: "warn",
    when: "the client agent's state or status file cannot be written",
    fields: { path: "string" },
  },
  "nsc-draining": { level: "info", when: "load-balancers are asked for no new flows", fields: { seconds: "number" } },
  "nsc-drained": {
    level: "info",
    when: "no connection to a VIP is left, or the drain's time is over",
    fields: { connections: "number" },
  },
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
