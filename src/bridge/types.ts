/**
 * The plain data that flows through vpplb: what VPP should hold, what it holds, and the operations between the two.
 *
 * Everything here is JSON: addresses are RFC 5952 text, prefixes `address/length` with host bits cleared, MACs lower case.
 */
export type * from "./types/abf.ts";
export type * from "./types/acl.ts";
export type * from "./types/lb.ts";
export type * from "./types/interface.ts";
export type * from "./types/link.ts";
export type * from "./types/fib.ts";
export type * from "./types/state.ts";
export type * from "./types/steering.ts";
export type * from "./types/plan.ts";
export type * from "./types/diagnostic.ts";
