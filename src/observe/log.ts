import { createLogger, format, transports, type Logger } from "winston";
import type { LogLevel } from "./levels.ts";

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** One JSON object a line, with everything known; else `TIME LEVEL EVENT MESSAGE` for people. */
  readonly json: boolean;
  /** Colours in the text form. */
  readonly colors: boolean;
}

/** A line of a role's log: an event of a closed set, at its own time, with its fields. */
export interface LogEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly type: string;
  readonly message: string;
}

/** The log of a role, on standard output. Standard error is left to what goes wrong before there is a log. */
export function makeLog(options: LogOptions): Logger {
  const { combine, colorize, printf } = format;
  const text = printf(
    ({ level, message, at, type }) => `${String(at)} ${level} ${String(type).padEnd(9)} ${String(message)}`,
  );
  const json = printf(({ level, message, at, type, ...rest }) => JSON.stringify({ at, level, type, message, ...rest }));
  return createLogger({
    level: options.level ?? "info",
    format: options.json ? json : options.colors ? combine(colorize({ level: true }), text) : text,
    transports: [new transports.Console({ stderrLevels: [] })],
  });
}

/** Writes an entry with all its fields. */
export function logEntry(log: Logger, level: LogLevel, entry: LogEntry): void {
  log.log({ level, ...entry });
}
