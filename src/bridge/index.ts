export type * from "./types.ts";
export { BridgeError, type BridgeErrorCode } from "./errors.ts";
export { neighborKey, parseVipKey, routeKey, routeTables, vipId, vipKey, vipRef, vipTitle } from "./keys.ts";
export { type VppPort } from "./port.ts";
export { type DiffInput, type ExecuteContext, countText, listText } from "./kind.ts";
export { observe, observeFeatures } from "./observe.ts";
export { prepare } from "./prepare.ts";
export { makePlan, NOTHING_OWNED } from "./plan.ts";
export { aclOwner, aclTag, ruleText, rulesText } from "./acl.ts";
export { observeCounters, type RouteCounters } from "./route-counters.ts";
export { ruleMatches, type Packet } from "./rule-match.ts";
export { flowRules, MAX_RULES } from "./flow-rules.ts";
export { execute } from "./execute.ts";
export { tableOf, wantedTable } from "./lb-tables.ts";
export { isOurInterface } from "./interface.ts";
export { isOurPolicy } from "./abf.ts";
export { isOurVip } from "./vip.ts";
export { vipShape, type VipShape } from "./vip-shape.ts";
export { emptyVpp } from "./empty-vpp.ts";
export {
  canonicalAddress,
  canonicalInterfaceAddress,
  canonicalPrefix,
  contains,
  familyOf,
  hostPrefix,
  overlaps,
  prefixRange,
} from "./wire.ts";
export { compareTables, tableDigests, type Disagreement, type TableDigest } from "./table-digest.ts";
export { Secret } from "./secret.ts";
export { memifNote, UNKNOWN_MEMIF } from "./memif.ts";
export { reassemblyOf } from "./link.ts";
export { tableName } from "./table.ts";
