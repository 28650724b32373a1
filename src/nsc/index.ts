/** The client agent: asks for network services and sets its host up as an application server behind them. */
export { NscAgent, type NscOptions, type NscStatus } from "./agent.ts";
export { readSettings, type NscFlags, type NscSettings } from "./environment.ts";
export { NscError, type NscErrorCode } from "./errors.ts";
export type * from "./events.ts";
export type { Offer } from "./offer.ts";
export { StateFile } from "./state-file.ts";
export { keepStatus } from "./status-file.ts";
