import { startTrafficServer, type BoundAddress, type TrafficServerOptions } from "../traffic/index.ts";

export interface TrafficServerRoleOptions extends TrafficServerOptions {
  /** Called once it listens. */
  readonly ready?: (what: { readonly name: string; readonly bound: readonly BoundAddress[] }) => void;
}

/** `vpplb traffic server`: answers its name until the signal fires. @throws TrafficError */
export async function runTrafficServer(options: TrafficServerRoleOptions, signal: AbortSignal): Promise<void> {
  const { ready, ...serving } = options;
  const server = await startTrafficServer(serving, signal);
  ready?.({ name: server.name, bound: server.bound });
  await server.closed;
}
