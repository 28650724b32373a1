import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatsReader, total } from "vpp-api-ts";

const BASE = 0x7f00_0000_0000n;

/** Lays out a statistics segment as vlib/stats/shared.h describes it. */
class Segment {
  readonly bytes = Buffer.alloc(64 * 1024);
  #free = 4096;
  readonly #entries: { name: string; type: number; value: bigint }[] = [];

  vector(length: number, elementBytes: number, fill: (at: number, index: number) => void): bigint {
    const start = this.#free + 16;
    this.bytes.writeUInt32LE(length, start - 8);
    for (let i = 0; i < length; i++) fill(start + i * elementBytes, i);
    this.#free = start + length * elementBytes + 8;
    return BASE + BigInt(start);
  }
  numbers(values: readonly number[]): bigint {
    return this.vector(values.length, 8, (at, i) => this.bytes.writeBigUInt64LE(BigInt(values[i] ?? 0), at));
  }
  pointers(values: readonly bigint[]): bigint {
    return this.vector(values.length, 8, (at, i) => this.bytes.writeBigUInt64LE(values[i] ?? 0n, at));
  }
  text(value: string): bigint {
    return this.vector(value.length + 1, 1, (at, i) => this.bytes.writeUInt8(value.charCodeAt(i) || 0, at));
  }
  add(name: string, type: number, value: bigint): this {
    this.#entries.push({ name, type, value });
    return this;
  }
  finish(epoch = 1n, inProgress = 0n): Buffer {
    const directory = this.vector(this.#entries.length, 144, (at, i) => {
      const entry = this.#entries[i];
      this.bytes.writeUInt32LE(entry?.type ?? 0, at);
      this.bytes.writeBigUInt64LE(entry?.value ?? 0n, at + 8);
      this.bytes.write(entry?.name ?? "", at + 16, "latin1");
    });
    for (const [i, value] of [2n, BASE, epoch, inProgress, directory].entries())
      this.bytes.writeBigUInt64LE(value, 8 * i);
    return this.bytes;
  }
}

describe("statistics segment", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vpp-stats-"));
    path = join(directory, "segment");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function open(bytes: Uint8Array, attempts = 20): Promise<StatsReader> {
    writeFileSync(path, bytes);
    return StatsReader.open({ attempts, openStatsFd: () => Promise.resolve(openSync(path, "r")) });
  }

  it("reads every type, by thread and index, symlinks through to their column", async () => {
    const segment = new Segment();
    const simple = segment.pointers([segment.numbers([1, 2]), segment.numbers([10, 20])]);
    const pairs = segment.vector(2, 16, (at, i) => {
      segment.bytes.writeBigUInt64LE(BigInt(i + 1), at);
      segment.bytes.writeBigUInt64LE(BigInt(100 * (i + 1)), at + 8);
    });
    using reader = await open(
      segment
        .add("/sys/heartbeat", 1, 42n)
        .add("/if/drops", 2, simple)
        .add("/if/names", 4, segment.pointers([segment.text("local0"), 0n]))
        .add("/interfaces/x/drops", 6, 1n | (1n << 32n))
        .add("", 5, 0n)
        .add("/if/rx", 3, segment.pointers([pairs]))
        .finish(),
    );
    const stats = await reader.read();
    assert.deepEqual(Object.fromEntries(stats), {
      "/sys/heartbeat": { type: "scalar", value: 42 },
      "/if/drops": {
        type: "simple",
        counters: [
          [1, 2],
          [10, 20],
        ],
      },
      "/if/names": { type: "names", names: ["local0", ""] },
      "/if/rx": {
        type: "combined",
        counters: [
          [
            { packets: 1, bytes: 100 },
            { packets: 2, bytes: 200 },
          ],
        ],
      },
      "/interfaces/x/drops": { type: "simple", counters: [[2], [20]] },
    });
    assert.deepEqual(total(stats.get("/if/drops"), 1), { packets: 22, bytes: 0 });
    assert.deepEqual(await reader.names(/^\/if\//), ["/if/drops", "/if/names", "/if/rx"]);
  });

  it("knows the older numbering of types by /if/names", async () => {
    const segment = new Segment();
    const names = segment.pointers([segment.text("local0")]);
    using reader = await open(segment.add("/if/names", 5, names).add("/gone", 6, 0n).finish());
    const stats = await reader.read();
    assert.deepEqual(stats.get("/if/names"), { type: "names", names: ["local0"] });
    assert.deepEqual(stats.get("/gone"), { type: "empty" });
  });

  it("gives up after its attempts while VPP changes the directory, and reads on once it is done", async () => {
    using reader = await open(new Segment().add("/a", 1, 1n).finish(1n, 1n));
    await assert.rejects(reader.read(), { code: "STATS", message: /20 attempts/ });
    const fd = openSync(path, "r+");
    setTimeout(() => {
      writeSync(fd, Buffer.alloc(8), 0, 8, 24);
      closeSync(fd);
    }, 5);
    assert.equal((await reader.read()).size, 1);
  });

  it("never follows a pointer out of the segment", async () => {
    const wild = new Segment().add("/a", 2, BASE + 1_000_000n).finish();
    using reader = await open(wild, 3);
    await assert.rejects(reader.read(), { code: "STATS" });
  });

  it("refuses what is no segment, or no process", async () => {
    await assert.rejects(open(Buffer.alloc(100, 1)), { code: "STATS", message: /layout/ });
    await assert.rejects(StatsReader.open({ pid: process.pid }), { code: "STATS", message: /no statistics segment/ });
  });
});
