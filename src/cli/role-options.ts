import { InvalidArgumentError, Option, type Command } from "commander";
import type { LogEntry } from "../observe/events.ts";
import { LOG_LEVELS, type LogLevel } from "../observe/levels.ts";
import { leanStart } from "../roles/lean-start.ts";
import type { Context } from "./context.ts";

/** Of every role. */
export interface RoleOptions {
  readonly logLevel: LogLevel;
}

export function logLevelOption(): Option {
  return new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default("info");
}

/** NSM's programs have these too. */
const NSM_LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ["trace", "debug"],
  ["warning", "warn"],
  ["fatal", "error"],
  ["panic", "error"],
]);

/** Of the roles of a mesh: also NSM_LOG_LEVEL says it, in the words of NSM's programs. */
export function meshLogLevelOption(): Option {
  return logLevelOption()
    .env("NSM_LOG_LEVEL")
    .argParser((text: string): LogLevel => {
      const name = text.trim().toLowerCase();
      const level =
        NSM_LEVELS.get(name) ?? LOG_LEVELS.find((one) => one === name) ?? (name === "" ? "info" : undefined);
      if (level === undefined) throw new InvalidArgumentError(`It is one of ${LOG_LEVELS.join(", ")}.`);
      return level;
    });
}

/** Where a role logs, and what it calls when it is ready. To be awaited before the role's own modules are imported. */
export async function startRole(
  { json, colored }: Context,
  { logLevel: level }: RoleOptions,
): Promise<{ readonly log: (entry: LogEntry) => void; readonly ready: () => void }> {
  const ready = leanStart();
  const { EventLog } = await import("../observe/log.ts");
  const log = new EventLog({ level, json, colors: colored });
  return { log: (entry) => log.log(entry), ready: () => ready() };
}

/** Of the roles that keep VPP as a file says. */
export interface ControllerOptions extends RoleOptions {
  readonly file: string;
  readonly journal?: string;
  readonly http?: string;
}

export function addControllerOptions(command: Command, logLevel = logLevelOption()): Command {
  return command
    .requiredOption("-f, --file <file>", "configuration")
    .addOption(logLevel)
    .option("--journal <file>", "file of what is ours in VPP and of the history, instead of the configuration's")
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, instead of the configuration's http.listen");
}

/** What such a role is given of them, and of the options that every command takes. */
export function controllerGiven(
  { options: { control, vpp } }: Context,
  { file, journal, http }: ControllerOptions,
): {
  readonly file: string;
  readonly api?: string;
  readonly control?: string;
  readonly journal?: string;
  readonly http?: string;
} {
  const socket = control ?? process.env["VPPLB_CONTROL"];
  return {
    file,
    ...(vpp === undefined ? {} : { api: vpp }),
    ...(socket === undefined ? {} : { control: socket }),
    ...(journal === undefined ? {} : { journal }),
    ...(http === undefined ? {} : { http }),
  };
}

/** Of the roles that are somebody in a mesh. */
export interface IdentityFlags {
  readonly spiffe?: string;
  readonly insecure?: boolean;
}

export function addIdentityOptions(command: Command): Command {
  return addInsecureOption(command.option("--spiffe <socket>", "SPIFFE Workload API (SPIFFE_ENDPOINT_SOCKET)"));
}

export function addInsecureOption(command: Command): Command {
  return command.option("--insecure", "clear text, without identities (NSM_INSECURE=true)");
}

/** Permissions of a socket. */
export function octal(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text)) throw new InvalidArgumentError("It must be three octal digits: 660.");
  return Number.parseInt(text, 8);
}
