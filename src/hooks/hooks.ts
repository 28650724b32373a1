import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { delimiter, join } from "node:path";

/**
 * Events as a hook gets them, its first argument.
 * - `endpoint_started`: the endpoint is registered; no further argument.
 * - `new_connection IP`, `del_connection IP`: an application server came, or goes and is still wired.
 * - `vip_added PREFIX`, `vip_removed PREFIX`, `server_down IP`: beyond the example's contract.
 */
export type HookEvent =
  "endpoint_started" | "new_connection" | "del_connection" | "vip_added" | "vip_removed" | "server_down";

export interface HookCall {
  readonly event: HookEvent;
  /** Arguments after the event: an address or a prefix. */
  readonly args?: readonly string[];
  /** Calls with the same key run one after another, in order: a connection's id. Default the event's name. */
  readonly key?: string;
  /** Goes to standard input as JSON, whole, then its end. */
  readonly input?: unknown;
}

export interface HookOutcome {
  readonly call: HookCall;
  /** `skipped`: no hook is configured. `missing`: it cannot be run. `dropped`: too many wait. */
  readonly result: "ok" | "failed" | "timeout" | "missing" | "skipped" | "dropped";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: string;
  readonly durationMs: number;
}

export interface HookOptions {
  /** The program: a path, or a name in PATH. Absent or empty: every call is skipped. */
  readonly program?: string;
  /** Default this process's environment: VIP_ADDRESS and IP_ADDRESS are inherited. */
  readonly env?: NodeJS.ProcessEnv;
  /** A call that takes longer is ended: SIGTERM, a second later SIGKILL, with all processes that it started. Default 30,000. */
  readonly timeoutMs?: number;
  /** Calls that run at once. Default 4. */
  readonly parallel?: number;
  /** Calls that wait at most; more are dropped. Default 1,000. */
  readonly maxWaiting?: number;
  /** Each line that a hook writes on standard error. */
  readonly onLine?: (line: string, call: HookCall) => void;
  readonly onOutcome?: (outcome: HookOutcome) => void;
}

const DEFAULTS = { timeoutMs: 30_000, parallel: 4, maxWaiting: 1000 } as const;
interface Waiting {
  readonly call: HookCall;
  readonly done: (outcome: HookOutcome) => void;
}

const KILL_AFTER_MS = 1000;
const MAX_LINE = 4096;

/**
 * Runs a user's program on events, as the NSM load-balancer example does (NSE_HOOK): arguments, inherited environment,
 * standard output discarded, standard error told line by line. A hook that hangs, fails or is missing never holds up or
 * breaks what it is told of.
 */
export class Hooks {
  readonly #options: HookOptions;
  readonly #waiting: Waiting[] = [];
  readonly #busyKeys = new Set<string>();
  readonly #children = new Set<ChildProcess>();
  #closed = false;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Hooks that run now. */
  get running(): number {
    return this.#busyKeys.size;
  }

  /** Why the hook cannot be run; undefined where it can, or none is configured. */
  problem(): string | undefined {
    const { program } = this.#options;
    return program === undefined || program === "" || isExecutable(program, this.#env())
      ? undefined
      : `${program} is no executable file`;
  }

  /** Settles when the hook has ended, one way or another; never rejects. */
  run(call: HookCall): Promise<HookOutcome> {
    return new Promise((resolve) => {
      const done = (outcome: HookOutcome) => {
        this.#options.onOutcome?.(outcome);
        resolve(outcome);
      };
      const { program } = this.#options;
      if (program === undefined || program === "") return done({ call, result: "skipped", durationMs: 0 });
      if (this.#closed || this.#waiting.length >= (this.#options.maxWaiting ?? DEFAULTS.maxWaiting))
        return done({ call, result: "dropped", durationMs: 0 });
      this.#waiting.push({ call, done });
      this.#startNext();
    });
  }

  /** Ends what runs and drops what waits. */
  close(): void {
    this.#closed = true;
    for (const { call, done } of this.#waiting.splice(0)) done({ call, result: "dropped", durationMs: 0 });
    for (const child of this.#children) killGroup(child, "SIGKILL");
  }

  #env(): NodeJS.ProcessEnv {
    return this.#options.env ?? process.env;
  }

  #startNext(): void {
    while (this.#busyKeys.size < (this.#options.parallel ?? DEFAULTS.parallel)) {
      const index = this.#waiting.findIndex(({ call }) => !this.#busyKeys.has(keyOf(call)));
      if (index < 0) return;
      const [{ call, done }] = this.#waiting.splice(index, 1) as [Waiting];
      const key = keyOf(call);
      this.#busyKeys.add(key);
      void this.#execute(call).then((outcome) => {
        this.#busyKeys.delete(key);
        done(outcome);
        this.#startNext();
      });
    }
  }

  #execute(call: HookCall): Promise<HookOutcome> {
    const startedMs = Date.now();
    return new Promise((resolve) => {
      let result: HookOutcome["result"] | undefined;
      const end = (more: Omit<HookOutcome, "call" | "durationMs">) =>
        resolve({ call, durationMs: Date.now() - startedMs, ...more });
      const problem = this.problem();
      if (problem !== undefined) return end({ result: "missing", error: problem });
      const child = spawn(this.#options.program!, [call.event, ...(call.args ?? [])], {
        env: this.#env(),
        stdio: ["pipe", "ignore", "pipe"],
        // A group of its own: what the hook started ends with it.
        detached: true,
      });
      this.#children.add(child);
      const timer = setTimeout(() => {
        result = "timeout";
        killGroup(child, "SIGTERM");
        setTimeout(() => killGroup(child, "SIGKILL"), KILL_AFTER_MS).unref();
      }, this.#options.timeoutMs ?? DEFAULTS.timeoutMs);
      this.#feed(child, call);
      const over = (more: Omit<HookOutcome, "call" | "durationMs">) => {
        clearTimeout(timer);
        this.#children.delete(child);
        end(more);
      };
      child.once("error", (error) => over({ result: "missing", error: error.message }));
      child.once("exit", (exitCode, signal) => {
        // Who it left behind holds neither the call nor its pipes.
        killGroup(child, "SIGKILL");
        child.stderr?.destroy();
        over({
          result: result ?? (exitCode === 0 ? "ok" : "failed"),
          ...(exitCode === null ? {} : { exitCode }),
          ...(signal === null ? {} : { signal }),
        });
      });
    });
  }

  #feed(child: ChildProcess, call: HookCall): void {
    // It need not read its input.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(call.input === undefined ? "" : `${JSON.stringify(call.input)}\n`);
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on("line", (line) =>
      this.#options.onLine?.(line.slice(0, MAX_LINE), call),
    );
  }
}

function keyOf({ key, event }: HookCall): string {
  return key ?? event;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

function isExecutable(program: string, env: NodeJS.ProcessEnv): boolean {
  const places = program.includes("/")
    ? [program]
    : (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, program));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
