import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { listenCli } from "../../src/dataplane/cli/index.ts";
import type { CliServer } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";

/** VPP's own client: VPPLB_VPPCTL, or `vppctl` in PATH. */
function findVppctl(): string | undefined {
  const named = process.env["VPPLB_VPPCTL"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, "vppctl")).find((path) => existsSync(path));
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describe("VPP's vppctl at our CLI socket", () => {
  let directory = "";
  let server: CliServer;
  let dp: Dataplane;
  let vppctl = "";

  before(function () {
    const found = findVppctl();
    if (found === undefined) {
      console.log("    skipped: no vppctl in PATH (set VPPLB_VPPCTL to its path)");
      return this.skip();
    }
    vppctl = found;
  });

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-vppctl-"));
    dp = new Dataplane();
    server = await listenCli(dp, { path: join(directory, "cli.sock") });
  });

  afterEach(async () => {
    await server.close();
    dp.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs to its end, within ten seconds. */
  function run(command: string, args: readonly string[], input: string | undefined): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { env: { ...process.env, TERM: "xterm" } });
      let output = "";
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`did not end; printed ${JSON.stringify(output)}`));
      }, 10_000);
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("latin1")));
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("latin1")));
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code, output });
      });
      child.stdin.end(input);
    });
  }

  function ctl(args: readonly string[], input?: string): Promise<Ended> {
    return run(vppctl, ["-s", join(directory, "cli.sock"), ...args], input);
  }

  it("runs a command given as arguments", async () => {
    const { code, output } = await ctl(["show", "lb"]);
    assert.equal(code, 0);
    assert.equal(output.split("\r\n")[0], "lb_main ip4-src-address: 255.255.255.255 ");
    assert.equal((await ctl(["s"])).output, "unknown input `s'\r\n");
    assert.equal((await ctl(["lb", "conf", "ip4-src-address", "10.60.1.1"])).output, "");
    assert.match(
      (await ctl(["sho", "ver"])).output,
      /^vpp v26\.06-release built by vpplb on embedded at [-0-9T:]+\r\n$/,
    );
  });

  it("runs a long command whole", async () => {
    await ctl(["lb", "vip", "10.2.2.0/24"]);
    const servers = Array.from({ length: 400 }, (_, i) => `10.60.${i >> 8}.${i & 255}`);
    assert.deepEqual(await ctl(["lb", "as", "10.2.2.0/24", ...servers]), { code: 0, output: "" });
    assert.match((await ctl(["show", "lb", "vips", "x"])).output, /#as:400/);
  });

  it("prints long output whole", async () => {
    for (let i = 0; i < 300; i++)
      dp.lb.vipAdd({ ...VIP, prefix: Uint8Array.of(...Array(12).fill(0), 10, 2, i >> 8, i & 255) });
    const { output } = await ctl(["show", "lb", "vips", "verbose"]);
    assert.equal(output.match(/new_size/g)?.length, 300);
  });

  it("runs a script from standard input, longer than vppctl's pieces", async () => {
    const script = Array.from({ length: 20 }, (_, i) => `lb vip 10.2.${i}.0/24 encap gre4 new_len 1024`).join("\n");
    const { code, output } = await ctl([], `${script}\nshow lb\n`);
    assert.equal(code, 0);
    assert.match(output, /lb_vip_add ok 20\r\n/);
    assert.match(output, / #vips: 21\r\n/);
  });

  it("serves a person at a terminal", async function () {
    if (spawnSync("script", ["--version"]).status !== 0) {
      console.log("    skipped: no `script` (util-linux) to make a terminal");
      return this.skip();
    }
    // The keys come after the prompt, as vppctl reads none before it knows the terminal.
    const keys = join(directory, "keys.sh");
    writeFileSync(
      keys,
      `(sleep 0.5; printf 'sho verx\\177\\r'; sleep 0.5; printf '\\033[A\\r'; sleep 0.5; printf 'quit\\r'; sleep 0.5)`,
    );
    const command = `sh ${keys} | script -qec '${vppctl} -s ${join(directory, "cli.sock")}' /dev/null`;
    const { output } = await run("sh", ["-c", command], undefined);
    assert.match(output, /_____ {2}___ \r+\n/);
    assert.equal(output.match(/vpp v26\.06-release built by vpplb/g)?.length, 2, JSON.stringify(output));
    assert.ok(output.includes("vpp# sho verx"));
  });

  it("serves several sessions at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ctl(["show", "interface"])));
    for (const { output } of answers) assert.match(output, /^local0 /m);
  });
});

const VIP = { plen: 128, protocol: 255, port: 0, type: 3, newLength: 16 } as const;
