export type * from "./types.ts";
export { ControlClient, type ControlClientOptions } from "./client.ts";
export { DEFAULT_CONTROL_SOCKET, ROW_KINDS } from "./defaults.ts";
export { ControlError, type ControlErrorCode } from "./errors.ts";
export { startControlServer, type ControlServer, type ControlServerOptions } from "./server.ts";
export { isReadOnly } from "./vppctl-policy.ts";
