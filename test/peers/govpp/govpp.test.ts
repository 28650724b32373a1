import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { startDataplane } from "../../../src/dataplane/server.ts";

const BUILD_TIMEOUT_MS = 330_000;
const TALK_TIMEOUT_MS = 60_000;

/** main.go's Seen. */
interface Seen {
  readonly govpp: string;
  readonly pingPid: number;
  readonly pingRetval: number;
  readonly program: string;
  readonly version: string;
  readonly loopback: number;
  readonly interfaces: readonly string[];
  readonly addVip: string;
  readonly addVipAgain: string;
  readonly servers: readonly string[];
  readonly serversAfterward: readonly string[];
  readonly showLb: string;
  readonly unknownVip: string;
  readonly pings: number;
}

async function talk(program: string, socket: string): Promise<Seen> {
  const { stdout } = await promisify(execFile)(program, [socket], { timeout: TALK_TIMEOUT_MS, maxBuffer: 64 << 20 });
  return JSON.parse(stdout) as Seen;
}

function judge(seen: Seen): void {
  assert.equal(seen.govpp, "v0.10.0");
  assert.equal(seen.pingRetval, 0);
  assert.equal(seen.program, "vpe");
  assert.match(seen.version, /^\d\d\.\d\d/);
  assert.equal(seen.interfaces[0], "local0");
  assert.ok(seen.interfaces.length >= 2 && seen.loopback > 0, "the loopback that it made is among the interfaces");
  assert.equal(seen.addVip, "ok");
  assert.equal(seen.addVipAgain, "retval -81", "VALUE_EXIST");
  assert.deepEqual([...seen.servers].sort(), ["10.60.1.2 1", "10.60.1.3 1"]);
  assert.match(seen.showLb, /ip4-gre4 \[\d+\] 10\.2\.2\.0\/24\n {2}new_size:1024\n/);
  assert.match(seen.showLb, / {4}10\.60\.1\.2 .*512/);
  assert.deepEqual([...seen.serversAfterward].sort(), ["10.60.1.2 1", "10.60.1.3 0"], "a removed server stays, unused");
  assert.equal(seen.unknownVip, "retval -6", "NO_SUCH_ENTRY");
  assert.equal(seen.pings, 500);
}

describe("govpp, a client of others", () => {
  let program: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    try {
      program = await buildGo("test/peers/govpp");
    } catch (error) {
      if (!BenchError.is(error, "SKIP")) throw error;
      console.log(`      skipped: ${error.message}`);
      this.skip();
    }
  });

  it("programs the embedded dataplane through its binary API", async function () {
    this.timeout(TALK_TIMEOUT_MS + 10_000);
    const directory = mkdtempSync(join(tmpdir(), "vpplb-govpp-"));
    const abort = new AbortController();
    try {
      const socket = join(directory, "api.sock");
      const server = await startDataplane({ apiSocket: socket }, abort.signal);
      const seen = await talk(program, socket);
      judge(seen);
      assert.equal(seen.pingPid, process.pid);
      assert.deepEqual(seen.interfaces, ["local0", "loop0"]);
      abort.abort();
      await server.closed;
    } finally {
      abort.abort();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("sees the same from a real VPP", async function () {
    this.timeout(TALK_TIMEOUT_MS + 10_000);
    const socket = process.env["VPPLB_VPP_API"];
    if (socket === undefined) {
      console.log("      skipped: VPPLB_VPP_API names no socket of a real VPP");
      this.skip();
    }
    judge(await talk(program, socket));
  });
});
