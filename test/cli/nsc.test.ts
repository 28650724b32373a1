import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { meshLogLevelOption } from "../../src/cli/role-options.ts";
import { needNamespaces } from "../sys/support.ts";
import { printed, start, vpplb } from "./vpplb.ts";

/** Nothing of the machine's own. */
const CLEAN = {
  NSM_NETWORK_SERVICES: "",
  NSM_CONNECT_TO: "",
  NSM_INSECURE: "",
  SPIFFE_ENDPOINT_SOCKET: "",
  VIP_ADDRESS: "",
};

describe("cli: nsc", function () {
  this.timeout(30_000);

  const wrong: [string, string[], Record<string, string>, RegExp][] = [
    ["no service", ["--insecure"], {}, /no network service is asked for/],
    ["no identity", ["kernel://lb/nsm0"], {}, /who is this in the mesh/],
    ["a VIP that is none", ["--insecure", "kernel://lb"], { VIP_ADDRESS: "10.2.2" }, /VIP_ADDRESS/],
    ["an address that is none", ["--insecure", "kernel://lb", "--no-state", "--http", "x"], {}, /no address to listen/],
  ];
  wrong.push([
    "a log level that is none",
    ["kernel://lb"],
    { NSM_LOG_LEVEL: "constructor" },
    /NSM_LOG_LEVEL.*error, warn, info/s,
  ]);
  for (const [what, args, env, message] of wrong) {
    it(`${what}: exit code 2, and why`, async () => {
      const ended = await vpplb(["nsc", ...args], { env: { ...CLEAN, ...env } });
      assert.equal(ended.code, 2, ended.stdout + ended.stderr);
      assert.match(ended.stderr, message);
    });
  }

  it("NSM_LOG_LEVEL, in the words of NSM's programs; the option goes before it", () => {
    const before = process.env["NSM_LOG_LEVEL"];
    const levelOf = (text: string, ...args: string[]) => {
      process.env["NSM_LOG_LEVEL"] = text;
      const command = new Command().addOption(meshLogLevelOption()).parse(args, { from: "user" });
      return command.opts<{ logLevel: string }>().logLevel;
    };
    try {
      const words = ["TRACE", "DEBUG", "info", "Warning", "WARN", "ERROR", "FATAL", " "];
      const levels = ["debug", "debug", "info", "warn", "warn", "error", "error", "info"];
      assert.deepEqual(
        words.map((word) => levelOf(word)),
        levels,
      );
      assert.equal(levelOf("DEBUG", "--log-level", "error"), "error");
    } finally {
      if (before === undefined) delete process.env["NSM_LOG_LEVEL"];
      else process.env["NSM_LOG_LEVEL"] = before;
    }
  });

  it("without a manager it says so, tells it on its pages, and ends when it is told to", async function () {
    needNamespaces(this);
    const folder = mkdtempSync(join(tmpdir(), "vpplb-nsc-cli-"));
    try {
      const [status, state] = [join(folder, "status.json"), join(folder, "state.json")];
      const args = ["--connect-to", `unix://${folder}/none.sock`, "--dial-timeout", "200ms", "--state", state];
      const agent = start(["--json", "nsc", "kernel://lb/nsm0", "--insecure", "--status", status, ...args], {
        env: CLEAN,
      });
      await printed(agent, /nsc-request-failed/);
      const line = JSON.parse(agent.output().split("\n")[0]!) as Record<string, unknown>;
      assert.equal(line["code"], "UNAVAILABLE");
      assert.match(String(line["message"]), /none\.sock cannot be reached/);
      const told = JSON.parse(readFileSync(status, "utf8")) as { ready: boolean; services: { state: string }[] };
      assert.deepEqual([told.ready, told.services[0]?.state], [false, "requesting"]);
      const second = await vpplb(["nsc", "kernel://lb/nsm0", "--insecure", ...args], { env: CLEAN });
      assert.equal(second.code, 1);
      assert.match(second.stderr, /another agent uses .*state\.json/);
      agent.child.kill("SIGTERM");
      const ended = await agent.ended;
      assert.equal(ended.code, 0, ended.stderr);
      assert.match(ended.stdout, /nsc-stopping/);
      assert.equal(existsSync(status) || existsSync(state), false, "its files are gone");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
