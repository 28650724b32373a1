/** VPP's binary API. The codec alone, without I/O: "vpp-api-ts/codec". */
export * from "./codec/index.ts";
export { VppClient } from "./client.ts";
export type { CallOptions, DetailsOf, DumpName } from "./client.ts";
export type { FinishedRequest, VppClientOptions } from "./options.ts";
export type { DumpOptions } from "./transport/dump.ts";
export type { RequestOptions } from "./transport/engine.ts";
export { inspectSocket } from "./transport/socket-check.ts";
export type { SocketTrust } from "./transport/socket-check.ts";
export type { ConnectionState } from "./transport/state.ts";
export { summarize } from "./transport/summary.ts";
export * from "./quirks/index.ts";
export { StatsReader, total } from "./stats/reader.ts";
export type { Stat, StatFilter, StatsOptions } from "./stats/reader.ts";
