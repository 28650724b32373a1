import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Child, type Ending } from "./child.ts";

/**
 * Events as a hook gets them, its first argument.
 * - `endpoint_started`: the endpoint is registered; no further argument.
 * - `new_connection IP`, `del_connection IP`: an application server came, or goes and is still wired.
 * - `vip_added PREFIX`, `vip_removed PREFIX`, `server_down IP`: beyond the example's contract.
 */
export const HOOK_EVENTS = [
  "endpoint_started",
  "new_connection",
  "del_connection",
  "vip_added",
  "vip_removed",
  "server_down",
] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];

export interface HookCall {
  readonly event: HookEvent;
  /** Arguments after the event: an address or a prefix. */
  readonly args?: readonly string[];
  /** Calls with the same key run one after another, in order: a connection's id. Default the event's name. */
  readonly key?: string;
  /** Runs alone: after all calls before it, and before all after it. */
  readonly exclusive?: boolean;
  /** Beside the inherited environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Goes to standard input as JSON, whole, then its end. */
  readonly input?: unknown;
}

/**
 * `skipped`: no hook is configured. `missing`: it cannot be run. `dropped`: too many wait, or the end came first.
 * `timeout`: it was ended at its deadline.
 */
export const HOOK_RESULTS = ["ok", "failed", "timeout", "missing", "skipped", "dropped"] as const;

export interface HookOutcome {
  readonly call: HookCall;
  readonly result: (typeof HOOK_RESULTS)[number];
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: string;
  /** From its start to its end. */
  readonly durationMs: number;
  /** Before its start. */
  readonly waitedMs: number;
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
  readonly sinceMs: number;
  readonly done: (ending: Ending | { readonly result: "skipped" | "dropped" }, durationMs: number) => void;
}

/**
 * Runs a user's program on events, as the NSM load-balancer example does (NSE_HOOK): arguments, inherited environment,
 * standard output discarded, standard error told line by line. A hook that hangs, fails or is missing never holds up or
 * breaks what it is told of.
 */
export class Hooks {
  readonly #options: HookOptions;
  readonly #waiting: Waiting[] = [];
  readonly #busyKeys = new Set<string>();
  readonly #children = new Set<Child>();
  #exclusive = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Hooks that run now. */
  get running(): number {
    return this.#busyKeys.size;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether there is a hook. */
  get configured(): boolean {
    return (this.#options.program ?? "") !== "";
  }

  /** Why the hook cannot be run; undefined where it can, or none is configured. */
  problem(): string | undefined {
    const { program = "" } = this.#options;
    return program === "" || isExecutable(program, this.#env()) ? undefined : `${program} is no executable file`;
  }

  /** Settles when the hook has ended, one way or another; never rejects. */
  run(call: HookCall): Promise<HookOutcome> {
    const sinceMs = performance.now();
    return new Promise((resolve) => {
      const done: Waiting["done"] = (ending, durationMs) => {
        const waitedMs = performance.now() - sinceMs - durationMs;
        const outcome: HookOutcome = { call, ...ending, durationMs, waitedMs: Math.max(0, waitedMs) };
        quietly(() => this.#options.onOutcome?.(outcome));
        resolve(outcome);
      };
      if (!this.configured) return done({ result: "skipped" }, 0);
      if (this.#closed || this.#waiting.length >= (this.#options.maxWaiting ?? DEFAULTS.maxWaiting))
        return done({ result: "dropped" }, 0);
      this.#waiting.push({ call, sinceMs, done });
      this.#startNext();
    });
  }

  /** Takes no more calls, and gives those that are there some time; then what waits is dropped and what runs is killed. */
  async close(withinMs = 0): Promise<void> {
    this.#closed = true;
    if (withinMs > 0 && this.running + this.waiting > 0) await this.#untilIdle(withinMs);
    for (const { done } of this.#waiting.splice(0)) done({ result: "dropped" }, 0);
    for (const child of this.#children) child.kill();
    await Promise.all([...this.#children].map((child) => child.ended));
  }

  #untilIdle(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #env(): NodeJS.ProcessEnv {
    return this.#options.env ?? process.env;
  }

  #startNext(): void {
    while (this.running < (this.#options.parallel ?? DEFAULTS.parallel)) {
      const at = this.#nextIndex();
      if (at === undefined) break;
      const [next] = this.#waiting.splice(at, 1) as [Waiting];
      this.#start(next);
    }
    if (this.running + this.waiting === 0) for (const tell of this.#idle.splice(0)) tell();
  }

  /** The first that may run; none overtakes an exclusive one. */
  #nextIndex(): number | undefined {
    if (this.#exclusive) return undefined;
    for (const [at, { call }] of this.#waiting.entries()) {
      if (call.exclusive === true) return at === 0 && this.running === 0 ? at : undefined;
      if (!this.#busyKeys.has(keyOf(call))) return at;
    }
    return undefined;
  }

  #start({ call, done }: Waiting): void {
    const key = keyOf(call);
    this.#busyKeys.add(key);
    this.#exclusive = call.exclusive === true;
    const startedMs = performance.now();
    void this.#execute(call).then((ending) => {
      this.#busyKeys.delete(key);
      this.#exclusive = false;
      done(ending, performance.now() - startedMs);
      this.#startNext();
    });
  }

  async #execute(call: HookCall): Promise<Ending> {
    const problem = this.problem();
    if (problem !== undefined) return { result: "missing", error: problem };
    let input: string;
    try {
      input = call.input === undefined ? "" : `${JSON.stringify(call.input)}\n`;
    } catch (error) {
      return { result: "missing", error: `its input cannot be written: ${(error as Error).message}` };
    }
    const child = new Child({
      program: this.#options.program!,
      args: [call.event, ...(call.args ?? [])],
      env: { ...this.#env(), ...call.env },
      input,
      timeoutMs: this.#options.timeoutMs ?? DEFAULTS.timeoutMs,
      onLine: (line) => quietly(() => this.#options.onLine?.(line, call)),
    });
    this.#children.add(child);
    const ending = await child.ended;
    this.#children.delete(child);
    return ending;
  }
}

/** Who is told must not break who tells. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // Its own affair.
  }
}

function keyOf({ key, event }: HookCall): string {
  return key ?? event;
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
