import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completionScript } from "../../src/cli/completion.ts";
import { createProgram } from "../../src/cli/main.ts";

const installed = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

describe("completion", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-completion-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const script = (shell: "bash" | "zsh" | "fish"): string => {
    const file = join(folder, shell);
    writeFileSync(file, completionScript(shell, createProgram()));
    return file;
  };

  for (const shell of ["bash", "zsh", "fish"] as const) {
    it(`${shell} takes its script`, function () {
      if (!installed(shell)) {
        console.log(`      skipped: ${shell} is not installed`);
        this.skip();
      }
      const file = script(shell);
      const { status, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8", timeout: 10_000 });
      assert.equal(stderr, "");
      assert.equal(status, 0);
    });
  }

  it("names every command and option in every shell", () => {
    const words: string[] = [];
    const walk = (command: ReturnType<typeof createProgram>): void => {
      for (const child of command.commands) {
        words.push(child.name());
        for (const option of child.options) words.push(option.long?.slice(2) ?? "");
        walk(child);
      }
    };
    walk(createProgram());
    assert.ok(words.length > 40);
    for (const shell of ["bash", "zsh", "fish"] as const) {
      const script = completionScript(shell, createProgram());
      for (const word of words) assert.ok(script.includes(word), `${shell}: ${word}`);
    }
  });

  it("completes in bash", function () {
    if (!installed("bash")) this.skip();
    const text = completionScript("bash", createProgram());
    const complete = (line: string): string[] => {
      const words = line.split(" ");
      const quoted = words.map((word) => `'${word}'`).join(" ");
      const code = `${text}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _vpplb; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync("bash", ["-c", code], { encoding: "utf8", timeout: 10_000 });
      assert.equal(stderr, "");
      return stdout.split("\n").filter((word) => word !== "");
    };
    assert.deepEqual(complete("vpplb sta"), ["status"]);
    assert.deepEqual(complete("vpplb get s"), ["streams", "servers"]);
    assert.deepEqual(complete("vpplb traffic "), ["server", "client", ...complete("vpplb traffic -")]);
    assert.deepEqual(complete("vpplb --json traffic client --first"), ["--first-port"]);
    assert.deepEqual(complete("vpplb demo --break t"), ["table"]);
    assert.deepEqual(complete("vpplb check -f /etc/host"), complete("vpplb check --file /etc/host"));
    assert.ok(complete("vpplb check -f /etc/host").includes("/etc/hosts"));
  });

  it("completes in fish", function () {
    if (!installed("fish")) {
      console.log("      skipped: fish is not installed");
      this.skip();
    }
    const complete = (line: string): string[] => {
      const code = `source ${script("fish")}; complete -C '${line}'`;
      const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", code], { encoding: "utf8", timeout: 10_000 });
      assert.equal(stderr, "");
      return stdout.split("\n").flatMap((one) => (one === "" ? [] : [one.split("\t")[0] ?? ""]));
    };
    assert.deepEqual(complete("vpplb sta"), ["status"]);
    assert.deepEqual(complete("vpplb get s"), ["servers", "streams"]);
    assert.deepEqual(complete("vpplb traffic "), ["client", "server"]);
    assert.deepEqual(complete("vpplb traffic client --first"), ["--first-port"]);
    assert.deepEqual(complete("vpplb demo --break t"), ["table"]);
  });
});
