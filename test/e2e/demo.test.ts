import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "../../src/demo/processes.ts";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";

const CLI = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));
const VPP = process.env["VPPLB_VPP_API"];

/** Of this test alone: other demos may run here. */
const directory = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));

const KEPT = "kept until ctrl-C";

interface Verdict {
  good: boolean;
  verdict: string;
  steps: { name: string; good: boolean; fresh?: { opened: number; failed: number }; held?: { broke: number } }[];
}

function start(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [CLI, "demo", "--json", ...(VPP ? ["--vpp", VPP] : []), ...args], {
    env: { ...process.env, TMPDIR: directory },
  });
}

/** Runs the demo to its end (with --keep: until it keeps things, then ctrl-C); its text, its JSON and its exit code. */
async function demo(...args: string[]): Promise<{ code: number | null; verdict: Verdict; stderr: string }> {
  const child = start(...args);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (!stderr.includes(KEPT) && (stderr + text).includes(KEPT)) child.kill("SIGINT");
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  assert.ok(stdout.startsWith("{"), `no JSON, exit code ${code}:\n${stdout}${stderr}`);
  return { code, verdict: JSON.parse(stdout) as Verdict, stderr };
}

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

function leftovers(): string[] {
  return readdirSync(directory).filter((name) => name.startsWith("vpplb-demo-"));
}

describe("demo", function () {
  this.timeout(180_000);

  before(function () {
    const may = ensureNetAdmin();
    if (may.kind === "allowed") return;
    console.log(`    skipped: ${may.kind === "refused" ? may.reason : "needs root here"}`);
    this.skip();
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  it("ends well, on every step, keeps things until ctrl-C and leaves nothing behind", async () => {
    const before = leftovers();
    const { code, verdict, stderr } = await demo("--keep");
    assert.ok(stderr.includes(KEPT), stderr);
    assert.equal(verdict.good, true, JSON.stringify(verdict, null, 1));
    assert.equal(code, 0);
    assert.equal(verdict.steps.length, VPP ? 5 : 6);
    assert.ok(verdict.steps.every((step) => (step.fresh?.opened ?? 0) >= 100));
    assert.ok(verdict.steps[1]!.held!.broke > 50, "the killed server had connections");
    assert.deepEqual(leftovers(), before);
  });

  it("killed with kill -9, leaves no process behind", async function () {
    // In a VPP that is not its own, what it made would stay.
    if (VPP !== undefined) return this.skip();
    const child = start();
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
      const { code, verdict } = await demo("--break", sabotage);
      assert.equal(verdict.good, false, JSON.stringify(verdict, null, 1));
      assert.equal(code, 1);
      assert.deepEqual([verdict.steps.length, verdict.steps.at(-1)?.good], [steps, false], "where it is broken");
    });
  }
});
