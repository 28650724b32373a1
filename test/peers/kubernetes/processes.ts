import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

const KILL_AFTER_MS = 8000;
const LOG_KEPT = 6000;

/** A process of a test: it dies with the test's process, however that ends. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #name: string;
  #log = "";

  constructor(program: string, args: readonly string[]) {
    const [command = "", ...rest] = [...untilWeDie(), program, ...args];
    this.#name = program.replace(/.*\//, "");
    this.#child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.once("error", (error) => (this.#log += error.message));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (text: Buffer) => (this.#log = (this.#log + text.toString()).slice(-LOG_KEPT)));
    }
    process.once("exit", this.#kill);
  }

  readonly #kill = (): void => void this.#child.kill("SIGKILL");

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until `ready` is true. @throws it ended, or time is up: with the end of its log */
  async until(ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await ready())) {
      if (!this.running) throw new Error(`${this.#name} has ended:\n${this.#log}`);
      if (Date.now() > deadline) throw new Error(`${this.#name} is not ready after ${timeoutMs} ms:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** SIGTERM, SIGKILL when that takes too long; then it is gone. */
  async stop(): Promise<void> {
    process.off("exit", this.#kill);
    if (!this.running) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(this.#kill, KILL_AFTER_MS);
    await gone;
    clearTimeout(timer);
  }
}

let guard: readonly string[] | undefined;

/** util-linux's way to be killed with the parent, where there is one. */
function untilWeDie(): readonly string[] {
  const command = ["setpriv", "--pdeathsig", "KILL"];
  guard ??= spawnSync(command[0]!, [...command.slice(1), "true"]).status === 0 ? command : [];
  return guard;
}

/** Ports of 127.0.0.1 that nobody has just now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
