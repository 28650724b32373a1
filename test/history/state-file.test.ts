import assert from "node:assert/strict";
import { fork, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { copyState, HistoryError, StateFile, type JournalSections } from "../../src/history/index.ts";
import { Database } from "../../src/history/database.ts";

const CHILD = fileURLToPath(new URL("state-child.ts", import.meta.url));
const FULL_DISK = fileURLToPath(new URL("full-disk-child.ts", import.meta.url));
const NODE = ["--import", "tsx", "--conditions=source"];

const readOld = (text: string): JournalSections | undefined =>
  text.includes('"version":1') ? { "owned.vips": { old: true } } : undefined;

describe("history: state file", function () {
  this.timeout(120_000);
  let directory: string;
  const path = () => join(directory, "state.sqlite");

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-state-test-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function reopened(): JournalSections {
    const { state, journal, warnings } = StateFile.open(path());
    state.close();
    assert.deepEqual(warnings, []);
    return journal;
  }

  it("reads what it wrote, whatever is added, changed and taken away", () => {
    const sections = fc.dictionary(
      fc.stringMatching(/^[a-z.]{1,8}$/),
      fc.dictionary(fc.string({ unit: "binary", maxLength: 20 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 5 }),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(fc.array(sections, { minLength: 1, maxLength: 4 }), (versions) => {
        const { state } = StateFile.open(path());
        for (const version of versions) assert.ok(state.saveJournal(version));
        state.close();
        const last = Object.entries(versions.at(-1)!).filter(([, entries]) => Object.keys(entries).length > 0);
        const expected = JSON.stringify(sorted(Object.fromEntries(last)));
        assert.equal(JSON.stringify(sorted(reopened())), expected);
      }),
      {
        numRuns: 30,
        examples: [[[{ a: { "\0": 1, "a\0b": 2, a: 3, "\ud800": 4, '"': 5, '"a"': 6, "\n": 7, "": 8 } }]]],
      },
    );
  });

  it("writes nothing where nothing changed", () => {
    const { state } = StateFile.open(path());
    state.saveJournal({ a: { b: 1 } });
    const stamp = () => readdirSync(directory).map((file) => statSync(join(directory, file)).mtimeMs + file);
    const before = stamp();
    for (let i = 0; i < 10; i++) assert.ok(state.saveJournal({ a: { b: 1 }, c: {} }));
    assert.deepEqual(stamp(), before);
    state.saveJournal({ a: { b: 2 } });
    assert.notDeepEqual(stamp(), before, "and a change is seen by this test");
    state.close();
  });

  it("is whole and has all that was acknowledged when its writer is killed at any moment", async () => {
    let next = 0;
    for (let round = 0; round < 12; round++) {
      const acknowledged = await killedWriter(path(), next, 3 + round * 7);
      assert.ok(existsSync(`${path()}.lock`), "the writer died while it had the file");
      const { state, journal, warnings } = StateFile.open(path());
      state.close();
      assert.deepEqual(warnings, []);
      const generations = new Set(Object.values(journal["whole"] ?? {}));
      assert.equal(generations.size, 1, `all keys of one generation: ${[...generations].join()}`);
      assert.equal(Object.keys(journal["whole"]!).length, 40);
      const [generation] = generations as Set<number>;
      assert.ok(generation! >= acknowledged, `${generation} is not older than ${acknowledged}`);
      assert.deepEqual(journal["odd"], generation! % 2 === 0 ? undefined : { generation });
      next = generation! + 1;
    }
    assert.ok(next > 12);
  });

  it("has one writer, in another process and in this one, until that one ends or is killed", async () => {
    const child = start(path(), 0);
    await new Promise((resolve) => child.once("message", resolve));
    const locked = (error: unknown) =>
      error instanceof HistoryError && error.code === "LOCKED" && error.message.includes(`process ${child.pid}`);
    assert.throws(() => StateFile.open(path()), locked);
    await killed(child);
    const { state } = StateFile.open(path());
    assert.throws(() => StateFile.open(path()), { code: "LOCKED" });
    state.close();
    reopened();
  });

  it("sets aside what is broken or something else, and goes on with a new one", () => {
    const broken = (damage: (text: Buffer) => Buffer) => {
      const { state } = StateFile.open(path());
      state.saveJournal({ a: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key ${i}`, "x".repeat(20)])) });
      state.close();
      const bytes = damage(readFileSync(path()));
      writeFileSync(path(), bytes);
      return bytes;
    };
    const kinds: Record<string, () => Buffer> = {
      "bytes within": () =>
        broken((bytes) => Buffer.concat([bytes.subarray(0, 5000), Buffer.alloc(9000, 0x5a), bytes.subarray(14_000)])),
      "a cut": () => broken((bytes) => bytes.subarray(0, 6000)),
      "another format": () => broken(() => Buffer.from("not a state file at all")),
      "half a JSON journal": () => broken(() => Buffer.from('{"version":')),
      "another program's database": () => {
        rmSync(path());
        const other = new Database(path());
        other.exec("CREATE TABLE theirs (x)");
        other.close();
        return readFileSync(path());
      },
    };
    for (const [kind, make] of Object.entries(kinds)) {
      const bytes = make();
      const { state, journal, warnings } = StateFile.open(path(), { readOld });
      assert.equal(warnings.length, 1, kind);
      assert.match(warnings[0]!, /could not be understood and was moved to/, kind);
      const aside = /moved to (\S+):/.exec(warnings[0]!)![1]!;
      assert.ok(readFileSync(aside).equals(bytes), `${kind} is kept as it was`);
      rmSync(aside);
      assert.deepEqual(journal, {}, kind);
      assert.ok(state.saveJournal({ a: { b: 1 } }));
      state.close();
      assert.deepEqual(reopened(), { a: { b: 1 } });
    }
  });

  it("takes over a JSON journal once: in its own place, or beside it", () => {
    for (const [file, name] of [
      [join(directory, "journal.json"), "state.sqlite"],
      [join(directory, "own.json"), "own.json"],
    ] as const) {
      const target = join(directory, name);
      writeFileSync(file, '{"version":1}');
      const first = StateFile.open(target, { readOld });
      assert.deepEqual(first.journal, { "owned.vips": { old: true } });
      assert.match(first.warnings.join(), /is now in/);
      first.state.saveJournal({});
      first.state.close();
      const second = StateFile.open(target, { readOld });
      assert.deepEqual([second.journal, second.warnings], [{}, []], "not a second time");
      second.state.close();
    }
    const left = readdirSync(directory).filter((name) => name.includes("migrated"));
    assert.deepEqual(left.sort(), ["journal.json.migrated", "own.json.old.migrated"]);
  });

  it("takes over a JSON journal also where it was killed half-way", () => {
    writeFileSync(`${path()}.old`, '{"version":1}');
    writeFileSync(path(), "");
    const { state, journal } = StateFile.open(path(), { readOld });
    assert.deepEqual(journal, { "owned.vips": { old: true } });
    state.close();
  });

  it("refuses the file of a newer version, and leaves it as it is", () => {
    StateFile.open(path()).state.close();
    const db = new Database(path());
    db.exec("PRAGMA user_version = 99");
    db.close();
    const before = readFileSync(path());
    assert.throws(() => StateFile.open(path()), { code: "VERSION", message: /schema 99/ });
    assert.ok(readFileSync(path()).equals(before));
  });

  it("can be copied while it is in use", () => {
    const { state } = StateFile.open(path());
    state.saveJournal({ a: { b: 1 } });
    const copy = join(directory, "copy");
    copyState(path(), copy);
    const second = StateFile.open(copy);
    assert.deepEqual(second.journal, { a: { b: 1 } });
    second.state.close();
    state.close();
  });

  it("goes on without a disk that is full, and writes what it missed when there is room again", function () {
    const command = ["-m", process.execPath, ...NODE, FULL_DISK, directory];
    const result = spawnSync("unshare", command, { encoding: "utf8", timeout: 50_000 });
    if (result.status === 77 || (result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") {
      console.log(`      skipped: no small file system can be mounted here (${result.stderr.trim()})`);
      this.skip();
    }
    assert.equal(result.status, 0, result.stderr + result.stdout);
    assert.match(result.stdout, /wrote after the disk was full/);
  });
});

function start(path: string, from: number): ChildProcess {
  return fork(CHILD, [path, String(from)], { execArgv: NODE });
}

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** Kills a writer some time after its first write. @returns the last generation that it said is on the disk */
async function killedWriter(path: string, from: number, afterMs: number): Promise<number> {
  const child = start(path, from);
  let last = from - 1;
  child.on("message", (generation) => (last = generation as number));
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the writer ended with ${code}`)));
  });
  child.removeAllListeners("exit");
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await killed(child);
  return last;
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
