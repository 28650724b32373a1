import { startDataplane, type DataplaneServer } from "../dataplane/server.ts";
import type { LogEntry } from "../observe/events.ts";
import type { HttpServer } from "../observe/http.ts";
import { idsOf } from "../sys/peer.ts";
import { aborted } from "./aborted.ts";
import { peerRefused } from "./peer-refused.ts";

export interface DataplaneRoleOptions {
  /** Unix socket of VPP's binary API. */
  readonly api: string;
  /** Unix socket of VPP's CLI. */
  readonly cli?: string;
  /** Permissions of the API socket. Default 0o660, 0o666 with `users`. */
  readonly mode?: number;
  /** Which server hears ICMP errors to a VIP: by the error's own addresses as VPP (default), or the flow's. */
  readonly icmpErrors?: "hash" | "owner";
  /** Users (names or numbers) who may connect beside root and this process's. */
  readonly users?: readonly string[];
  /** Groups whose members may connect; the sockets belong to the first. */
  readonly groups?: readonly string[];
  /** What is to be logged, as events of observe's table. */
  readonly log?: (entry: LogEntry) => void;
  /** Address of /metrics and /healthz (see `parseListen`). Default: none. */
  readonly http?: string;
  /** Called once both sockets accept; `http`: where metrics are served. */
  readonly ready?: (http?: string) => void;
}

/** `vpplb dataplane`: serves until the signal fires, then removes its sockets and gives the interfaces back. */
export async function runDataplane(options: DataplaneRoleOptions, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const log = options.log ?? (() => undefined);
  const server = await startDataplane(
    {
      apiSocket: options.api,
      ...(options.cli === undefined ? {} : { cliSocket: options.cli }),
      ...(options.mode === undefined ? {} : { mode: options.mode }),
      ...(options.icmpErrors === undefined ? {} : { icmpErrors: options.icmpErrors }),
      access: { uids: idsOf("user", options.users ?? []), gids: idsOf("group", options.groups ?? []) },
      onRefused: (peer, socket) => log(peerRefused(socket, peer)),
      onFault: (request, error) => {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
        log({ event: "dataplane-fault", message, request });
      },
    },
    AbortSignal.any([signal, stop.signal]),
  );
  try {
    const http = await startHttp(server, options.http);
    log(readyEntry(options, http?.address));
    options.ready?.(http?.address);
    await Promise.race([server.closed, aborted(signal)]);
    log({ event: "dataplane-stopping", message: "told to stop" });
    await http?.close();
  } finally {
    stop.abort();
    await server.closed;
  }
}

function readyEntry({ api, cli }: DataplaneRoleOptions, http: string | undefined): LogEntry {
  const more = `${cli === undefined ? "" : `, CLI on ${cli}`}${http === undefined ? "" : `, metrics on ${http}`}`;
  return { event: "dataplane-ready", message: `ready: API on ${api}${more}`, api, cli, http };
}

/** Loaded only where it is wanted: metrics take a few MB. */
async function startHttp(server: DataplaneServer, listen: string | undefined): Promise<HttpServer | undefined> {
  if (listen === undefined) return undefined;
  const { serveDataplaneHttp } = await import("./dataplane-http.ts");
  return serveDataplaneHttp(server, listen);
}
