import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";

const CLI = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));
const VPP = process.env["VPPLB_VPP_API"];

/** Of this test alone: other demos may run here. */
const directory = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));

interface Verdict {
  good: boolean;
  verdict: string;
  steps: { name: string; good: boolean; fresh?: { opened: number; failed: number }; held?: { broke: number } }[];
}

/** Runs the demo to its end; its text, its JSON and its exit code. */
async function demo(...args: string[]): Promise<{ code: number | null; verdict: Verdict; stderr: string }> {
  const child = spawn(process.execPath, [CLI, "demo", "--json", ...(VPP ? ["--vpp", VPP] : []), ...args], {
    env: { ...process.env, TMPDIR: directory },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  assert.ok(stdout.startsWith("{"), `no JSON, exit code ${code}:\n${stdout}${stderr}`);
  return { code, verdict: JSON.parse(stdout) as Verdict, stderr };
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

  it("ends well, on every step, and leaves nothing behind", async () => {
    const before = leftovers();
    const { code, verdict } = await demo();
    assert.equal(verdict.good, true, JSON.stringify(verdict, null, 1));
    assert.equal(code, 0);
    assert.equal(verdict.steps.length, VPP ? 5 : 6);
    assert.ok(verdict.steps.every((step) => (step.fresh?.opened ?? 0) >= 100));
    assert.ok(verdict.steps[1]!.held!.broke > 50, "the killed server had connections");
    assert.deepEqual(leftovers(), before);
  });

  for (const sabotage of ["sticky", "table", "server"]) {
    it(`ends badly when "${sabotage}" is broken (negative control)`, async () => {
      const { code, verdict } = await demo("--break", sabotage);
      assert.equal(verdict.good, false, JSON.stringify(verdict, null, 1));
      assert.equal(code, 1);
    });
  }
});
