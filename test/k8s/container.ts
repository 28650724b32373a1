import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Container } from "./objects.ts";

const SCRIPT = fileURLToPath(new URL("container.sh", import.meta.url));
const LOG_KEPT = 200_000;

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface ContainerOptions {
  readonly container: Container;
  /** Whose network and host name it gets. */
  readonly sandboxPid: number;
  /** Its root directory; made. */
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

/** A container that runs, in namespaces. It dies with the test's process. */
export class RunningContainer {
  readonly name: string;
  readonly #child: ChildProcess;
  #log = "";

  constructor({ container, sandboxPid, root, mounts, env, command }: ContainerOptions) {
    this.name = container.name;
    mkdirSync(root, { recursive: true });
    const { privileged = false, readOnlyRootFilesystem = false, runAsUser = 0 } = container.securityContext ?? {};
    const { drop = [], add = [] } = container.securityContext?.capabilities ?? {};
    if (!privileged && !drop.includes("ALL")) throw new Error(`${container.name} keeps the runtime's capabilities`);
    const capabilities = ["-all", ...add.map((name) => `+${name.toLowerCase()}`)].join(",");
    const lines = mounts.map(({ source, target, readOnly }) => `${source} ${target} ${readOnly ? "ro" : "rw"}`);
    const group = container.securityContext?.runAsGroup ?? 0;
    const settings = [root, privileged, readOnlyRootFilesystem, runAsUser, group, capabilities, lines.join("\n")];
    const enter = ["nsenter", `--net=/proc/${sandboxPid}/ns/net`, `--uts=/proc/${sandboxPid}/ns/uts`];
    const isolate = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child=KILL"];
    const [program = "", ...args] = ["setpriv", "--pdeathsig", "KILL", ...enter, ...isolate];
    this.#child = spawn(program, [...args, "/bin/sh", SCRIPT, ...settings.map(String), ...command], {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (text: Buffer) => (this.#log = (this.#log + text.toString()).slice(-LOG_KEPT)));
    }
  }

  /** As `kubectl logs`. */
  get log(): string {
    return this.#log;
  }

  /** For messages. */
  get state(): string {
    return this.running ? "runs" : `ended with ${this.#child.signalCode ?? this.#child.exitCode}`;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its process 1, as this host counts; undefined while it is made. */
  get pid(): number | undefined {
    const { pid } = this.#child;
    if (pid === undefined || !this.running) return undefined;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  }

  /** Runs to its end. @returns the exit code */
  async ended(): Promise<number> {
    if (this.running) await once(this.#child, "exit");
    return this.#child.exitCode ?? 128;
  }

  /** As `kubectl exec`: in its root and namespaces. */
  exec(command: readonly string[], env: Readonly<Record<string, string>>): { code: number; output: string } {
    const { pid } = this;
    if (pid === undefined) return { code: 1, output: `${this.name} does not run` };
    const enter = ["-t", String(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--root", "--wd=/"];
    const done = spawnSync("nsenter", [...enter, ...command], { env: { ...env }, encoding: "utf8", timeout: 20_000 });
    return { code: done.status ?? 1, output: done.stdout + done.stderr };
  }

  /** Sends a signal to process 1. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this;
    if (pid !== undefined) process.kill(pid, name);
  }

  /** SIGTERM; SIGKILL after a while, as at the end of a grace period. @returns the exit code */
  async stop(graceMs: number): Promise<number> {
    if (!this.running) return this.ended();
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    const code = await this.ended();
    clearTimeout(timer);
    return code;
  }
}
