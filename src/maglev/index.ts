export { MaglevError, type MaglevErrorCode } from "./errors.ts";
export { parseIp46, parseIp46Prefix, prefixContains, prefixesOverlap, type Ip46, type Ip46Prefix } from "./address.ts";
export {
  buildTable,
  bucketCounts,
  checkTableSize,
  serverOfSlot,
  DEFAULT_WEIGHT,
  MAX_TABLE_SIZE,
  MAX_WEIGHT,
  type MaglevAlgorithm,
  type MaglevServer,
  type MaglevTable,
} from "./table.ts";
export { flowHash, hash4, hash6, type Flow } from "./hash.ts";
export { disruption, type Disruption } from "./disruption.ts";
export {
  explainFlow,
  explainOffline,
  type ExplainedVip,
  type FlowExplanation,
  type OfflineInput,
  type OfflineOutput,
} from "./explain.ts";
