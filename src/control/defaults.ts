import type { RowKind } from "../controller/types.ts";

/** Here, apart from gRPC, so that a command's help needs none of it. */
export const DEFAULT_CONTROL_SOCKET = "/run/vpplb/control.sock";

export const ROW_KINDS: readonly RowKind[] = [
  "vips",
  "streams",
  "flows",
  "servers",
  "interfaces",
  "bridges",
  "routes",
  "memifs",
  "tables",
  "acls",
];
