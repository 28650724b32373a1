import { chmodSync } from "node:fs";
import { ApiServer } from "./api/server.ts";
import { listenCli } from "./cli/index.ts";
import { Dataplane } from "./dataplane.ts";

export interface DataplaneServerOptions {
  /** Unix socket of the binary API. */
  readonly apiSocket: string;
  /** Unix socket of the CLI, for `vppctl -s`; none if left out. */
  readonly cliSocket?: string;
  /** Permissions of both sockets: whoever can write there controls the dataplane. Default 0o660. */
  readonly mode?: number;
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
  const mode = options.mode ?? 0o660;
  const dataplane = new Dataplane();
  const parts: (() => void | Promise<void>)[] = [() => dataplane.close()];
  const close = async (): Promise<void> => {
    for (const part of parts.reverse()) await part();
  };
  try {
    const api = await ApiServer.listen(dataplane, { path: options.apiSocket, mode });
    parts.push(() => api.close());
    parts.push(dataplane.onInterfaceEvent(() => setImmediate(() => api.flushEvents())));
    if (options.cliSocket !== undefined) {
      const cli = await listenCli(dataplane, { path: options.cliSocket });
      parts.push(() => cli.close());
      chmodSync(options.cliSocket, mode);
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
