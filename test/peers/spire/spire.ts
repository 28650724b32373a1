import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildGo } from "../../../src/bench/go.ts";

const run = promisify(execFile);
const START_MS = 30_000;
const COMMAND_MS = 20_000;
const RETRY_MS = 100;

/** Server and agent in one program. @throws BenchError SKIP: no Go, no C compiler, not done in time */
export function spireProgram(timeoutMs?: number): Promise<string> {
  return buildGo("test/peers/spire", { cgo: true, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

/** Who gets which identity: processes of this user, unless another is named. */
export interface SpireEntry {
  /** Path of the SPIFFE ID, without a slash before. */
  readonly name: string;
  readonly uid?: number;
  /** Default 3600. */
  readonly ttlS?: number;
  /** Trust domains whose bundles come along. */
  readonly federatesWith?: readonly string[];
}

export interface SpireOptions {
  readonly trustDomain?: string;
  readonly entries: readonly SpireEntry[];
  /** PEM, by trust domain. */
  readonly bundles?: Readonly<Record<string, string>>;
}

/** A genuine SPIRE server and agent on loopback: join token, unix workload attestor. */
export class Spire {
  readonly trustDomain: string;
  readonly folder: string;
  readonly #program: string;
  readonly #children = new Map<string, ChildProcess>();
  #log = "";

  private constructor(program: string, trustDomain: string) {
    this.#program = program;
    this.trustDomain = trustDomain;
    this.folder = mkdtempSync(join(tmpdir(), "vpplb-spire-"));
  }

  /** Settles when the agent serves. The program is `spireProgram`'s. */
  static async start(program: string, options: SpireOptions): Promise<Spire> {
    const spire = new Spire(program, options.trustDomain ?? "vpplb.test");
    try {
      const port = await freePort();
      await spire.#startServer(port);
      for (const [domain, pem] of Object.entries(options.bundles ?? {})) await spire.setBundle(domain, pem);
      await spire.add(options.entries);
      const token = await spire.#command("token", "generate", "-spiffeID", spire.id("agent"));
      await spire.startAgent(port, /Token: (\S+)/.exec(token)?.[1]);
      return spire;
    } catch (error) {
      await spire.end();
      throw new Error(`SPIRE did not start: ${(error as Error).message}\n${spire.#log}`, { cause: error });
    }
  }

  /** For SPIFFE_ENDPOINT_SOCKET. */
  get socket(): string {
    return `unix://${this.folder}/agent.sock`;
  }

  id(name: string): string {
    return `spiffe://${this.trustDomain}/${name}`;
  }

  /** Registers identities; the agent has them within about a second. */
  async add(entries: readonly SpireEntry[]): Promise<void> {
    const path = join(this.folder, "entries.json");
    const json = entries.map(({ name, uid, ttlS = 3600, federatesWith = [] }) => ({
      selectors: [{ type: "unix", value: `uid:${uid ?? process.getuid!()}` }],
      spiffe_id: this.id(name),
      parent_id: this.id("agent"),
      x509_svid_ttl: ttlS,
      federates_with: federatesWith.map((domain) => `spiffe://${domain}`),
    }));
    writeFileSync(path, JSON.stringify({ entries: json }));
    await this.#command("entry", "create", "-data", path);
  }

  async setBundle(trustDomain: string, pem: string): Promise<void> {
    const path = join(this.folder, "bundle.pem");
    writeFileSync(path, pem);
    await this.#command("bundle", "set", "-id", `spiffe://${trustDomain}`, "-path", path);
  }

  /** Kills the agent; `startAgent` brings it back. */
  async stopAgent(): Promise<void> {
    await this.#stop("agent");
  }

  #port = 0;

  async startAgent(port = this.#port, joinToken?: string): Promise<void> {
    this.#port = port;
    const path = join(this.folder, "agent.conf");
    writeFileSync(path, agentConfig(this.folder, this.trustDomain, port));
    const args = ["agent", "run", "-config", path, ...(joinToken === undefined ? [] : ["-joinToken", joinToken])];
    this.#spawn("agent", args);
    await this.#until("agent", () =>
      run(this.#program, ["agent", "healthcheck", "-socketPath", join(this.folder, "agent.sock")], {
        timeout: COMMAND_MS,
      }),
    );
  }

  async end(): Promise<void> {
    await this.#stop("agent");
    await this.#stop("server");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #startServer(port: number): Promise<void> {
    mkdirSync(join(this.folder, "server"));
    mkdirSync(join(this.folder, "agent"));
    const path = join(this.folder, "server.conf");
    writeFileSync(path, serverConfig(this.folder, this.trustDomain, port));
    this.#spawn("server", ["server", "run", "-config", path]);
    await this.#until("server", () => this.#command("healthcheck"));
  }

  #spawn(name: string, args: readonly string[]): void {
    const child = spawn(this.#program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const note = (text: Buffer) => (this.#log = (this.#log + text.toString()).slice(-4000));
    child.stdout.on("data", note);
    child.stderr.on("data", note);
    this.#children.set(name, child);
  }

  async #until(name: string, work: () => Promise<unknown>): Promise<void> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      const child = this.#children.get(name)!;
      if (child.exitCode !== null) throw new Error(`the ${name} ended with ${child.exitCode}`);
      try {
        await work();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #command(...args: readonly string[]): Promise<string> {
    const all = ["server", ...args, "-socketPath", join(this.folder, "server.sock")];
    const { stdout } = await run(this.#program, all, { timeout: COMMAND_MS });
    return stdout;
  }

  async #stop(name: string): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}

function serverConfig(folder: string, trustDomain: string, port: number): string {
  return `server {
  bind_address = "127.0.0.1"
  bind_port = "${port}"
  socket_path = "${folder}/server.sock"
  trust_domain = "${trustDomain}"
  data_dir = "${folder}/server"
  log_level = "WARN"
  experimental { cache_reload_interval = "500ms" }
}
plugins {
  DataStore "sql" {
    plugin_data { database_type = "sqlite3", connection_string = "${folder}/server/data.sqlite3" }
  }
  KeyManager "memory" { plugin_data {} }
  NodeAttestor "join_token" { plugin_data {} }
}
`;
}

function agentConfig(folder: string, trustDomain: string, port: number): string {
  return `agent {
  server_address = "127.0.0.1"
  server_port = "${port}"
  socket_path = "${folder}/agent.sock"
  trust_domain = "${trustDomain}"
  data_dir = "${folder}/agent"
  log_level = "WARN"
  insecure_bootstrap = true
  experimental { sync_interval = "1s" }
}
plugins {
  KeyManager "disk" { plugin_data { directory = "${folder}/agent" } }
  NodeAttestor "join_token" { plugin_data {} }
  WorkloadAttestor "unix" { plugin_data {} }
}
`;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
