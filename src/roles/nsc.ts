import { readFileSync } from "node:fs";
import { Namespace } from "../kernel/namespace.ts";
import { keepStatus, NscAgent, StateFile, type NscOptions, type NscSettings, type NscStatus } from "../nsc/index.ts";
import type { LogEntry } from "../observe/events.ts";
import { startTrafficServer } from "../traffic/index.ts";
import { aborted } from "./aborted.ts";
import { nscEntry } from "./nsc-log.ts";
import { openIdentity, type IdentityOptions } from "./nsm-identity.ts";

export interface NscRoleOptions {
  readonly settings: NscSettings;
  readonly identity: Omit<IdentityOptions, "name">;
  readonly host?: NscOptions["host"];
  /** Serve on this port, answering `name`; absent: the host's own application serves. */
  readonly serve?: { readonly port: number; readonly name?: string };
  /** On the way out: no new flows, and wait for the rest at most so long. Default 0. */
  readonly drainMs?: number;
  /** What was done to the host is kept here; null: nowhere. Default: /run/vpplb/nsc-NAME-NAMESPACE.json. */
  readonly state?: string | null;
  /** Keeps the agent's status here, as JSON, for applications beside it. */
  readonly statusFile?: string;
  /** Address of /metrics, /healthz, /readyz and /status (see `parseListen`). Default: none. */
  readonly http?: string;
  readonly log?: (entry: LogEntry) => void;
  /** Called once, when every service is connected and the host is set up. */
  readonly ready?: (status: NscStatus) => void;
}

/** Where state files are by default. */
const STATE_FOLDER = "/run/vpplb";

/**
 * `vpplb nsc`: asks for the services and serves them until the signal fires; then drains, closes, and undoes what was set
 * up.
 * @throws NscError STATE, SpiffeError, TrafficError, ObserveError
 */
export async function runNsc(options: NscRoleOptions, signal: AbortSignal): Promise<void> {
  const { settings, serve, log = () => undefined } = options;
  signal.throwIfAborted();
  const namespace = Namespace.own();
  const stack: (() => void | Promise<void>)[] = [() => namespace.close()];
  try {
    const identity = await openIdentity(
      { ...options.identity, name: settings.name, maxTokenLifetimeMs: settings.maxTokenLifetimeMs },
      signal,
    );
    stack.push(() => identity.close());
    const state = openState(options, namespace, log);
    let clean = true;
    stack.push(() => state?.close(clean));
    const server = serve === undefined ? undefined : await startTrafficServer(serve, new AbortController().signal);
    stack.push(() => server?.close());
    const agent = new NscAgent({
      settings,
      identity: identity.client,
      namespace,
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(state === undefined ? {} : { state }),
    });
    stack.push(() =>
      agent.close().catch((error: unknown) => {
        clean = false;
        throw error;
      }),
    );
    let told = false;
    agent.events$.subscribe((event) => {
      log(nscEntry(event));
      if (event.type !== "ready" || told) return;
      told = true;
      options.ready?.(agent.status());
    });
    if (options.statusFile !== undefined) stack.push(statusOf(agent, options.statusFile, log));
    if (options.http !== undefined) {
      const { serveNscHttp } = await import("./nsc-http.ts");
      const http = await serveNscHttp(agent, options.http);
      stack.push(() => http.close());
    }
    agent.start();
    // Nothing else keeps it alive while no endpoint has answered.
    await aborted(signal, true);
    log({ event: "nsc-stopping", message: "told to stop" });
    if (options.drainMs !== undefined && options.drainMs > 0) await agent.drain(options.drainMs);
  } finally {
    await closeAll(stack);
  }
}

function openState({ state, settings }: NscRoleOptions, namespace: Namespace, log: (entry: LogEntry) => void) {
  if (state === null) return undefined;
  const { inode } = namespace.netns;
  const path = state ?? `${STATE_FOLDER}/nsc-${settings.name}-${inode}.json`;
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const file = StateFile.open(path, `${inode} ${boot}`);
  file.onError = (error) => log({ event: "nsc-state-failed", path, message: `${path}: ${error.message}` });
  return file;
}

function statusOf(agent: NscAgent, path: string, log: (entry: LogEntry) => void): () => void {
  return keepStatus(agent, path, (error) =>
    log({ event: "nsc-state-failed", path, message: `${path}: ${error.message}` }),
  );
}

/** In reverse; every one is closed, the first error is thrown. */
async function closeAll(stack: readonly (() => void | Promise<void>)[]): Promise<void> {
  let first: unknown;
  for (const close of [...stack].reverse()) {
    try {
      await close();
    } catch (error) {
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
}
