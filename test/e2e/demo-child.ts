import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoVerdict } from "../../src/demo/index.ts";

const CLI = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));

/** API socket of a VPP that runs already; undefined: the demo starts the embedded dataplane. */
export const VPP = process.env["VPPLB_VPP_API"] || undefined;

/** What the demo says once it keeps things. */
export const KEPT = "kept until ctrl-C";

/** `vpplb demo`, with a folder for its files that no other demo uses. Whoever makes it removes it. */
export class DemoChild {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-e2e-"));
  readonly #args: readonly string[];

  /** @param args of every run */
  constructor(...args: readonly string[]) {
    this.#args = args;
  }

  start(...args: readonly string[]): ChildProcessWithoutNullStreams {
    const given = VPP === undefined ? [] : ["--vpp", VPP];
    return spawn(process.execPath, [CLI, "demo", "--json", ...given, ...this.#args, ...args], {
      env: { ...process.env, TMPDIR: this.folder },
    });
  }

  /** Runs the demo to its end (with --keep: until it keeps things, then ctrl-C). */
  async run(...args: readonly string[]): Promise<{ code: number | null; verdict: DemoVerdict; stderr: string }> {
    const child = this.start(...args);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (!stderr.includes(KEPT) && (stderr + text).includes(KEPT)) child.kill("SIGINT");
      stderr += text;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    assert.ok(stdout.startsWith("{"), `no JSON, exit code ${code}:\n${stdout}${stderr}`);
    return { code, verdict: JSON.parse(stdout) as DemoVerdict, stderr };
  }

  /** It ends badly: exit code 1. @returns the steps that it played */
  async fails(sabotage: string): Promise<DemoVerdict["steps"]> {
    const { code, verdict } = await this.run("--break", sabotage);
    assert.equal(verdict.good, false, JSON.stringify(verdict, null, 1));
    assert.equal(code, 1);
    return verdict.steps;
  }

  /** Files that demos have left. */
  leftovers(): readonly string[] {
    return readdirSync(this.folder);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
