import { dirname, resolve } from "node:path";
import type { AccessList, Peer } from "../sys/peer.ts";
import { ApiServer, socketOptions } from "./api/server.ts";
import { listenCli } from "./cli/index.ts";
import { Dataplane } from "./dataplane.ts";
import type { IcmpErrors } from "./lb/lb.ts";

export interface DataplaneServerOptions {
  /** Unix socket of the binary API. */
  readonly apiSocket: string;
  /** Unix socket of the CLI, for `vppctl -s`; none if left out. */
  readonly cliSocket?: string;
  /** Permissions of both sockets: whoever can write there controls the dataplane. Default 0o660, 0o666 with `access.uids`. */
  readonly mode?: number;
  /** Where ICMP errors to VIPs go: see `LbMain.icmpErrors`. Default "hash", as VPP. */
  readonly icmpErrors?: IcmpErrors;
  /** Who may connect beside root and this process's user; both sockets belong to the first group. */
  readonly access?: AccessList;
  /** Hears of a peer that was turned away at either socket. */
  readonly onRefused?: (peer: Peer | undefined, socket: string) => void;
  /** Hears of a request that failed by a fault of ours. Default: a line on standard error. */
  readonly onFault?: (request: string, error: unknown) => void;
}

export interface DataplaneServer {
  readonly dataplane: Dataplane;
  readonly api: ApiServer;
  /** Settles when sockets, sessions and interfaces are closed, which the signal sets off. */
  readonly closed: Promise<void>;
}

/**
 * The embedded dataplane with its servers. Settled: both sockets accept. The signal ends everything.
 * @throws ApiServerError, CliError when a socket can't be had; nothing is left open then
 */
export async function startDataplane(options: DataplaneServerOptions, signal: AbortSignal): Promise<DataplaneServer> {
  signal.throwIfAborted();
  const { apiSocket, cliSocket, mode, access, onRefused, onFault } = options;
  const shared = access === undefined ? {} : { access };
  const told = (socket: string) =>
    onRefused === undefined ? {} : { onRefused: (peer?: Peer) => onRefused(peer, socket) };
  const asked = mode === undefined ? {} : { mode };
  const dataplane = new Dataplane({ runtimeDirectory: dirname(resolve(apiSocket)) });
  dataplane.lb.icmpErrors = options.icmpErrors ?? "hash";
  const parts: (() => void | Promise<void>)[] = [() => dataplane.close()];
  const close = async (): Promise<void> => {
    for (const part of parts.reverse()) await part();
  };
  try {
    const api = await ApiServer.listen(dataplane, {
      ...{ path: apiSocket, ...asked, ...shared, ...told(apiSocket) },
      ...(onFault === undefined ? {} : { onFault }),
    });
    parts.push(() => api.close());
    parts.push(dataplane.onInterfaceEvent(() => setImmediate(() => api.flushEvents())));
    if (cliSocket !== undefined) {
      const file = socketOptions({ ...asked, ...shared });
      const cli = await listenCli(dataplane, { path: cliSocket, file, ...shared, ...told(cliSocket) });
      parts.push(() => cli.close());
    }
    dataplane.start();
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return { dataplane, api, closed: aborted.then(close) };
  } catch (error) {
    await close();
    throw error;
  }
}
