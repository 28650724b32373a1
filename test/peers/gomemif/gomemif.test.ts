/** gomemif, a memif of others: both roles, every byte, disconnects. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { BAD, EMPTY, MemifListener, MemifMaster, MemifSlave } from "../../../src/memif/index.ts";
import type { MemifLink } from "../../../src/memif/index.ts";
import { eventually, memory, settledResources, socketDirectory, Told } from "../../memif/support.ts";

const BUILD_TIMEOUT_MS = 330_000;
const PACKETS = 3000;
const SECRET = "geheim";
const ID = 3;
const ROOM = 9216;

class GoMemif {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;

  constructor(program: string, role: "master" | "slave", socket: string) {
    this.#process = spawn(program, [role, socket, String(ID), SECRET], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface(stream).on("line", (line) => this.lines.push(line));
    }
  }

  async said(line: RegExp): Promise<void> {
    try {
      await eventually(`gomemif says ${line}`, () => this.lines.some((one) => line.test(one)));
    } catch (cause) {
      throw new Error(`gomemif said: ${this.lines.join("; ")}`, { cause });
    }
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await gone;
  }
}

/** Sends packets of many lengths, each with its number, and compares what comes back. */
async function echoes(link: MemifLink): Promise<void> {
  const [tx, rx] = [link.transmit[0]!, link.receive[0]!];
  const [source, target] = [memory(), memory()];
  for (let i = 0; i < source.bytes.length; i += 1) source.bytes[i] = (i * 31) ^ (i >> 8);
  // What fits into one buffer: gomemif forgets to count slots of longer ones where a ring is full.
  const lengthOf = (n: number): number => 60 + ((n * 37) % 1900);
  let sent = 0;
  let returned = 0;
  await eventually(
    "all packets come back",
    () => {
      for (let i = 0; i < 64 && sent < PACKETS && sent - returned < 200; i += 1, sent += 1) {
        source.view.setUint32(0, sent, true);
        assert.ok(tx.send(source, 0, lengthOf(sent)));
      }
      tx.flush();
      rx.look();
      for (let length = rx.read(target, 0, ROOM); length !== EMPTY; length = rx.read(target, 0, ROOM)) {
        assert.notEqual(length, BAD);
        assert.equal(length, lengthOf(returned));
        assert.equal(target.view.getUint32(0, true), returned);
        assert.equal(Buffer.compare(target.bytes.subarray(4, length), source.bytes.subarray(4, length)), 0);
        returned += 1;
      }
      rx.release();
      return returned === PACKETS;
    },
    30_000,
  );
}

describe("gomemif, a memif of others", function () {
  this.timeout(60_000);
  let program: string;
  let directory: ReturnType<typeof socketDirectory>;
  let go: GoMemif | undefined;
  let path: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    try {
      program = await buildGo("test/peers/gomemif");
    } catch (error) {
      if (!BenchError.is(error, "SKIP")) throw error;
      console.log(`      skipped: ${error.message}`);
      this.skip();
    }
  });
  beforeEach(() => {
    directory = socketDirectory();
    path = join(directory.path, "m.sock");
  });
  afterEach(async () => {
    await go?.kill();
    directory.close();
  });

  it("as slave echoes every packet, and may come and go", async () => {
    const told = new Told();
    const listener = MemifListener.open(path);
    const before = await settledResources();
    // Without a secret: gomemif's slave never sends its own.
    try {
      new MemifMaster(listener, { id: ID, interfaceName: "ours" }, told).start();
      for (let life = 0; life < 3; life += 1) {
        go = new GoMemif(program, "slave", path);
        await go.said(/^connected/);
        await echoes(await eventually("the link is up", () => told.link));
        assert.equal(told.peer?.remoteInterfaceName, "gomemif0");
        await go.kill();
        await eventually("the link is down", () => told.link === undefined);
      }
      assert.deepEqual(await settledResources(), before);
    } finally {
      listener.close();
    }
  });

  it("as master echoes every packet, and is found again", async () => {
    const told = new Told();
    const slave = new MemifSlave(
      { socketPath: path, id: ID, secret: SECRET, interfaceName: "ours", minRetryMs: 10, maxRetryMs: 50 },
      told,
    );
    try {
      slave.start();
      for (let life = 0; life < 3; life += 1) {
        go = new GoMemif(program, "master", path);
        await go.said(/^connected/);
        await echoes(await eventually("the link is up", () => told.link));
        await go.kill();
        await eventually("the link is down", () => told.link === undefined);
        // It does not replace what a former life left.
        rmSync(path, { force: true });
      }
    } finally {
      slave.stop();
    }
  });
});
