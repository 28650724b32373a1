import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { withLifeline } from "../sys/lifeline.ts";
import { spawnInNetns } from "../sys/netns.ts";
import { DemoError } from "./errors.ts";

/** The CLI's entry, seen from src/demo and from dist/demo alike. */
export const CLI = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));

/** Lines of a child's output kept for an error message. */
const KEPT_LINES = 30;

export interface DemoProcessOptions {
  /** Hears every whole line that it prints. */
  readonly onLine?: (line: string) => void;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A `vpplb` process of the demo in a network namespace. Its owner ends it with {@link DemoProcess.kill} or `stop`. */
export class DemoProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly #lines: string[] = [];

  constructor(name: string, netns: number, args: readonly string[], { onLine, env }: DemoProcessOptions = {}) {
    this.name = name;
    // In a process group of its own: ctrl-C at the terminal is for the demo, which needs the controller to clean up.
    const lifeline = withLifeline(["ignore", "pipe", "pipe"]);
    this.child = spawnInNetns(netns, process.execPath, [CLI, ...args], {
      ...lifeline,
      env: { ...lifeline.env, ...env },
      detached: true,
    });
    // Where the demo's own end is cut short, by a second ctrl-C.
    const killNow = () => void this.child.kill("SIGKILL");
    process.on("exit", killNow);
    this.child.once("exit", () => process.off("exit", killNow));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream == null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.#keep(line);
        onLine?.(line);
      });
    }
    // Without a listener a failed spawn would end the demo before its clean-up.
    this.child.on("error", (error) => this.#keep(String(error)));
  }

  #keep(line: string): void {
    if (line === "") return;
    this.#lines.push(line);
    this.#lines.splice(0, this.#lines.length - KEPT_LINES);
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The last lines that it printed. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to stop; kill -9 after `deadlineMs`. */
  async stop(deadlineMs = 3000): Promise<void> {
    if (!this.running) return;
    const timer = setTimeout(() => this.child.kill("SIGKILL"), deadlineMs);
    try {
      await this.#end("SIGTERM");
    } finally {
      clearTimeout(timer);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    const gone = once(this.child, "exit");
    this.child.kill(signal);
    await gone;
  }
}

/**
 * Asks `probe` until it returns something, while `process` runs.
 * @throws DemoError TIMEOUT with what was waited for and the process's last words, or the signal's reason
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  options: { deadlineMs?: number; everyMs?: number; process?: DemoProcess; signal: AbortSignal },
): Promise<T> {
  const { everyMs = 25, process: watched, signal } = options;
  // Who is watched and runs is given longer: on a busy machine it starts slowly.
  const { deadlineMs = watched === undefined ? 10_000 : 30_000 } = options;
  const deadline = Date.now() + deadlineMs;
  let lastError: unknown;
  for (;;) {
    signal.throwIfAborted();
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (error) {
      lastError = error;
    }
    const died = watched !== undefined && !watched.running;
    if (died || Date.now() > deadline) {
      const reason = died ? `${watched.name} ended` : `not within ${deadlineMs} ms`;
      const said = watched?.output ? `\n${watched.name} said:\n${watched.output}` : "";
      throw new DemoError("TIMEOUT", `waiting for ${what}: ${reason}${said}`, { cause: lastError });
    }
    await sleep(everyMs, undefined, { signal });
  }
}

/** Waits until `process` says that it is ready. @throws DemoError TIMEOUT, as {@link waitFor} */
export async function untilReady(
  what: string,
  process: DemoProcess,
  options: { deadlineMs?: number; signal: AbortSignal },
): Promise<void> {
  await waitFor(what, () => (/\bready\b/.test(process.output) ? true : undefined), { ...options, process });
}
