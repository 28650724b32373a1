export type * from "./types.ts";
export { ControlClient, type ControlClientOptions } from "./client.ts";
export { DEFAULT_CONTROL_SOCKET, ROW_KINDS } from "./defaults.ts";
export { ControlError, type ControlErrorCode } from "./errors.ts";
export { startControlServer, type ControlServer, type ControlServerOptions, type VppctlPermission } from "./server.ts";
export { isReadOnly, judgeCommand } from "./vppctl-policy.ts";
