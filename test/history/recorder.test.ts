import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { ObservedVip, Operation } from "../../src/bridge/index.ts";
import { Database } from "../../src/history/database.ts";
import { getParts, inParts, putParts } from "../../src/history/documents.ts";
import {
  DEFAULT_RETENTION,
  Past,
  queryHistory,
  Recorder,
  StateFile,
  type HistoryEntry,
  type HistoryQuery,
  type Retention,
  type RunRecord,
} from "../../src/history/index.ts";
import { vip } from "./vips.ts";

const VPP = { version: "26.06", pid: 7, startedAtMs: 500 };

describe("history: recorder", () => {
  let directory: string;
  let nowMs = 1_000_000;
  let state: StateFile;
  const path = () => join(directory, "state.sqlite");

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-history-"));
    nowMs = 1_000_000;
    state = StateFile.open(path(), { now: () => nowMs }).state;
  });
  afterEach(() => {
    state.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function recorder(retention?: Partial<Retention>): Recorder {
    const made = new Recorder(state, { ...DEFAULT_RETENTION, ...retention });
    made.met(VPP, true);
    return made;
  }

  function run(change: Partial<RunRecord> = {}): RunRecord {
    nowMs += 1000;
    const operation = {
      id: "server 10.2.2.0/24 add",
      kind: "server",
      object: "10.2.2.0/24",
      verb: "create",
      sentence: "add a server",
      result: "done" as const,
    };
    return {
      atMs: nowMs - 10,
      endedMs: nowMs,
      cause: "config",
      reason: "lb.yaml changed",
      result: "ok",
      operations: [operation],
      servers: ["10.60.1.2"],
      disruption: [{ vip: "10.2.2.0/24", moved: 0.25, least: 0.2, flowsLost: 0 }],
      problems: [],
      ...change,
    };
  }

  const entries = (query?: HistoryQuery): HistoryEntry[] => state.read((db) => queryHistory(db, query));

  it("keeps what was done, when, why and by whom, and gives it back whole", () => {
    const one = recorder();
    const desired = { vips: [{ prefix: "10.2.2.0/24", servers: ["10.60.1.2"] }], ownership: { tag: "vpplb" } };
    const by = { uid: 1000, pid: 12, user: "someone" };
    one.ran(run({ cause: "operator", reason: "apply", by, desired }));
    const [listed] = entries();
    assert.equal(listed!.operations, undefined, "lists are short");
    const [entry] = entries({ id: listed!.id });
    assert.deepEqual(entry, {
      id: 1,
      at: new Date(nowMs - 10).toISOString(),
      endedAt: new Date(nowMs).toISOString(),
      cause: "operator",
      reason: "apply",
      by,
      result: "ok",
      done: 1,
      failed: 0,
      moved: 0.25,
      vips: ["10.2.2.0/24"],
      servers: ["10.60.1.2"],
      vpp: { incarnation: 1, version: "26.06", pid: 7, startedAt: new Date(500).toISOString() },
      operations: run().operations,
      disruption: [{ vip: "10.2.2.0/24", moved: 0.25, least: 0.2, flowsLost: 0 }],
      problems: [],
      desired,
    });
  });

  it("finds entries by time, VIP and server, newest first, and refuses questions that make no sense", () => {
    const one = recorder();
    const operation = (object: string) => [{ ...run().operations[0]!, object }];
    one.ran(run({ operations: operation("10.2.2.0/24"), servers: ["10.60.1.2"] }));
    const secondAt = new Date(nowMs + 1000 - 10).toISOString();
    nowMs -= 1000;
    one.ran(run({ operations: operation("10.2.3.0/24 tcp/80"), servers: ["10.60.1.3"] }));
    one.ran(run({ operations: operation("10.2.2.0/24"), servers: ["10.60.1.3"] }));
    const ids = (query: HistoryQuery) => entries(query).map((entry) => entry.id);
    assert.deepEqual(ids({}), [3, 2, 1]);
    assert.deepEqual(ids({ limit: 2 }), [3, 2]);
    assert.deepEqual(ids({ vip: "10.2.2.0/24" }), [3, 1]);
    assert.deepEqual(ids({ vip: "10.2.3.0/24" }), [2], "all ports of a prefix");
    assert.deepEqual(ids({ vip: "10.2.3.0/24 tcp/80", server: "10.60.1.2" }), []);
    assert.deepEqual(ids({ server: "10.60.1.3" }), [3, 2]);
    const since = entries({ id: 2 })[0]!.at;
    assert.deepEqual(ids({ since }), [3, 2]);
    assert.deepEqual(ids({ until: since }), [1]);
    assert.ok(secondAt.length > 0);
    assert.throws(() => entries({ id: 9 }), { code: "NOT_FOUND", message: /there are 1 to 3/ });
    assert.throws(() => entries({ since: "yesterday" }), { code: "INPUT" });
    assert.throws(() => entries({ limit: 0 }), { code: "INPUT" });
  });

  it("writes nothing where nothing was done and nothing changed", () => {
    const one = recorder();
    one.observed([vip("10.2.2.0/24", ["10.60.1.2"])], false, nowMs);
    one.ran(run());
    const stamp = () => readdirSync(directory).map((file) => statSync(join(directory, file)).mtimeMs + file);
    const before = stamp();
    for (let i = 0; i < 10; i++) {
      one.observed([vip("10.2.2.0/24", ["10.60.1.2"], { flows: i })], false, (nowMs += 10_000));
      one.ran(run({ cause: "drift", operations: [], servers: [], disruption: [] }));
    }
    assert.deepEqual(stamp(), before);
    one.observed([vip("10.2.2.0/24", ["10.60.1.3"])], false, (nowMs += 10_000));
    one.flush();
    assert.notDeepEqual(stamp(), before, "and a change is seen by this test");
  });

  it("keeps a configuration that was taken over where it is another one, also where nothing was to be done", () => {
    const one = recorder();
    const taken = (desired: object) => one.ran(run({ operations: [], accepted: true, desired }));
    taken({ vips: [] });
    taken({ vips: [] });
    taken({ vips: [], ownership: { tag: "other" } });
    assert.equal(entries().length, 2);
  });

  it("counts the same failure instead of keeping each, and writes at doublings", () => {
    const one = recorder();
    const failed = [{ ...run().operations[0]!, result: "failed" as const, error: "no" }];
    for (let i = 0; i < 100; i++) one.ran(run({ cause: "retry", result: "failed", operations: failed }));
    assert.equal(entries().length, 1);
    assert.equal(entries()[0]!.repeats, 64);
    one.ran(run());
    one.ran(run({ cause: "retry", result: "failed", operations: failed }));
    assert.equal(entries().length, 3, "after something else it is news again");
  });

  it("forgets by number, by age and by length of the file, and never what tells how VPP was at the first that is left", () => {
    const one = recorder({ maxEntries: 100 });
    for (let i = 0; i < 300; i++) {
      one.observed([vip("10.2.2.0/24", [`10.60.1.${i % 200}`])], false, (nowMs += 1000));
      one.ran(run({ desired: { vips: [{ version: i }] } }));
    }
    const left = entries({ limit: 10_000 });
    assert.ok(left.length >= 100 && left.length <= 131, `${left.length} entries`);
    assert.deepEqual(entries({ id: left.at(-1)!.id })[0]!.desired, { vips: [{ version: left.at(-1)!.id - 1 }] });
    state.read((db) => {
      const past = new Past(db);
      const atMs = Date.parse(left.at(-1)!.at);
      const period = past.periods("10.2.2.0/24", 1).findLast((one) => one.seenMs <= atMs);
      assert.equal(period?.table?.servers[0]?.[0], `10.60.1.${(left.at(-1)!.id - 1) % 200}`);
      const documents = db.number("SELECT count(*) FROM document");
      assert.ok(documents < 3 * left.length + 10, `${documents} documents for ${left.length} entries`);
    });

    nowMs += 2 * DEFAULT_RETENTION.maxAgeMs;
    for (let i = 0; i < 25; i++) one.ran(run());
    assert.ok(entries({ limit: 10_000 }).length <= 25, "the old ones are gone");
  });

  it("stays within its length", function () {
    this.timeout(60_000);
    const maxBytes = 400_000;
    const one = recorder({ maxBytes });
    const noise = (seed: number) => Array.from({ length: 200 }, (_, i) => `${(seed * 7919 + i * 104_729) % 1e9}`);
    for (let i = 0; i < 300; i++) one.ran(run({ desired: { vips: [{ seed: i, noise: noise(i) }] } }));
    state.read((db) => {
      const pages = db.number("PRAGMA page_count") * db.number("PRAGMA page_size");
      assert.ok(pages < 2 * maxBytes, `${pages} bytes`);
    });
    assert.ok(entries({ limit: 10_000 }).length > 20);
  });

  it("waits with what it could not write", () => {
    const one = recorder();
    state.write((db) =>
      db.exec("CREATE TRIGGER no BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"),
    );
    one.ran(run());
    one.ran(run({ reason: "second" }));
    assert.match(state.problem ?? "", /I\/O error/);
    assert.equal(entries().length, 0);
    state.write((db) => db.exec("DROP TRIGGER no"));
    one.ran(run({ reason: "third" }));
    assert.deepEqual(
      entries().map((entry) => entry.reason),
      ["third", "second", "lb.yaml changed"],
    );
    assert.equal(state.problem, undefined);
  });

  it("takes any state apart and puts it together again, of any later schema", () => {
    const db = new Database(join(directory, "parts"));
    db.exec("CREATE TABLE document (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID");
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const parted = inParts(value);
        putParts(db, parted);
        assert.deepEqual(
          JSON.parse(JSON.stringify(getParts(db, parted.manifest.digest))),
          JSON.parse(JSON.stringify(value)),
        );
      }),
      {
        numRuns: 200,
        examples: [
          [JSON.parse('{"__proto__": {}, "a": [1]}') as Record<string, never>],
          [JSON.parse('{"__proto__": [1]}') as Record<string, never>],
        ],
      },
    );
    db.close();
  });

  it("notes flushes, lives and watches", () => {
    const one = recorder();
    const flush = {
      action: { type: "servers-delete", vip: { prefix: "10.2.2.0/24" }, servers: ["10.60.1.2"], flush: true },
    };
    one.done(flush as unknown as Operation, 5);
    one.observed([vip("10.2.2.0/24", ["10.60.1.2"])], false, nowMs);
    one.close();
    const next = new Recorder(state);
    nowMs += 60_000;
    next.met({ version: "26.10", pid: 8 }, false);
    const other: ObservedVip = vip("10.2.2.0/24", ["10.60.1.2"]);
    next.observed([other], true, nowMs);
    next.flush();
    state.read((db) => {
      const past = new Past(db);
      assert.deepEqual(past.flushes("10.2.2.0/24", 1), [{ server: "10.60.1.2", atMs: 5 }]);
      assert.deepEqual(past.watches().length, 2);
      assert.equal(past.watches()[0]!.untilMs, 1_000_000);
      assert.deepEqual(
        past.lives().map((life) => life.version),
        ["26.06", "26.10"],
      );
      assert.equal(past.lives()[0]!.endedMs, nowMs);
      assert.equal(past.periods("10.2.2.0/24", 2)[0]!.table!.weighted, true, "a new VPP's table is noted anew");
    });
  });
});
