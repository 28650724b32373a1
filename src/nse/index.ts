export { NseAgent, type NseAgentOptions, type NseIdentity } from "./agent.ts";
export { NseError, type NseErrorCode } from "./errors.ts";
export type * from "./events.ts";
export { EXTRA } from "./context.ts";
export { parseDuration } from "./environment.ts";
export { resolveSettings, type NseSettings, type Surroundings } from "./settings.ts";
export { bviNameOf, withConnections, type OverlayConnection } from "./overlay.ts";
