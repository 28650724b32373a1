import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Operation } from "../../src/bridge/index.ts";
import { Failures } from "../../src/controller/failures.ts";
import { Journal, type Incarnation } from "../../src/controller/journal.ts";

const VPP: Incarnation = { pid: 7, startedAtMs: 1_000_000, boot: "a", startedAfterBootMs: 60_000, uptimeMs: 5000 };

describe("controller: journal", () => {
  let directory: string;
  const file = () => join(directory, "journal.json");

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-journal-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** What the next controller makes of a journal that owns a VIP in `VPP`. */
  async function meets(vpp: Incarnation, before: Incarnation = VPP): Promise<boolean> {
    const { journal } = await Journal.load(file());
    journal.meet(before);
    journal.vips.add("10.2.2.0/24");
    await journal.save();
    const next = (await Journal.load(file())).journal;
    const same = next.meet(vpp);
    assert.equal(next.vips.has("10.2.2.0/24"), same, "what was ours is ours only in the same VPP");
    return same;
  }

  it("knows a VPP again after the wall clock was set", async () => {
    assert.equal(await meets({ ...VPP, startedAtMs: VPP.startedAtMs! + 3_600_000 }), true);
    assert.equal(await meets({ ...VPP, startedAfterBootMs: 64_000 }), true);
  });

  it("takes another process, start or boot for another VPP", async () => {
    assert.equal(await meets({ ...VPP, pid: 8 }), false);
    assert.equal(await meets({ ...VPP, startedAfterBootMs: 66_000 }), false);
    assert.equal(await meets({ ...VPP, boot: "b" }), false);
  });

  it("allows for the drift of a long life", async () => {
    const monthMs = 30 * 86_400_000;
    assert.equal(await meets({ ...VPP, startedAfterBootMs: 75_000, uptimeMs: monthMs }), true);
    assert.equal(await meets({ ...VPP, startedAfterBootMs: 100_000, uptimeMs: monthMs }), false);
  });

  it("goes by the wall clock where the boot is not known", async () => {
    const old: Incarnation = { pid: 7, startedAtMs: 1_000_000 };
    assert.equal(await meets(VPP, old), true);
    assert.equal(await meets({ ...VPP, startedAtMs: 1_006_000 }, old), false);
  });

  it("sets aside what it cannot understand, and begins anew", async () => {
    for (const text of ["", "{", "[]", "\0\0", '{"version":2}']) {
      writeFileSync(file(), text);
      const { journal, warning } = await Journal.load(file());
      assert.match(warning ?? "", /could not be understood and was moved to/);
      assert.equal(readFileSync(`${file()}.unreadable`, "utf8"), text);
      assert.equal(journal.vips.size, 0);
    }
  });

  it("is whole at any moment: a half-written successor beside it is not read", async () => {
    assert.equal(await meets(VPP), true);
    writeFileSync(`${file()}.new`, '{"version":1,"owned":');
    const { journal, warning } = await Journal.load(file());
    assert.equal(warning, undefined);
    assert.ok(journal.vips.has("10.2.2.0/24"));
    journal.vips.add("10.2.3.0/24");
    await journal.save();
    assert.ok((await Journal.load(file())).journal.vips.has("10.2.3.0/24"));
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
