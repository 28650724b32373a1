import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";

const CLI = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));
const VPP = process.env["VPPLB_VPP_API"];

interface Verdict {
  readonly good: boolean;
  readonly steps: readonly {
    readonly name: string;
    readonly good: boolean;
    readonly held?: { readonly held: number; readonly broke: number; readonly predicted: number };
  }[];
}

/** Of this test alone: other demos may run here. */
const folder = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));

async function demo(...args: string[]): Promise<{ code: number | null; verdict: Verdict }> {
  const given = VPP === undefined ? [] : ["--vpp", VPP];
  const child = spawn(process.execPath, [CLI, "demo", "--nsm", "--json", ...given, ...args], {
    env: { ...process.env, TMPDIR: folder },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  assert.ok(stdout.startsWith("{"), `no JSON, exit code ${code}:\n${stdout}${stderr}`);
  return { code, verdict: JSON.parse(stdout) as Verdict };
}

describe("demo --nsm", function () {
  this.timeout(300_000);

  before(function () {
    const may = ensureNetAdmin();
    if (may.kind === "allowed") return;
    console.log(`    skipped: ${may.kind === "refused" ? may.reason : "needs root here"}`);
    this.skip();
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("ends well on every step: servers come, are refreshed, leave, crash and drain; every agent is killed", async () => {
    const { code, verdict } = await demo();
    assert.equal(verdict.good, true, JSON.stringify(verdict, null, 1));
    assert.equal(code, 0);
    assert.equal(verdict.steps.length, VPP === undefined ? 11 : 10);
    const breaking = verdict.steps.filter((step) => (step.held?.broke ?? 0) > 0).map((step) => step.name);
    assert.ok(breaking.some((name) => name.includes("SIGTERM")) && breaking.some((name) => name.includes("crashes")));
    assert.deepEqual(readdirSync(folder), []);
  });

  it("ends badly where a client's server entry is missing (negative control)", async () => {
    const { code, verdict } = await demo("--break", "client");
    assert.equal(verdict.good, false, JSON.stringify(verdict, null, 1));
    assert.equal(code, 1);
    assert.equal(verdict.steps.length, 1, "it is seen with the first batch");
  });
});
