import { startDataplane, type DataplaneServer } from "../dataplane/server.ts";
import type { HttpServer } from "../observe/http.ts";

export interface DataplaneRoleOptions {
  /** Unix socket of VPP's binary API. */
  readonly api: string;
  /** Unix socket of VPP's CLI. */
  readonly cli?: string;
  /** Permissions of the API socket. Default 0o660. */
  readonly mode?: number;
  /** Which server hears ICMP errors to a VIP: by the error's own addresses as VPP (default), or the flow's. */
  readonly icmpErrors?: "hash" | "owner";
  /** Address of /metrics and /healthz (see `parseListen`). Default: none. */
  readonly http?: string;
  /** Called once both sockets accept; `http`: where metrics are served. */
  readonly ready?: (http?: string) => void;
}

/** `vpplb dataplane`: serves until the signal fires, then removes its sockets and gives the interfaces back. */
export async function runDataplane(options: DataplaneRoleOptions, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const server = await startDataplane(
    {
      apiSocket: options.api,
      ...(options.cli === undefined ? {} : { cliSocket: options.cli }),
      ...(options.mode === undefined ? {} : { mode: options.mode }),
      ...(options.icmpErrors === undefined ? {} : { icmpErrors: options.icmpErrors }),
    },
    AbortSignal.any([signal, stop.signal]),
  );
  try {
    const http = await startHttp(server, options.http);
    options.ready?.(http?.address);
    await Promise.race([server.closed, aborted(signal)]);
    await http?.close();
  } finally {
    stop.abort();
    await server.closed;
  }
}

/** Loaded only where it is wanted: metrics take a few MB. */
async function startHttp(server: DataplaneServer, listen: string | undefined): Promise<HttpServer | undefined> {
  if (listen === undefined) return undefined;
  const { serveDataplaneHttp } = await import("./dataplane-http.ts");
  return serveDataplaneHttp(server, listen);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
