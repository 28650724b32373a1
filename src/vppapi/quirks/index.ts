/** What VPP does otherwise than documented, in one place; each with VPP's file and line (of src/plugins/lb in 26.06). */
export { refuseCli } from "./cli.ts";
export { crashGuards } from "./guards.ts";
export type { Guard } from "./guards.ts";
export {
  LB_FIXED_MARK,
  MAX_STICKY_BUCKETS,
  MAX_TABLE_SIZE,
  encapOnWire,
  lbEncaps,
  vipPrefix,
  vipPrefixFromWire,
} from "./lb-encoding.ts";
export type { LbEncap } from "./lb-encoding.ts";
export { parseLb, parseLbVips } from "./lb-text.ts";
export type { LbMain, LbServer, LbVipState } from "./lb-text.ts";
export { lbQuirks } from "./lb.ts";
export type { LbSettings, LbQuirks, LbVipConfig, LbVipKey } from "./lb.ts";
