import { Writable } from "node:stream";
import { createLogger, format, transports, type Logger } from "winston";
import { EVENTS, type EventName, type LogEntry } from "./events.ts";
import type { LogLevel } from "./levels.ts";
import { redact } from "./redact.ts";
import { Repeats, type RepeatLimits } from "./repeats.ts";

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** One JSON object a line, with everything known; else `TIME LEVEL EVENT MESSAGE` for people. */
  readonly json: boolean;
  /** Colours in the text form. */
  readonly colors: boolean;
  readonly repeats?: RepeatLimits;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
  /** Where lines go instead of standard output. */
  readonly write?: (line: string) => void;
}

/** Of a message; longer ones are cut. */
const MAX_MESSAGE_CHARACTERS = 4000;

/**
 * The log of a role, on standard output: events of the table in events.ts and nothing else, without secrets, each text
 * a few times a minute. Standard error is left to what goes wrong before there is a log.
 */
export class EventLog {
  readonly #logger: Logger;
  readonly #repeats: Repeats;
  readonly #now: () => number;

  constructor(options: LogOptions) {
    this.#now = options.now ?? Date.now;
    this.#repeats = new Repeats(options.repeats);
    this.#logger = loggerOf(options);
  }

  log(entry: LogEntry): void {
    const { event, at, message, ...fields } = entry;
    const { level } = EVENTS[event];
    if (!this.#logger.isLevelEnabled(level)) return;
    const text = cut(redact(message) as string);
    const { write, before } = this.#repeats.offer(event, text, this.#now());
    if (!write) return;
    if (before !== undefined) this.#tellRepeats(event, before);
    this.#write(event, at, text, redact(fields) as Record<string, unknown>);
  }

  #tellRepeats(event: EventName, { times, seconds }: { readonly times: number; readonly seconds: number }): void {
    const message = `${times} more of ${event} in the last ${seconds} s`;
    this.#write("log-repeated", undefined, message, { of: event, times, seconds }, EVENTS[event].level);
  }

  #write(
    event: EventName,
    at: string | undefined,
    message: string,
    fields: object,
    level = EVENTS[event].level as LogLevel,
  ) {
    this.#logger.log({ level, at: at ?? new Date(this.#now()).toISOString(), event, message, fields });
  }
}

function loggerOf({ level = "info", json, colors, write }: LogOptions): Logger {
  const { combine, colorize, printf } = format;
  const text = printf(({ level: shown, message, at, event }) => {
    // A message is one line, whatever VPP or a file put into it.
    const line = String(message).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
    return `${String(at)} ${shown} ${String(event).padEnd(17)} ${line}`;
  });
  const object = printf(({ level: shown, message, at, event, fields }) =>
    JSON.stringify({ at, level: shown, event, message, ...(fields as object) }),
  );
  const to =
    write === undefined
      ? new transports.Console({ stderrLevels: [] })
      : new transports.Stream({ stream: sink(write), eol: "" });
  return createLogger({
    level,
    format: json ? object : colors ? combine(colorize({ level: true }), text) : text,
    transports: [to],
  });
}

function sink(write: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      write(String(chunk));
      done();
    },
  });
}

function cut(text: string): string {
  return text.length <= MAX_MESSAGE_CHARACTERS ? text : `${text.slice(0, MAX_MESSAGE_CHARACTERS)}…`;
}
