import assert from "node:assert/strict";
import type { Operation } from "../../src/bridge/index.ts";
import { Failures } from "../../src/controller/failures.ts";
import { Journal, readOldJournal, type Incarnation } from "../../src/controller/journal.ts";
import type { JournalSections } from "../../src/history/index.ts";

const VPP: Incarnation = { pid: 7, startedAtMs: 1_000_000, boot: "a", startedAfterBootMs: 60_000, uptimeMs: 5000 };

describe("controller: journal", () => {
  /** What the next controller makes of a journal that owns a VIP in `VPP`. */
  function meets(vpp: Incarnation, before: Incarnation = VPP): boolean {
    const journal = Journal.empty();
    journal.meet(before);
    journal.vips.add("10.2.2.0/24");
    const next = reread(journal);
    const same = next.meet(vpp);
    assert.equal(next.vips.has("10.2.2.0/24"), same, "what was ours is ours only in the same VPP");
    return same;
  }

  const reread = (journal: Journal) =>
    Journal.of(JSON.parse(JSON.stringify(journal.toSections())) as JournalSections).journal;

  it("knows a VPP again after the wall clock was set", () => {
    assert.equal(meets({ ...VPP, startedAtMs: VPP.startedAtMs! + 3_600_000 }), true);
    assert.equal(meets({ ...VPP, startedAfterBootMs: 64_000 }), true);
  });

  it("takes another process, start or boot for another VPP", () => {
    assert.equal(meets({ ...VPP, pid: 8 }), false);
    assert.equal(meets({ ...VPP, startedAfterBootMs: 66_000 }), false);
    assert.equal(meets({ ...VPP, boot: "b" }), false);
  });

  it("allows for the drift of a long life", () => {
    const monthMs = 30 * 86_400_000;
    assert.equal(meets({ ...VPP, startedAfterBootMs: 75_000, uptimeMs: monthMs }), true);
    assert.equal(meets({ ...VPP, startedAfterBootMs: 100_000, uptimeMs: monthMs }), false);
  });

  it("goes by the wall clock where the boot is not known", () => {
    const old: Incarnation = { pid: 7, startedAtMs: 1_000_000 };
    assert.equal(meets(VPP, old), true);
    assert.equal(meets({ ...VPP, startedAtMs: 1_006_000 }, old), false);
  });

  it("is read as it was written, all of it", () => {
    const journal = Journal.empty();
    journal.meet(VPP);
    for (const key of ["10.2.2.0/24", "10.2.3.1/32 tcp/5001"]) journal.vips.add(key);
    journal.routes.add("0.0.0.0/0 table 7");
    journal.neighbors.add("10.60.1.2 on loop0");
    journal.pendingInterfaces.add("loop0");
    journal.bridges.add(1).add(70_000);
    journal.lbConf = { ip4Source: "10.60.1.1", ip6Source: "::1", stickyBuckets: 1024, flowTimeoutS: 40 };
    journal.accepted.set("10.2.2.0/24", "digest");
    journal.pacing.add("10.2.2.0/24");
    journal.drains = [
      { server: "10.60.1.2", sinceMs: 1, flush: false },
      { server: "10.60.1.2", vip: "10.2.2.0/24", sinceMs: 2, deadlineMs: 3, flush: true },
    ];
    const next = reread(journal);
    assert.deepEqual(next.toSections(), journal.toSections());
    assert.deepEqual(next.owned, journal.owned);
    assert.deepEqual(next.drains, journal.drains);
    assert.deepEqual(next.accepted, journal.accepted);
  });

  it("begins anew where it cannot understand what is written, and says so", () => {
    const { journal, warning } = Journal.of({ "owned.vips": { "10.2.2.0/24": 7 } });
    assert.match(warning ?? "", /could not be understood/);
    assert.equal(journal.vips.size, 0);
  });

  it("reads the JSON of before, and nothing else", () => {
    const owned = { vips: ["10.2.2.0/24"], routes: [], neighbors: [], pendingInterfaces: [], bridges: [1] };
    const old = { version: 1, vpp: { pid: 7 }, owned, accepted: { a: "b" }, pacing: [], drains: [] };
    const { journal } = Journal.of(readOldJournal(JSON.stringify(old)) ?? {});
    assert.deepEqual([...journal.vips], ["10.2.2.0/24"]);
    assert.deepEqual([...journal.bridges], [1]);
    assert.deepEqual(journal.vpp, { pid: 7 });
    for (const text of ["", "{", "[]", "\0\0", '{"version":2}']) assert.equal(readOldJournal(text), undefined);
  });
});

describe("controller: failures", () => {
  it("are due after their back-off, and at once where the clock was set back", () => {
    const failures = new Failures();
    const operation = { id: "x", sentence: "do x" } as Operation;
    const nowMs = 10_000_000;
    failures.record(operation, new Error("no"), nowMs);
    assert.equal(failures.isDue(operation, nowMs), false);
    assert.equal(failures.isDue(operation, nowMs + 500), true);
    assert.equal(failures.isDue(operation, nowMs - 3_600_000), true);
  });
});
