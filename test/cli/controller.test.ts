import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, printed, start, vpplb, type Ended, type Started } from "./vpplb.ts";

const DEADLINE_MS = 120_000;
/** Of processes that all the tests share: on a busy machine these take minutes together. */
const SHARED_DEADLINE_MS = 900_000;

const STREAMS = `interfaces: [{ loopback: 9, mac: "02:fe:00:00:00:09", addresses: [10.70.0.1/24], outside: true }]
streams: [{ name: web, encap: gre4, servers: [10.60.1.2] }, { name: media, encap: gre4, servers: [10.60.1.9] }]
flows: [{ name: rtp, stream: media, vips: [www], protocols: [udp], destinationPorts: [5500] }]`;
const STREAM_VIP = "  - { name: www, prefix: 20.0.0.1/32, stream: web, icmp: answer }\n";

/** The commands against a controller and an embedded dataplane that run; only VIPs, so that no privilege is needed. */
describe("vpplb with a controller", function () {
  this.timeout(DEADLINE_MS);
  let folder: string;
  let control: string;
  let api: string;
  let config: string;
  let dataplane: Started;
  let controller: Started;

  const yaml = (servers: readonly string[], extra = ""): string =>
    [
      `vpp: { api: ${api} }`,
      `control: { socket: ${control}, vppctl: write }`,
      `state: { journal: ${join(folder, "journal.json")} }`,
      "lb: { ip4Source: 10.60.1.1 }",
      extra,
      "vips:",
      `  - { prefix: 10.2.2.0/24, encap: gre4, servers: [${servers.join(", ")}] }`,
      "",
    ].join("\n");
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const ask = (...args: string[]): Promise<Ended> => vpplb(["--control", control, ...args]);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await ask("--json", ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };
  const servers = async (): Promise<string[]> => {
    const rows = await json<{ columns: { server: string }; state: string }[]>("get", "servers");
    return rows.map(({ columns, state }) => `${columns.server} ${state}`).sort();
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-cli-"));
    control = join(folder, "control.sock");
    api = join(folder, "api.sock");
    config = write("lb.yaml", yaml(["10.60.1.2", "10.60.1.3"]));
    dataplane = start(["dataplane", "--api", api, "--cli", join(folder, "cli.sock")], {
      deadlineMs: SHARED_DEADLINE_MS,
    });
    await printed(dataplane, /ready/);
    controller = start(["lb", "-f", config], { deadlineMs: SHARED_DEADLINE_MS });
    await printed(controller, /VPP holds what is desired/);
  });

  after(async () => {
    for (const process of [controller, dataplane]) process?.child.kill("SIGKILL");
    await Promise.all([controller?.ended, dataplane?.ended]);
    rmSync(folder, { recursive: true, force: true });
  });

  it("status, get and vppctl show what runs, for people and as JSON", async () => {
    const status = await json<{ controller: boolean; sync: { state: string }; vpp: { state: string } }>("status");
    assert.equal(status.controller, true);
    assert.equal(status.sync.state, "in-sync");
    assert.equal(status.vpp.state, "ready");
    assert.match((await ask("status")).stdout, /^state +in-sync$/m);
    assert.deepEqual(await servers(), ["10.60.1.2 ok", "10.60.1.3 ok"]);
    const table = (await ask("get", "vips")).stdout.split("\n");
    assert.match(table[0] ?? "", /^VIP +ENCAP +TABLE SIZE .*STATE$/);
    assert.match(table[1] ?? "", /^10\.2\.2\.0\/24 +gre4 +1024 .*ok$/);
    for (const kind of ["vips", "servers", "interfaces", "bridges", "routes"]) await json("get", kind);
    assert.match((await ask("vppctl", "show", "lb", "vips")).stdout, /10\.2\.2\.0\/24/);
    assert.match((await json<{ output: string }>("vppctl", "show", "version")).output, /^vpp v/);
  });

  it("has colours on a terminal, unless they are not wanted", function () {
    // util-linux' script(1) runs a command on a terminal of its own.
    if (spawnSync("script", ["--version"]).status !== 0) {
      console.log("      skipped: there is no script(1) to give a terminal");
      this.skip();
    }
    const onTerminal = (more: string, env: Record<string, string>): string => {
      const words = [...COMMAND, "--control", control, "status"].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
      const options = { encoding: "utf8" as const, timeout: 20_000, env: { ...process.env, TERM: "xterm", ...env } };
      return spawnSync("script", ["-qec", `${words.join(" ")} ${more}`, "/dev/null"], options).stdout;
    };
    assert.match(onTerminal("", { NO_COLOR: "" }), /\u001b\[32min-sync\u001b\[39m/);
    for (const plain of [
      onTerminal("", { NO_COLOR: "1" }),
      onTerminal("--no-color", {}),
      onTerminal("", { TERM: "dumb" }),
    ]) {
      assert.match(plain, /^state +in-sync\r?$/m);
      assert.ok(!plain.includes("\u001b"));
    }
  });

  it("vppctl changes nothing unless it is meant", async () => {
    const refused = await ask("vppctl", "lb", "conf", "timeout", "41");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--write/);
    assert.equal((await ask("vppctl", "--write", "lb", "conf", "timeout", "40")).code, 0);
  });

  it("vppctl --lines: every line is answered, with VPP's return value and the answer's length before it", async () => {
    const input = "show version\nlb conf timeout 40\n\nnonsense\nlb as 10.2.2.0/24 10.60.1.2\nlb conf timeout 41";
    const run = (...more: string[]) => vpplb(["--control", control, "vppctl", ...more], { input });
    const { code, stdout } = await run("--write", "--lines");
    assert.equal(code, 1, "some have failed");
    const answers: { retval: string; text: string }[] = [];
    for (let rest = stdout; rest !== "";) {
      const [head, retval, length] = /^(\S+) (\d+)\n/.exec(rest)!;
      answers.push({ retval: retval!, text: rest.slice(head.length, head.length + Number(length)) });
      rest = rest.slice(head.length + Number(length));
    }
    assert.deepEqual(
      answers.map(({ retval }) => retval),
      ["0", "0", "-", "-1", "-1", "0"],
    );
    assert.match(answers[0]!.text, /^vpp v.*\n$/);
    assert.equal(answers[1]!.text, "");
    assert.match(answers[2]!.text, /^vpplb: the command is empty/);
    assert.equal(answers[4]!.text, "lb as: lb_vip_add_ass error -81\n", "in VPP's words");
    const looking = await run("--json", "--lines");
    const rows = looking.stdout.trim().split("\n");
    assert.equal(rows.length, 6);
    const [first, second] = rows.map((row) => JSON.parse(row) as { command: string; retval?: number; output: string });
    assert.deepEqual([first!.command, first!.retval], ["show version", 0]);
    assert.match(second!.output, /--write/);
    assert.equal(second!.retval, undefined);
    assert.equal((await run("--lines", "show", "version")).code, 2);
  });

  it("explain agrees with VPP, and says why a flow goes nowhere", async () => {
    const one = await json<{ server: string; checked: boolean }>("explain", "192.0.2.1:1234", "10.2.2.33:5001", "tcp");
    assert.ok(one.checked);
    const input = {
      vip: "10.2.2.0/24",
      encap: "gre4",
      tableSize: 1024,
      as: ["10.60.1.2", "10.60.1.3"],
      flows: [["192.0.2.1", "10.2.2.33", "tcp", 1234, 5001]],
    };
    const offline = await vpplb(["explain", "--offline", "-"], { input: JSON.stringify(input) });
    assert.equal(one.server, (JSON.parse(offline.stdout) as { flows: string[] }).flows[0]);
    const none = await ask("explain", "192.0.2.1:1234", "10.9.9.9:5001");
    assert.equal(none.code, 1);
    assert.match(none.stdout, /no server\n.*no VIP holds 10\.9\.9\.9/);
  });

  it("plan --json speaks of streams, flows and VIPs; what they are made of has a key of its own", async () => {
    const file = write("streams.yaml", `${yaml(["10.60.1.2"], STREAMS)}${STREAM_VIP}`);
    const { stdout, stderr } = await ask("--json", "plan", "-f", file);
    const plan = JSON.parse(stdout) as { operations: { kind: string; object: string; internals: { id: string } }[] };
    const objects = new Set(plan.operations.map(({ object }) => object));
    for (const object of ["stream web (IPv4)", "flow rtp (IPv4)", "VIP www (20.0.0.1/32)"])
      assert.ok(objects.has(object), `${object}: ${[...objects].join(", ")} ${stderr}`);
    const inside = /198\.1[89]\.\d+\.\d+(?!\/15)(?!\d)|vpplb\/flow|policy \d/;
    const told = (key: string, value: unknown) => (key === "internals" ? undefined : value);
    assert.doesNotMatch(JSON.stringify(plan, told), inside);
    assert.match(JSON.stringify(plan), inside, "the control: they are among the internals");
    const { internals } = plan.operations.find(({ kind }) => kind === "abf")!;
    assert.match(internals.id, /^abf policy \d+/);
  });

  it("plan says what would change and writes nothing; apply does it", async () => {
    const next = write("next.yaml", yaml(["10.60.1.2", "10.60.1.3", "10.60.1.4"]));
    const text = await ask("plan", "-f", next);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /10\.60\.1\.4/);
    assert.match(text.stdout, /10\.2\.2\.0\/24 +\d+\.\d %/);
    const plan = await json<{ operations: unknown[]; disruption: { moved: number }[] }>("plan", "-f", next);
    assert.ok(plan.operations.length > 0 && (plan.disruption[0]?.moved ?? 0) > 0.2);
    assert.deepEqual(await servers(), ["10.60.1.2 ok", "10.60.1.3 ok"]);
    assert.equal((await json<{ ok: boolean }>("apply", "-f", next)).ok, true);
    assert.deepEqual(await servers(), ["10.60.1.2 ok", "10.60.1.3 ok", "10.60.1.4 ok"]);
    assert.equal((await json<{ operations: unknown[] }>("plan", "-f", next)).operations.length, 0);
    assert.equal((await ask("apply", "-f", config)).code, 0);
  });

  it("apply refuses what moves more than maxDisruption, unless forced", async () => {
    const path = write("limit.yaml", yaml(["10.60.1.7", "10.60.1.8"], "maxDisruption: 0.1"));
    const refused = await ask("apply", "-f", path);
    assert.equal(refused.code, 1, refused.stdout + refused.stderr);
    assert.match(refused.stdout, /refused/);
    assert.deepEqual(await servers(), ["10.60.1.2 ok", "10.60.1.3 ok"]);
    assert.equal((await ask("apply", "-f", path, "--force")).code, 0);
    assert.equal((await ask("apply", "-f", config, "--force")).code, 0);
    assert.deepEqual(
      (await servers()).filter((line) => line.endsWith(" ok")),
      ["10.60.1.2 ok", "10.60.1.3 ok"],
    );
  });

  it("drain takes a server out of new flows and back", async () => {
    assert.equal((await ask("drain", "10.60.1.3")).code, 0);
    assert.match((await ask("status")).stdout, /draining +10\.60\.1\.3/);
    assert.ok(
      (await servers()).some((line) => /^10\.60\.1\.3 (?!ok)/.test(line)),
      (await servers()).join(),
    );
    assert.equal((await ask("drain", "10.60.1.3", "--undo")).code, 0);
    assert.ok((await servers()).includes("10.60.1.3 ok"));
    const unknown = await ask("drain", "10.99.0.1");
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /10\.99\.0\.1/);
  });

  it("watch shows what the controller does, as it happens, and ends well", async () => {
    const watching = [
      ["--json", "watch"],
      ["watch", "--only", "drain"],
    ].map((args) => start(["--control", control, ...args]));
    await Promise.all(watching.map((one) => printed(one, /watching the controller/)));
    assert.equal((await ask("drain", "10.60.1.3")).code, 0);
    assert.equal((await ask("drain", "10.60.1.3", "--undo")).code, 0);
    await Promise.all(watching.map((one) => printed(one, /drain of 10\.60\.1\.3 ended/)));
    for (const one of watching) one.child.kill("SIGINT");
    const [all, drains] = await Promise.all(watching.map((one) => one.ended));
    assert.deepEqual([all?.code, drains?.code], [0, 0]);
    const events = (all?.stdout ?? "")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; ended?: boolean });
    assert.deepEqual(
      events.filter(({ type }) => type === "drain").map(({ ended }) => ended),
      [false, true],
    );
    for (const type of ["plan", "operation", "sync"])
      assert.ok(
        events.some((event) => event.type === type),
        type,
      );
    const lines = (drains?.stdout ?? "").trim().split("\n");
    assert.match(lines.join("\n"), /^\S+Z drain +draining 10\.60\.1\.3\n\S+Z drain +drain of 10\.60\.1\.3 ended$/);
    const nobody = await vpplb(["--control", join(folder, "none.sock"), "watch"]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no controller runs/);
  });

  it("a second controller does not take the socket", async () => {
    const second = await vpplb(["lb", "-f", config, "--journal", join(folder, "other.json")]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /already serves/);
  });

  it("a bad file keeps the old state and says why", async () => {
    writeFileSync(config, "vips: [");
    controller.child.kill("SIGHUP");
    await printed(controller, /config-refused +.*\d+:\d+/);
    assert.match((await ask("status")).stdout, /not as the file is now/);
    assert.ok((await servers()).includes("10.60.1.2 ok"));
    writeFileSync(config, yaml(["10.60.1.2", "10.60.1.3"]));
  });

  it("without a controller VPP itself is asked, which is said, and nothing is written", async () => {
    controller.child.kill("SIGTERM");
    assert.equal((await controller.ended).code, 0);
    assert.ok(!existsSync(control));
    const journal = () =>
      createHash("sha256")
        .update(readFileSync(join(folder, "journal.json")))
        .digest("hex");
    const before = journal();
    const plan = await vpplb(["plan", "-f", config]);
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.stderr, /no controller on .*control\.sock: asking VPP on/);
    assert.match(plan.stdout, /nothing to do/);
    const get = await vpplb(["--vpp", api, "get", "servers"]);
    assert.match(get.stdout, /10\.60\.1\.2/);
    assert.equal((await vpplb(["--vpp", api, "explain", "192.0.2.1:1", "10.2.2.1:2"])).code, 0);
    assert.equal((await vpplb(["--vpp", api, "drain", "10.60.1.2"])).code, 1);
    assert.equal((await vpplb(["--vpp", api, "vppctl", "lb", "conf", "timeout", "41"])).code, 2);
    assert.equal(journal(), before);
    assert.equal((await vpplb(["apply", "-f", write("more.yaml", yaml(["10.60.1.2", "10.60.1.5"]))])).code, 0);
    assert.match((await vpplb(["--vpp", api, "get", "servers"])).stdout, /10\.60\.1\.5/);
  });

  it("the dataplane ends well at a signal and takes its sockets with it", async () => {
    dataplane.child.kill("SIGTERM");
    assert.equal((await dataplane.ended).code, 0);
    assert.ok(!existsSync(api));
  });
});
