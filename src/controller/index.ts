export { fetchDigests, parseDigests, type ReplicaStatus } from "./replicas.ts";
export type * from "./types.ts";
export { Controller, type ControllerOptions } from "./controller.ts";
export type { VipCounters, VppCounters } from "./counters.ts";
export type { Measurement } from "./meter.ts";
export { ControllerError, type ControllerErrorCode } from "./errors.ts";
export { Journal } from "./journal.ts";
export { explain } from "./explain.ts";
export { HistoryQueries } from "./history-queries.ts";
