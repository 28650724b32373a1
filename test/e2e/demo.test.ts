import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { waitFor } from "../../src/demo/processes.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { DemoChild, KEPT, VPP } from "./demo-child.ts";

/** Children by /proc/PID/stat (proc(5)): its fourth field is the parent. */
function childrenOf(parent: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent;
      } catch {
        return false;
      }
    });
}

describe("demo", function () {
  this.timeout(180_000);
  const demo = new DemoChild();

  before(function () {
    needNetAdmin(this);
  });

  after(() => demo.remove());

  it("ends well, on every step, keeps things until ctrl-C and leaves nothing behind", async () => {
    const { code, verdict, stderr } = await demo.run("--keep");
    assert.ok(stderr.includes(KEPT), stderr);
    assert.equal(verdict.good, true, JSON.stringify(verdict, null, 1));
    assert.equal(code, 0);
    assert.equal(verdict.steps.length, VPP ? 5 : 6);
    assert.ok(verdict.steps.every((step) => (step.fresh?.opened ?? 0) >= 100));
    assert.ok(verdict.steps[1]!.held!.broke > 50, "the killed server had connections");
    assert.deepEqual(demo.leftovers(), []);
  });

  it("killed with kill -9, leaves no process behind", async function () {
    // In a VPP that is not its own, what it made would stay.
    if (VPP !== undefined) return this.skip();
    const child = demo.start();
    const gone = once(child, "exit");
    const signal = AbortSignal.timeout(60_000);
    const serving = () => {
      const pids = childrenOf(child.pid!);
      // A dataplane, a controller and three servers.
      return pids.length >= 5 ? pids : undefined;
    };
    const pids = await waitFor("the demo's processes", serving, { deadlineMs: 60_000, signal });
    child.kill("SIGKILL");
    await gone;
    const ended = () => (pids.some((pid) => existsSync(`/proc/${pid}`)) ? undefined : true);
    await waitFor("their end", ended, { deadlineMs: 20_000, signal });
  });

  for (const [sabotage, steps] of [
    ["sticky", 4],
    ["table", 1],
    ["server", 3],
  ] as const) {
    it(`ends badly when "${sabotage}" is broken (negative control)`, async () => {
      const played = await demo.fails(sabotage);
      assert.deepEqual([played.length, played.at(-1)?.good], [steps, false], "where it is broken");
    });
  }
});
