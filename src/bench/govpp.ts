import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { BenchError } from "./errors.ts";
import { buildGo } from "./go.ts";

const ANSWER_TIMEOUT_MS = 60_000;

export interface GovppOrder {
  readonly op: string;
  readonly count: number;
  /** Requests with VPP at once. */
  readonly window: number;
}

interface GovppAnswer {
  readonly version?: string;
  readonly items?: number;
  readonly seconds?: number;
  readonly error?: string;
}

/** Our Go program with govpp, connected to a socket; it carries out one order at a time. */
export class Govpp {
  readonly version: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, version: string) {
    this.#process = process;
    this.#lines = lines;
    this.version = version;
  }

  /** @throws BenchError SKIP where it cannot be built, PEER where it cannot connect */
  static async start(socket: string): Promise<Govpp> {
    const program = await buildGo("bench/govpp");
    const child = spawn(program, [socket], { stdio: ["pipe", "pipe", "pipe"] });
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
    child.stdin.on("error", () => undefined);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    try {
      const { version } = await nextAnswer(lines);
      return new Govpp(child, lines, version ?? "(unknown)");
    } catch (error) {
      child.kill();
      throw new BenchError("PEER", `govpp did not connect to ${socket}: ${complaints.trim()}`, { cause: error });
    }
  }

  /** @returns operations per second. @throws BenchError PEER */
  async rate(order: GovppOrder, expectedItems?: number): Promise<number> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    const { error, seconds, items } = await nextAnswer(this.#lines);
    if (error !== undefined || seconds === undefined) throw new BenchError("PEER", `govpp: ${order.op}: ${error}`);
    if (expectedItems !== undefined && items !== expectedItems) {
      throw new BenchError("PEER", `govpp: ${order.op}: ${items} details, expected ${expectedItems}`);
    }
    return order.count / seconds;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.stdin.end();
    const killer = setTimeout(() => this.#process.kill("SIGKILL"), 2000);
    await exit;
    clearTimeout(killer);
  }
}

async function nextAnswer(lines: AsyncIterator<string>): Promise<GovppAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BenchError("PEER", "govpp: no answer in time")), ANSWER_TIMEOUT_MS);
  });
  try {
    const { value, done } = await Promise.race([lines.next(), late]);
    if (done === true) throw new BenchError("PEER", "govpp ended");
    return JSON.parse(value as string) as GovppAnswer;
  } finally {
    clearTimeout(timer);
  }
}
