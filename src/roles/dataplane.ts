import { startDataplane } from "../dataplane/server.ts";

export interface DataplaneRoleOptions {
  /** Unix socket of VPP's binary API. */
  readonly api: string;
  /** Unix socket of VPP's CLI. */
  readonly cli?: string;
  /** Permissions of the API socket. Default 0o660. */
  readonly mode?: number;
  /** Called once both sockets accept. */
  readonly ready?: () => void;
}

/** `vpplb dataplane`: serves until the signal fires, then removes its sockets and gives the interfaces back. */
export async function runDataplane(options: DataplaneRoleOptions, signal: AbortSignal): Promise<void> {
  const server = await startDataplane(
    {
      apiSocket: options.api,
      ...(options.cli === undefined ? {} : { cliSocket: options.cli }),
      ...(options.mode === undefined ? {} : { mode: options.mode }),
    },
    signal,
  );
  options.ready?.();
  await server.closed;
}
