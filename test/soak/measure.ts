import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { spawnInNetns } from "../../src/sys/netns.ts";

/** What a process holds after its garbage was collected. */
export interface Measure {
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly rssBytes: number;
  readonly fds: number;
  readonly timers: number;
}

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const ANSWER_MS = 20_000;
/** A busy machine takes its time to load all the sources. */
const START_MS = 60_000;

/** A role in a process of its own. */
export class Role {
  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Settled: it serves. @param netns where it runs @param program a module that plays the role */
  static async start(role: string, where: string, netns?: number, program = CHILD): Promise<Role> {
    const args = ["--expose-gc", "--conditions=source", "--import=tsx", program, role, where];
    const options = { stdio: ["ignore", "inherit", "inherit", "ipc"] as ("ignore" | "inherit" | "ipc")[] };
    const child =
      netns === undefined
        ? spawn(process.execPath, args, options)
        : spawnInNetns(netns, process.execPath, args, options);
    const self = new Role(child);
    await self.#answer(START_MS);
    return self;
  }

  /** The next message. @throws where the process ends instead, or is silent for too long */
  async #answer(timeoutMs = ANSWER_MS): Promise<unknown> {
    const done = new AbortController();
    const timer = setTimeout(() => done.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const { signal } = done;
    try {
      if (!this.child.connected) throw new Error("it has ended");
      const [answer] = (await Promise.race([
        once(this.child, "message", { signal }),
        once(this.child, "exit", { signal }).then(([code, reason]) => {
          throw new Error(`it ended: ${code ?? reason}`);
        }),
      ])) as [unknown];
      return answer;
    } catch (cause) {
      // An abort says no more than that it was one.
      const why = signal.aborted ? signal.reason : cause;
      throw new Error(`${this.child.spawnargs.at(-2)}: ${(why as Error).message}`, { cause });
    } finally {
      clearTimeout(timer);
      done.abort();
    }
  }

  async measure(): Promise<Measure> {
    return (await this.ask("measure")) as Measure;
  }

  /** Sends a message and resolves with the answer: one at a time. @throws where none comes in time */
  async ask(message: string | object, timeoutMs = ANSWER_MS): Promise<unknown> {
    const answer = this.#answer(timeoutMs);
    this.child.send(message);
    return await answer;
  }

  /** @throws where it does not end by itself at SIGTERM */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, "exit");
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), ANSWER_MS);
    await exit;
    clearTimeout(timer);
    if (signal === "SIGTERM" && this.child.exitCode !== 0)
      throw new Error(`not ended by SIGTERM: ${this.child.signalCode}`);
  }
}
