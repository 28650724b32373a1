/** The mesh of one machine: registry, manager and forwarder in one process. */
export * from "./errors.ts";
export * from "./events.ts";
export * from "./mesh.ts";
export * from "./services.ts";
export * from "./settings.ts";
