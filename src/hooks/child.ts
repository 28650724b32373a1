import { spawn, type ChildProcess } from "node:child_process";
import { Lines } from "./lines.ts";

/** How a program ended. */
export interface Ending {
  readonly result: "ok" | "failed" | "timeout" | "missing";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: string;
}

export interface ChildOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Standard input, whole. */
  readonly input: string;
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
}

/** From SIGTERM to SIGKILL, and from there until it is given up. */
const GRACE_MS = 1000;
/** After its end, for standard error to end too: what it left behind may hold it open. */
const LAST_WORDS_MS = 200;

/**
 * One run of a program, in a process group of its own. It settles by its deadline and twice the time of grace, whatever
 * the program does. What a program leaves behind when it ends by itself goes on, as after a shell's `&`; what overruns
 * its deadline goes with all that it started.
 */
export class Child {
  readonly ended: Promise<Ending>;
  #kill: (signal: NodeJS.Signals) => void = () => undefined;

  constructor(options: ChildOptions) {
    this.ended = new Promise((resolve) => {
      try {
        this.#run(options, resolve);
      } catch (error) {
        // Such as a NUL in an argument.
        resolve({ result: "missing", error: (error as Error).message });
      }
    });
  }

  /** SIGKILL to it and what it started. */
  kill(): void {
    this.#kill("SIGKILL");
  }

  #run({ program, args, env, input, timeoutMs, onLine }: ChildOptions, resolve: (ending: Ending) => void): void {
    const child = spawn(program, [...args], { env, stdio: ["pipe", "ignore", "pipe"], detached: true });
    let timers: NodeJS.Timeout[] = [];
    let late = false;
    const after = (ms: number, what: () => void) => void timers.push(setTimeout(what, ms));
    const lines = new Lines(child.stderr, onLine);
    const end = (ending: Ending) => {
      lines.close();
      resolve(ending);
    };
    const stop = () => {
      // The pid may be somebody else's soon.
      this.#kill = () => undefined;
      for (const timer of timers) clearTimeout(timer);
      timers = [];
      child.stdin.destroy();
    };
    this.#kill = (signal) => killGroup(child, signal);
    after(timeoutMs, () => {
      late = true;
      this.#kill("SIGTERM");
      after(GRACE_MS, () => this.#kill("SIGKILL"));
      after(2 * GRACE_MS, () => {
        stop();
        end({ result: "timeout", error: "it cannot be ended" });
      });
    });
    child.once("error", (error) => {
      stop();
      end({ result: "missing", error: error.message });
    });
    child.once("exit", (exitCode, signal) => {
      if (late) this.#kill("SIGKILL");
      stop();
      const ending = endingOf(late, exitCode, signal);
      if (child.stderr.closed) return end(ending);
      const last = setTimeout(() => end(ending), LAST_WORDS_MS);
      child.stderr.once("close", () => {
        clearTimeout(last);
        end(ending);
      });
    });
    // It need not read its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  }
}

function endingOf(late: boolean, exitCode: number | null, signal: NodeJS.Signals | null): Ending {
  return {
    result: late ? "timeout" : exitCode === 0 ? "ok" : "failed",
    ...(exitCode === null ? {} : { exitCode }),
    ...(signal === null ? {} : { signal }),
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}
