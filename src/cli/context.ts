import { CommanderError, InvalidArgumentError, type Command } from "commander";
import pc from "picocolors";
import { watchLifeline } from "../roles/lifeline.ts";

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, badInput: 2, interrupted: 130 } as const;

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly control?: string;
  readonly vpp?: string;
  readonly color?: boolean;
}

/** What a command prints with, and the signal that ends it. */
export interface Context {
  readonly json: boolean;
  readonly options: GlobalOptions;
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly colored: boolean;
  /** SIGINT, SIGTERM. */
  readonly signal: AbortSignal;
  /** One line (or several) on standard output. */
  print(text: string): void;
  /** The answer as JSON on standard output. */
  printJson(value: unknown): void;
  /** A remark on standard error: never part of the answer. */
  note(text: string): void;
}

/** A message for the user and the exit code; no stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** https://no-color.org; a terminal that can do nothing gets none either. */
function wantsColors(options: GlobalOptions): boolean {
  const { NO_COLOR, TERM } = process.env;
  if (options.color === false || (NO_COLOR !== undefined && NO_COLOR !== "") || TERM === "dumb") return false;
  return process.stdout.isTTY === true;
}

/** `Command` of each subcommand's action, with which it gets the context. */
export type Action = (context: Context, ...args: never[]) => Promise<number | void> | number | void;

function createContext(options: GlobalOptions, signal: AbortSignal): Context {
  const colored = wantsColors(options);
  return {
    json: options.json === true,
    options,
    colored,
    colors: pc.createColors(colored),
    signal,
    print: (text) => void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    printJson: (value) => void process.stdout.write(`${JSON.stringify(value, jsonValue, 2)}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

/**
 * How a command takes SIGINT and SIGTERM: `stop` is how one ends a service, `abort` cuts a piece of work short, `result`
 * ends what goes on after the work is done: if there is a result, it counts.
 */
export type OnSignal = "stop" | "abort" | "result";

/** npm, timeout and unshare hand on the ctrl-C that the terminal has sent to their child already: it is the same one. */
const SAME_SIGNAL_MS = 1000;

/**
 * Makes commander's action of ours: context, signals, exit code. A second signal ends the process at once.
 * @param onSignal exit code after a signal: 0 (`stop`), 130 (`abort`), the command's own or 130 (`result`)
 * @param hangup `own`: the command does something of its own at SIGHUP
 */
export function action(run: Action, onSignal: OnSignal = "abort", hangup: "ends" | "own" = "ends") {
  return async (...args: unknown[]): Promise<void> => {
    const command = args.at(-1) as Command;
    const abort = new AbortController();
    let firstAt = 0;
    const stop = () => {
      if (!abort.signal.aborted) {
        firstAt = performance.now();
        abort.abort();
      } else if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(EXIT.interrupted);
    };
    // A terminal that is closed ends, and undoes, what was begun in it.
    const signals: NodeJS.Signals[] = hangup === "ends" ? ["SIGINT", "SIGTERM", "SIGHUP"] : ["SIGINT", "SIGTERM"];
    for (const signal of signals) process.on(signal, stop);
    const lifeline = watchLifeline(stop);
    try {
      const context = createContext(command.optsWithGlobals<GlobalOptions>(), abort.signal);
      const code = await run(context, ...(args.slice(0, -1) as never[]));
      process.exitCode = abort.signal.aborted && onSignal === "abort" ? EXIT.interrupted : (code ?? EXIT.ok);
    } catch (error) {
      // What fails because it was told to stop has not failed.
      if (!abort.signal.aborted) throw error;
      process.exitCode = onSignal === "stop" ? EXIT.ok : EXIT.interrupted;
    } finally {
      for (const signal of signals) process.off(signal, stop);
      lifeline?.close();
    }
  };
}

/** Errors of any room that mean: what the user gave is wrong. Matched by name, so that no room is loaded for it. */
const BAD_INPUT: Readonly<Record<string, readonly string[]>> = {
  ConfigError: ["FILE", "INVALID"],
  ControlError: ["INPUT", "READ_ONLY"],
  ControllerError: ["CONFIG", "INPUT", "NOT_FOUND"],
  DemoError: ["REFUSED", "INPUT"],
  NscError: ["INPUT"],
  NseError: ["INPUT", "STATE"],
  ObserveError: ["ADDRESS"],
  SpiffeError: ["INPUT"],
  MeshError: ["INPUT"],
  NsmError: ["INVALID"],
  MaglevError: ["TABLE_SIZE", "ADDRESS", "WEIGHT", "DUPLICATE", "FLOW"],
  TargetError: ["INVALID"],
  TrafficError: ["OPTION", "LIMIT"],
};

/** Exit code and message of whatever was thrown. */
export function explainError(error: unknown): { exitCode: number; message: string } {
  if (error instanceof CliError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.badInput, message: "" };
  const { name, code, reason, message, stack } = error as Error & { code?: string; reason?: string };
  const codes = BAD_INPUT[name];
  const bad = codes?.includes(code ?? "") === true || BAD_INPUT["ControllerError"]?.includes(reason ?? "") === true;
  // An error that no room made is a fault of ours: its stack is what helps.
  const ours = code !== undefined || /^[A-Z][a-z]+Error$/.test(name) === false;
  return { exitCode: bad ? EXIT.badInput : EXIT.failed, message: ours ? message : (stack ?? String(error)) };
}

/** Integer option or argument between two bounds. */
export function integer(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A positive number. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `1h`; milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be a time: 500ms, 30s, 5m, 1h.");
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? "ms"] ?? 1));
}

/** For options that may be given several times. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Adds `Examples:` to a command's help. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`);
}
