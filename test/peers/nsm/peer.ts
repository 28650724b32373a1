import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Flags of a peer: `true` is one without a value. */
export type Options = Readonly<Record<string, string | true>>;

export type Said = { readonly event: string } & Readonly<Record<string, unknown>>;

/** How to run a peer. */
interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** One peer, genuine Go (main.go) or ours (endpoint.ts): a process that says JSON lines and ends with its standard input. */
export class Peer {
  readonly said: Said[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #log = "";

  constructor({ file, args }: Program, options: Options) {
    const flags = Object.entries(options).map(([key, value]) => (value === true ? `-${key}` : `-${key}=${value}`));
    this.#child = spawn(file, [...args, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
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
  async says(event: string, timeoutMs = 30_000): Promise<Said> {
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

  /** What it has said of this kind. */
  all(event: string): Said[] {
    return this.said.filter((each) => each.event === event);
  }

  /** kill -9. Settles when it is gone. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  /** Ends its standard input and waits; kills it after a while. */
  async end(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 3000);
    await exited;
    clearTimeout(timer);
  }
}

/** Registry, manager, forwarder and endpoint on sockets of a folder. */
export class GoMesh {
  readonly folder: string;
  readonly #program: string;
  readonly #common: Options;
  readonly peers = new Map<string, Peer>();
  readonly #starts = new Map<string, () => Promise<void>>();

  constructor(program: string, folder: string, common: Options = {}) {
    this.#program = program;
    this.folder = folder;
    this.#common = common;
  }

  url(name: string): string {
    return `unix://${this.folder}/${name}.sock`;
  }

  start(name: string, options: Options): Peer {
    const peer = new Peer({ file: this.#program, args: [] }, { name, ...this.#common, ...options });
    this.peers.set(name, peer);
    return peer;
  }

  async registry(): Promise<void> {
    await this.#keep("registry", "ready", { role: "registry", listen: this.url("registry") });
  }

  async manager(registry = this.url("registry")): Promise<void> {
    await this.#keep("nsmgr", "ready", { role: "nsmgr", listen: this.url("nsmgr"), connect: registry });
  }

  async forwarder(): Promise<void> {
    const options = { role: "forwarder", listen: this.url("forwarder"), connect: this.url("nsmgr") };
    await this.#keep("forwarder", "registered", options);
  }

  async endpoint(more: Options = {}): Promise<void> {
    const options = { role: "endpoint", listen: this.url("endpoint"), connect: this.url("nsmgr"), ...more };
    await this.#keep("endpoint", "registered", options);
  }

  /** An endpoint of ours as a process of its own (endpoint.ts). */
  async ourEndpoint(more: Options = {}): Promise<Peer> {
    const ours = {
      file: process.execPath,
      args: [...process.execArgv, fileURLToPath(new URL("endpoint.ts", import.meta.url))],
    };
    const start = async () => {
      const peer = new Peer(ours, { ...this.#common, listen: this.url("ours"), connect: this.url("nsmgr"), ...more });
      this.peers.set("ours", peer);
      await peer.says("registered");
    };
    this.#starts.set("ours", start);
    await start();
    return this.peers.get("ours")!;
  }

  /** kill -9, and the same again. */
  async restart(name: string): Promise<Peer> {
    await this.peers.get(name)!.kill();
    await this.#starts.get(name)!();
    return this.peers.get(name)!;
  }

  async end(): Promise<void> {
    await Promise.all([...this.peers.values()].map((peer) => peer.end()));
  }

  async #keep(name: string, event: string, options: Options): Promise<void> {
    const start = async () => {
      await this.start(name, options).says(event);
    };
    this.#starts.set(name, start);
    await start();
  }
}
