import type { Socket } from "node:net";
import type { DesiredState } from "../bridge/index.ts";
import { fromEvent, Subject, takeUntil } from "rxjs";
import type { SocketTrust } from "vpp-api-ts";
import {
  ConfigError,
  formatDiagnostic,
  parseLbYaml,
  readConfigFile,
  watchConfigFile,
  type LbFile,
} from "../config/index.ts";
import { ControlError, startControlServer, type ControlServerOptions } from "../control/index.ts";
import type { Retention } from "../history/index.ts";
import { Controller, type ControllerApi, type ControllerEvent } from "../controller/index.ts";
import { logOfController } from "../observe/controller-log.ts";
import type { LogEntry } from "../observe/events.ts";
import { idsOf, mayAccess, peerOf, type Peer } from "../sys/peer.ts";
import { peerRefused } from "./peer-refused.ts";
import { withStaleSettings } from "./stale-settings.ts";
import type { ControllerHttp, ControllerPages } from "./controller-http.ts";

export interface ControllerRoleOptions {
  /** lb.yaml: watched, and read again on SIGHUP. */
  readonly file: string;
  /** VPP's API socket instead of the file's `vpp.api`. */
  readonly api?: string;
  /** Control socket instead of the file's `control.socket`; `false`: none. */
  readonly control?: string | false;
  /** Journal instead of the file's `state.journal`. */
  readonly journal?: string;
  /** Address of /metrics and /healthz instead of the file's `http.listen`; `false`: none. */
  readonly http?: string | false;
  /** What happens, as it happens. */
  readonly onEvent?: (event: ControllerEvent) => void;
  /** What is to be logged, as events of observe's table. */
  readonly log?: (entry: LogEntry) => void;
  /** Called once the control socket accepts, before VPP need be there. `http`: where metrics are served. */
  readonly ready?: (api: ControllerApi, http?: string) => void;
  /** What lives on the same controller: made before the first plan, ended before the controller. */
  readonly attach?: (parts: ControllerParts) => Promise<Attached>;
}

/** What is given to whoever lives on a controller. */
export interface ControllerParts {
  readonly controller: Controller;
  /** The file as it is at the start. */
  readonly settings: LbFile;
  readonly desired: DesiredState;
  /** VPP's API socket. */
  readonly api: string;
  readonly journal: string;
  /** Where pages are served: to add to them. */
  readonly pages: ControllerPages | undefined;
}

export interface Attached {
  /** The control socket is there, and the first plan is made by and by. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * `vpplb lb`: keeps VPP as the file says until the signal fires. VPP keeps what it has been given.
 * Sockets and journal are those of the file as it is at the start.
 * @throws ConfigError where the file cannot be read or is wrong at the start; ControllerError JOURNAL; ControlError;
 * ObserveError
 */
export async function runController(options: ControllerRoleOptions, signal: AbortSignal): Promise<void> {
  const { settings, desired } = await readSettings(options.file);
  signal.throwIfAborted();
  const trust = trustOf(settings);
  const http = await openHttp(settings, options.http);
  const [api, journal] = [options.api ?? settings.vpp.api, options.journal ?? settings.state.journal];
  const controller = await Controller.start({
    socket: api,
    requestTimeoutMs: settings.vpp.requestTimeoutMs,
    journal,
    retention: retentionOf(settings.state.history),
    repairPeriodMs: settings.repair.periodMs,
    parse: parseLbYaml,
    parseFile: (text) => withStaleSettings(parseLbYaml(text), settings),
    file: options.file,
    trust,
  });
  // Before anything else is waited for: what is counted is counted from the first connection on.
  const pages = http?.pages(controller, (page, error) =>
    options.log?.({ event: "page-failed", message: `${page}: ${String(error)}`, page }),
  );
  const log = options.log ?? (() => undefined);
  const events = controller.events$.subscribe((event) => {
    options.onEvent?.(event);
    log(logOfController(event));
    if (event.type === "vpp" && event.state === "ready") warnOfSocket(controller, log);
  });
  let attached: Attached | undefined;
  try {
    attached = await options.attach?.({ controller, settings, desired, api, journal, pages });
    const socket = options.control ?? settings.control.socket;
    const server =
      socket === false ? undefined : await startControlServer(controller, controlOptions(settings, socket, log));
    try {
      const at = await pages?.serve();
      const more = at === undefined ? "" : `, metrics on ${at}`;
      const message = `keeping VPP on ${api} as ${options.file} says${more}`;
      await attached?.start();
      log({ event: "controller-ready", message, vpp: api, file: options.file, http: at });
      options.ready?.(controller, at);
      await followFile(controller, options.file, signal);
      log({ event: "controller-stopping", message: "told to stop: VPP keeps what it has" });
    } finally {
      await attached?.close();
      attached = undefined;
      await server?.close();
    }
  } finally {
    await attached?.close();
    await pages?.close();
    await controller.close();
    events.unsubscribe();
  }
}

function warnOfSocket(controller: Controller, log: (entry: LogEntry) => void): void {
  const { socket, warnings } = controller.status().vpp;
  for (const message of warnings) log({ event: "vpp-socket-insecure", message, socket });
}

function controlOptions({ control }: LbFile, socket: string, log: (entry: LogEntry) => void): ControlServerOptions {
  const access = { uids: ids("control", "user", control.users), gids: ids("control", "group", control.groups) };
  const onRefused = (peer: Peer | undefined) => log(peerRefused(socket, peer));
  return { socket, access, vppctl: control.vppctl, onRefused };
}

/** VPP's socket, and by SO_PEERCRED whoever listens there. */
function trustOf({ vpp }: LbFile): SocketTrust {
  const owners = ids("vpp", "user", vpp.owners);
  const checkPeer = (socket: Socket): string | undefined => {
    const peer = peerOf(socket);
    return mayAccess(peer, { uids: owners })
      ? undefined
      : `${vpp.api} is served by user ${peer.uid}, process ${peer.pid}`;
  };
  return { check: vpp.socketCheck, owners, checkPeer };
}

function ids(section: string, kind: "user" | "group", names: readonly (string | number)[]): number[] {
  try {
    return idsOf(kind, names);
  } catch (cause) {
    throw new ControlError("INPUT", `${section}: ${(cause as Error).message}`, { cause });
  }
}

/** Loaded only where it is wanted: metrics take a few MB. */
async function openHttp(
  { http }: LbFile,
  listen: string | false | undefined = http?.listen,
): Promise<ControllerHttp | undefined> {
  if (listen === undefined || listen === false) return undefined;
  const { ControllerHttp } = await import("./controller-http.ts");
  return new ControllerHttp({ ...http, listen });
}

function retentionOf({ maxAgeDays, maxEntries, maxMb }: LbFile["state"]["history"]): Retention {
  return { maxAgeMs: maxAgeDays * 86_400_000, maxEntries, maxBytes: maxMb * 2 ** 20 };
}

async function readSettings(file: string): Promise<{ settings: LbFile; desired: DesiredState }> {
  const { file: settings, state: desired, diagnostics } = parseLbYaml(await readConfigFile(file));
  if (settings !== undefined && desired !== undefined) return { settings, desired };
  const errors = diagnostics.filter((one) => one.severity === "error").map((one) => formatDiagnostic(one, file));
  throw new ConfigError("INVALID", [`${file} is not a usable lb.yaml`, ...errors].join("\n"), diagnostics);
}

/** Resolves when the signal fires. */
function followFile(controller: Controller, file: string, signal: AbortSignal): Promise<void> {
  const reload$ = new Subject<void>();
  const onHangup = () => reload$.next();
  process.on("SIGHUP", onHangup);
  return new Promise((resolve) => {
    watchConfigFile(file, { reload$ })
      .pipe(takeUntil(fromEvent(signal, "abort")))
      .subscribe({
        next: (reading) => {
          if ("text" in reading) void controller.load(reading.text);
          else controller.fileFailed(reading.error.message);
        },
        complete: () => {
          process.off("SIGHUP", onHangup);
          resolve();
        },
      });
    if (signal.aborted) {
      process.off("SIGHUP", onHangup);
      resolve();
    }
  });
}
