import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  ChannelPool,
  clientChain,
  insecureTokens,
  memifMechanism,
  newConnection,
  Call,
  type Connection,
  type NetworkService,
} from "@networkservicemesh/sdk-ts";
import { BenchError } from "./errors.ts";
import { rateFigure, timeFigure, type Figure } from "./figure.ts";
import { buildGo } from "./go.ts";
import { median, milliseconds, perSecond, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";
import { end } from "./target.ts";

/** Requests of one round, one after another. */
const SEQUENTIAL = 100;
/** Connections of one round, so many at a time. */
const BULK = 200;
const AT_ONCE = 32;
/** Connections that are held to see what they take. */
const HELD = 500;
const READY_MS = 20_000;
const CALL_MS = 30_000;
const MOST_ROUNDS = 7;
/** A page, as /proc/PID/statm counts. */
const PAGE_BYTES = 4096;

const tokens = insecureTokens("spiffe://bench/any");

/**
 * What a Request takes through our manager and forwarder, beside Go's: the same client before them, the same Go endpoint
 * behind them, a memif that is handed on. @throws BenchError SKIP where Go's cannot be built
 */
export async function benchNsm(context: BenchContext): Promise<Figure[]> {
  const program = await buildGo("test/peers/nsm");
  const meshes: BenchMesh[] = [];
  try {
    const ours = await BenchMesh.ours(program);
    meshes.push(ours);
    const go = await BenchMesh.go(program);
    meshes.push(go);
    return [
      ...(await latency(ours, go, context)),
      ...(await rate(ours, go, context)),
      ...(await memory(ours, go, context)),
    ];
  } finally {
    for (const mesh of meshes) await mesh.close();
  }
}

async function latency(ours: BenchMesh, go: BenchMesh, { rounds, say }: BenchContext): Promise<Figure[]> {
  say(`nsm: ${SEQUENTIAL} Requests, one after another`);
  const closes: Record<"ours" | "go", number[]> = { ours: [], go: [] };
  const turn = (name: "ours" | "go", mesh: BenchMesh) => async () => {
    const times = await mesh.oneByOne(SEQUENTIAL);
    closes[name].push(times.closeMs);
    return times.requestMs;
  };
  const turns = Math.min(rounds, MOST_ROUNDS);
  const times = await takeTurns(turns, { ours: turn("ours", ours), go: turn("go", go) });
  // The first turn, in which things warm up, does not count.
  for (const values of Object.values(closes)) values.shift();
  return [
    timeFigure("Request", times.ours, { name: "Go", values: times.go }, ">= 0.83x"),
    timeFigure("Close", closes.ours, { name: "Go", values: closes.go }),
  ];
}

async function rate(ours: BenchMesh, go: BenchMesh, { rounds, say }: BenchContext): Promise<Figure[]> {
  say(`nsm: ${BULK} connections, ${AT_ONCE} at a time`);
  const turn = (mesh: BenchMesh) => async () => {
    let made: Connection[] = [];
    const result = await perSecond(BULK, async () => (made = await mesh.open(BULK)));
    await mesh.closeAll(made);
    return result;
  };
  const rates = await takeTurns(Math.min(rounds, MOST_ROUNDS), { ours: turn(ours), go: turn(go) });
  return [rateFigure(`connections, ${AT_ONCE} at a time`, rates.ours, { name: "Go", values: rates.go })];
}

async function memory(ours: BenchMesh, go: BenchMesh, { say }: BenchContext): Promise<Figure[]> {
  say(`nsm: ${HELD} connections are held`);
  const perConnection = async (mesh: BenchMesh): Promise<number> => {
    const before = mesh.residentBytes();
    const made = await mesh.open(HELD);
    const grown = mesh.residentBytes() - before;
    await mesh.closeAll(made);
    return Math.max(0, grown) / HELD / 1024;
  };
  const values = { ours: await perConnection(ours), go: await perConnection(go) };
  return [
    {
      name: `memory a connection, of ${HELD}`,
      unit: "kB",
      ours: values.ours,
      other: { name: "Go", value: values.go },
      ratio: values.go / values.ours,
    },
  ];
}

/** Manager, forwarder and a Go endpoint, with a client of ours that neither refreshes nor heals. */
class BenchMesh {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  /** Of manager and forwarder. */
  readonly #pids: number[] = [];
  readonly #abort = new AbortController();
  readonly #pool = new ChannelPool({ tokens });
  readonly #client: NetworkService;

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
    const url = this.#url("nsmgr");
    this.#client = clientChain(
      { name: "bench", url, pool: this.#pool, refresh: false, heal: false },
      this.#abort.signal,
    );
  }

  static async ours(program: string): Promise<BenchMesh> {
    return BenchMesh.#start(program, async (mesh) => {
      const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
      const role = fileURLToPath(new URL(`./role.${extension}`, import.meta.url));
      mesh.#pids.push(await mesh.#spawn(process.execPath, [...process.execArgv, role, "nsm", mesh.#folder], "ready"));
    });
  }

  static async go(program: string): Promise<BenchMesh> {
    return BenchMesh.#start(program, async (mesh) => {
      const [registry, manager, forwarder] = [mesh.#url("registry"), mesh.#url("nsmgr"), mesh.#url("forwarder")];
      await mesh.#spawn(program, ["-role=registry", "-name=registry", `-listen=${registry}`], "ready");
      const managerFlags = ["-role=nsmgr", "-name=nsmgr", `-listen=${manager}`, `-connect=${registry}`];
      mesh.#pids.push(await mesh.#spawn(program, managerFlags, "ready"));
      const flags = ["-role=forwarder", "-name=forwarder", `-listen=${forwarder}`, `-connect=${manager}`];
      mesh.#pids.push(await mesh.#spawn(program, flags, "registered"));
    });
  }

  static async #start(program: string, work: (mesh: BenchMesh) => Promise<void>): Promise<BenchMesh> {
    const mesh = new BenchMesh();
    try {
      await work(mesh);
      const [endpoint, manager] = [mesh.#url("endpoint"), mesh.#url("nsmgr")];
      const flags = ["-role=endpoint", "-name=endpoint", `-listen=${endpoint}`, `-connect=${manager}`];
      await mesh.#spawn(program, [...flags, "-prefix=10.0.0.0/16"], "registered");
      return mesh;
    } catch (error) {
      await mesh.close();
      throw error;
    }
  }

  /** Medians. */
  async oneByOne(count: number): Promise<{ requestMs: number; closeMs: number }> {
    const requests: number[] = [];
    const closes: number[] = [];
    for (let i = 0; i < count; i++) {
      let made: Connection | undefined;
      requests.push(await milliseconds(async () => (made = await this.#request())));
      closes.push(await milliseconds(() => this.#close(made!)));
    }
    return { requestMs: median(requests), closeMs: median(closes) };
  }

  /** Some at a time. */
  async open(count: number): Promise<Connection[]> {
    const made: Connection[] = [];
    let left = count;
    const worker = async () => {
      while (left-- > 0) made.push(await this.#request());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return made;
  }

  async closeAll(connections: readonly Connection[]): Promise<void> {
    const left = [...connections];
    const worker = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await this.#close(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  /** Of manager and forwarder. */
  residentBytes(): number {
    const pages = (pid: number) => Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return this.#pids.reduce((sum, pid) => sum + pages(pid) * PAGE_BYTES, 0);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#pool.close();
    for (const child of this.#children.reverse()) await end(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(name: string): string {
    return `unix://${this.#folder}/${name}.sock`;
  }

  #request(): Promise<Connection> {
    const connection = newConnection({ networkService: "load-balancer" });
    const request = { connection, mechanismPreferences: [memifMechanism()] };
    return Call.within(CALL_MS, (call) => this.#client.request(request, call));
  }

  async #close(connection: Connection): Promise<void> {
    await Call.within(CALL_MS, (call) => this.#client.close(connection, call));
  }

  /** Waits until it says so, a JSON object a line. @returns its process @throws BenchError PEER */
  async #spawn(program: string, args: readonly string[], event: string): Promise<number> {
    const child = spawn(program, [...args], { stdio: ["pipe", "pipe", "ignore"] });
    this.#children.push(child);
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new BenchError("PEER", `${args.join(" ")}: ${why}`));
      const timer = setTimeout(() => fail(`not ready after ${READY_MS} ms`), READY_MS);
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code, signal) => fail(`ended (${code ?? signal})`));
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (!line.includes(`"event":"${event}"`)) return;
        clearTimeout(timer);
        resolve();
      });
    });
    return child.pid!;
  }
}
