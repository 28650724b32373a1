import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";

export type Said = { readonly event: string } & Readonly<Record<string, unknown>>;

/** One genuine Go peer: a process of main.go. It ends with its standard input. */
export class GoPeer {
  readonly said: Said[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #log = "";

  constructor(program: string, options: Readonly<Record<string, string | true>>) {
    const flags = Object.entries(options).map(([key, value]) => (value === true ? `-${key}` : `-${key}=${value}`));
    this.#child = spawn(program, flags, { stdio: ["pipe", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.said.push(JSON.parse(line) as Said);
      for (const wake of this.#waiting) wake();
    });
    this.#child.stderr!.on("data", (text: Buffer) => (this.#log = (this.#log + text.toString()).slice(-4000)));
    this.#child.once("exit", () => {
      for (const wake of this.#waiting) wake();
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until it has said so. @throws the process ended, or time is up: with what it said */
  async says(event: string, timeoutMs = 15_000): Promise<Said> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.said.find((each) => each.event === event);
      if (found !== undefined) return found;
      if (!this.running || Date.now() > deadline)
        throw new Error(`no "${event}": said ${JSON.stringify(this.said)}\n${this.#log}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 200);
        const self = this.#waiting;
        function done(): void {
          clearTimeout(timer);
          self.delete(done);
          resolve();
        }
        self.add(done);
      });
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Ends its standard input and waits; kills it after a while. */
  async end(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.kill(), 3000);
    await exited;
    clearTimeout(timer);
  }
}

/** Registry, manager, forwarder and endpoint on sockets of a folder. */
export class GoMesh {
  readonly folder: string;
  readonly #program: string;
  readonly #common: Readonly<Record<string, string | true>>;
  readonly peers = new Map<string, GoPeer>();

  constructor(program: string, folder: string, common: Readonly<Record<string, string | true>> = {}) {
    this.#program = program;
    this.folder = folder;
    this.#common = common;
  }

  url(name: string): string {
    return `unix://${this.folder}/${name}.sock`;
  }

  start(name: string, options: Readonly<Record<string, string | true>>): GoPeer {
    const peer = new GoPeer(this.#program, { name, ...this.#common, ...options });
    this.peers.set(name, peer);
    return peer;
  }

  async registry(): Promise<void> {
    await this.start("registry", { role: "registry", listen: this.url("registry") }).says("ready");
  }

  async manager(registry = this.url("registry")): Promise<void> {
    await this.start("nsmgr", { role: "nsmgr", listen: this.url("nsmgr"), connect: registry }).says("ready");
  }

  async forwarder(): Promise<void> {
    const options = { role: "forwarder", listen: this.url("forwarder"), connect: this.url("nsmgr") };
    await this.start("forwarder", options).says("registered");
  }

  async endpoint(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const options = { role: "endpoint", listen: this.url("endpoint"), connect: this.url("nsmgr"), ...more };
    await this.start("endpoint", options).says("registered");
  }

  async end(): Promise<void> {
    await Promise.all([...this.peers.values()].map((peer) => peer.end()));
  }
}
