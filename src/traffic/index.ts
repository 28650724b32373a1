export { TrafficError, type TrafficErrorCode } from "./errors.ts";
export {
  startTrafficServer,
  type BoundAddress,
  type ServerMode,
  type TrafficServer,
  type TrafficServerOptions,
  type TrafficServerStats,
} from "./server.ts";
export {
  MAX_CONNECTIONS,
  TrafficClient,
  type BatchOptions,
  type BatchReport,
  type HoldOptions,
  type TrafficClientOptions,
} from "./client.ts";
export { HeldConnections, type HeldStep } from "./held.ts";
export {
  flowSources,
  formatEndpoint,
  parseEndpoint,
  type FlowRange,
  type FlowSource,
  type FlowTuple,
} from "./flows.ts";
export {
  toCtraffic,
  totalsOf,
  type ConnectionRecord,
  type ConnectionState,
  type Totals,
  type TrafficReport,
} from "./record.ts";
