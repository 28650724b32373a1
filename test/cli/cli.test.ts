import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProgram } from "../../src/cli/main.ts";
import { explainOffline } from "../../src/maglev/index.ts";
import { COMMAND, printed, start, vpplb } from "./vpplb.ts";

const GOOD = `vips:
  - prefix: 10.2.2.0/24
    encap: gre4
    servers: [10.60.1.2, 10.60.1.3]
`;

const STREAMS = `lb: { ip4Source: 10.60.1.1 }
interfaces:
  - { host: wan, mac: "02:fe:00:00:00:01", addresses: [10.70.0.1/31], outside: true }
streams:
  - { name: web, encap: gre4, servers: [10.60.1.2, 10.60.1.3, { address: 10.60.1.4, state: drain }] }
  - { name: media, encap: gre4, servers: [10.60.1.9] }
flows:
  - { name: rtp, stream: media, vips: [www], protocols: [udp], destinationPorts: ["5000-5999"] }
vips:
  - { name: www, prefix: 20.0.0.1/32, stream: web, icmp: answer }
  - { prefix: 20.0.0.2/32, stream: none }
  - { prefix: 10.2.2.0/24, encap: gre4, servers: [10.60.1.2, 10.60.1.3, 10.60.1.4] }
`;

const OFFLINE = {
  vip: "10.2.2.0/24",
  encap: "gre4" as const,
  tableSize: 1024,
  as: ["10.60.1.2", "10.60.1.3", "10.60.1.4"],
  flows: [
    ["192.0.2.1", "10.2.2.33", "tcp", 1234, 5001],
    ["192.0.2.2", "10.2.3.1", "udp", 1, 2],
  ] as [string, string, "tcp" | "udp", number, number][],
};

/** Where a VPP with weights sends the first of them. */
function withWeights(): string | null | undefined {
  return explainOffline({ ...OFFLINE, weights: [100, 100, 100] }).flows[0];
}

describe("vpplb", function () {
  this.timeout(60_000);
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-cli-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("prints its version and help on standard output", async () => {
    const version = await vpplb(["--version"]);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    const help = await vpplb(["--help"]);
    assert.equal(help.code, 0);
    assert.equal(help.stderr, "");
    for (const command of createProgram().commands) assert.match(help.stdout, new RegExp(`^  ${command.name()} `, "m"));
  });

  it("has help with examples for every command", () => {
    const walk = (program: ReturnType<typeof createProgram>, path: string): void => {
      for (const command of program.commands) {
        let text = "";
        command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
        const name = `${path}${command.name()}`;
        assert.match(text, new RegExp(`^Usage: vpplb ${name}`), name);
        assert.ok(command.summary() !== "" && command.description() !== "", name);
        if (command.commands.length === 0) assert.match(text, /\nExamples:\n {2}\$? ?\S/, name);
        walk(command, `${name} `);
      }
    };
    walk(createProgram(), "");
  });

  const bad: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown command", ["chekc"], /unknown command 'chekc'[\s\S]*check/],
    ["an unknown option", ["status", "--jason"], /unknown option '--jason'[\s\S]*--json/],
    ["an unknown kind", ["get", "vip"], /vips, streams, flows, servers, interfaces, bridges, routes/],
    ["an option without its value", ["check", "-f"], /argument missing/],
    ["a missing option", ["lb"], /--file/],
    ["an argument too many", ["status", "now"], /too many arguments/],
    ["a missing file", ["check", "-f", "/nowhere/lb.yaml"], /\/nowhere\/lb\.yaml/],
    ["a missing file for lb", ["lb", "-f", "/nowhere/lb.yaml"], /\/nowhere\/lb\.yaml/],
    ["a missing file for plan", ["plan", "-f", "/nowhere/lb.yaml"], /\/nowhere\/lb\.yaml/],
    ["a missing file for explain", ["explain", "--offline", "/nowhere/x.json"], /\/nowhere\/x\.json/],
    ["no flow", ["explain"], /which flow/],
    ["a lb.yaml without a flow", ["explain", "--offline", "lb.yaml"], /which flow/],
    [
      "weights for a VPP that runs",
      ["explain", "--weights", "192.0.2.1:1", "10.2.2.1:1"],
      /--weights is for --offline/,
    ],
    ["half a flow", ["explain", "192.0.2.1:1"], /no destination/],
    ["a flow without ports", ["explain", "192.0.2.1", "10.2.2.1", "tcp"], /ADDRESS:PORT/],
    ["a protocol that is none", ["explain", "192.0.2.1:1", "10.2.2.1:2", "any"], /"any" is no protocol.*tcp\|udp/],
    ["a flow of two families", ["explain", "[2001:db8::1]:1", "10.2.2.1:2"], /IPv4, the other IPv6/],
    ["a time that is none", ["drain", "10.0.0.1", "--deadline", "5"], /500ms, 30s, 5m, 1h/],
    ["a number out of range", ["traffic", "client", "127.0.0.1:9", "-n", "0"], /from 1 to 60000/],
    ["a target that is no address", ["traffic", "client", "somewhere:80"], /ADDRESS:PORT/],
    [
      "an encapsulation that is none",
      ["target", "--device", "x", "--vip", "10.0.0.1", "--gateway", "10.0.0.2", "--encap", "gre5"],
      /gre4 or gre6/,
    ],
    ["a shell that is none", ["completion", "tcsh"], /bash, zsh, fish/],
    ["something to break that is not there", ["demo", "--break", "everything"], /sticky, table, server/],
  ];
  for (const [what, args, message] of bad) {
    it(`${what} is bad input: exit code 2 and what to do`, async () => {
      const { code, stdout, stderr } = await vpplb(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.equal(stdout, "");
      assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
    });
  }

  it("check names file, line and column of what is wrong, also as JSON", async () => {
    const good = await vpplb(["check", "-f", file("good.yaml", GOOD)]);
    assert.equal(good.code, 0);
    assert.match(good.stdout, /1 VIP, 2 servers/);
    const path = file("bad.yaml", GOOD.replace("gre4", "gre5").replace("10.60.1.3", "10.60.1.300"));
    const text = await vpplb(["check", "-f", path]);
    assert.equal(text.code, 2);
    assert.match(text.stderr, new RegExp(`^${path}:3:\\d+: error: .*gre4, gre6, l3dsr`, "m"));
    assert.match(text.stderr, new RegExp(`^${path}:4:\\d+: error: `, "m"));
    const json = await vpplb(["check", "-f", path, "--json"]);
    assert.equal(json.code, 2);
    const report = JSON.parse(json.stdout) as { ok: boolean; diagnostics: { line: number }[] };
    assert.equal(report.ok, false);
    assert.deepEqual([...new Set(report.diagnostics.filter((d) => d.line > 1).map((d) => d.line))], [3, 4]);
    const broken = await vpplb(["plan", "-f", file("broken.yaml", "vips: [\n  - x: {")]);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /broken\.yaml:\d+:\d+: error/);
  });

  it("explain --offline answers as the library does, from a file and from standard input", async () => {
    const text = JSON.stringify(OFFLINE);
    const expected = JSON.parse(JSON.stringify(explainOffline(OFFLINE))) as unknown;
    for (const result of [
      await vpplb(["explain", "--offline", file("flows.json", text)]),
      await vpplb(["explain", "--offline", "-"], { input: text }),
      await vpplb(["--json", "explain", "--offline", "-"], { input: text }),
    ]) {
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(JSON.parse(result.stdout), expected);
    }
    assert.equal((expected as { flows: unknown[] }).flows[1], null);
  });

  it("explain --offline follows flows through a lb.yaml: VIP, flow, stream, slot, server", async () => {
    const path = file("streams.yaml", STREAMS);
    const ask = async (...words: string[]) => {
      const { code, stdout, stderr } = await vpplb(["explain", "--json", "--offline", path, ...words]);
      assert.equal(stderr, "");
      const found = JSON.parse(stdout) as { rule?: string; stream?: string; server?: string; steps: string[] };
      assert.equal(code, found.server === undefined ? 1 : 0);
      return found;
    };
    const taken = await ask("192.0.2.1:7", "20.0.0.1:5500", "udp");
    assert.deepEqual([taken.rule, taken.stream, taken.server], ["rtp", "media", "10.60.1.9"]);
    const untaken = await ask("192.0.2.1:7", "20.0.0.1:6000", "udp");
    assert.deepEqual([untaken.rule, untaken.stream], [undefined, "web"]);
    assert.match(untaken.server ?? "", /^10\.60\.1\.[23]$/, "not the one that is drained");
    assert.match((await ask("192.0.2.1", "20.0.0.1", "icmp")).steps.at(-1) ?? "", /VPP answers it itself/);
    assert.match((await ask("192.0.2.1:7", "20.0.0.2:80")).steps.at(-1) ?? "", /no stream: the packet is dropped/);
    const sctp = await ask("192.0.2.1", "20.0.0.1", "sctp");
    assert.equal(sctp.stream, "web");
    assert.deepEqual(
      await ask("192.0.2.1:7", "20.0.0.1:5500", "sctp"),
      await ask("192.0.2.1:7", "20.0.0.1:5500", "132"),
    );
    const plain = await ask("192.0.2.1:1234", "10.2.2.33:5001");
    assert.equal(plain.server, explainOffline(OFFLINE).flows[0]);
    assert.equal((await ask("192.0.2.1:1234", "10.2.2.33:5001", "--weights")).server, withWeights());
    const both = await vpplb(["explain", "--offline", "-", "192.0.2.1:7", "20.0.0.1:5500", "udp"], { input: STREAMS });
    assert.match(
      both.stdout,
      /udp: 10\.60\.1\.9 \(not checked\)\n {2}VIP 20\.0\.0\.1\/32 -> flow rtp -> stream media\n/,
    );
  });

  it("explain --offline says where its input is wrong", async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['{"vip": "10.0.0.0/24",\n "encap": gre4}', /standard input:2:\d+: not JSON/],
      ["", /standard input:1:1: not JSON/],
      [JSON.stringify({ ...OFFLINE, flows: [["192.0.2.1", "10.2.2.33", "sctp", 1, 2]] }), /flows\[0\]\[2\]/],
      [JSON.stringify({ ...OFFLINE, as: undefined }), /standard input: as: /],
      [JSON.stringify({ ...OFFLINE, tableSize: 1000 }), /1000/],
      [JSON.stringify({ ...OFFLINE, weights: [1] }), /weights/],
      [JSON.stringify({ ...OFFLINE, encap: "gre6" }), /IPv6/],
    ];
    for (const [input, message] of cases) {
      const { code, stderr, stdout } = await vpplb(["explain", "--offline", "-"], { input });
      assert.equal(code, 2, `${input}: ${stderr}`);
      assert.match(stderr, message);
      assert.equal(stdout, "");
    }
  });

  it("says which controller it looked for", async () => {
    const nowhere = join(folder, "none.sock");
    for (const args of [["status"], ["get", "vips"], ["drain", "10.0.0.1"], ["vppctl", "show", "version"]]) {
      const { code, stderr } = await vpplb(args, { env: { VPPLB_CONTROL: nowhere } });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /none\.sock.*vpplb lb -f/);
    }
    const vpp = await vpplb(["--vpp", join(folder, "no-vpp.sock"), "status"]);
    assert.equal(vpp.code, 1);
    assert.match(vpp.stderr, /no-vpp\.sock/);
  });

  it("has no colours and no escape sequences without a terminal", async () => {
    const { stdout } = await vpplb(["--help"], { env: { FORCE_COLOR: "1" } });
    assert.ok(!stdout.includes("\u001b"));
  });

  it("ends quietly when nobody reads on", () => {
    const [node = "", ...args] = COMMAND.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
    const script = `${node} ${args.join(" ")} --help | head -1; echo "code \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8", timeout: 20_000 });
    assert.match(stdout, /^Usage: vpplb.*\ncode 0\n$/);
    assert.equal(stderr, "");
  });

  describe("traffic", () => {
    it("client and server work together, and a signal ends the server well", async () => {
      const server = start(["traffic", "server", "--listen", "127.0.0.1", "-p", "0", "--name", "as1", "--json"]);
      await printed(server, /ready/);
      const { bound } = JSON.parse(server.output()) as { bound: { port: number }[] };
      const target = `127.0.0.1:${bound[0]?.port ?? 0}`;
      const client = await vpplb(["traffic", "client", target, "-n", "20", "-r", "2000"]);
      assert.equal(client.code, 0, client.stderr);
      assert.match(client.stdout, /as1 +20 +0/);
      const json = await vpplb(["traffic", "client", target, "-n", "5", "--udp", "--first-port", "22000", "--json"]);
      const report = JSON.parse(json.stdout) as { Hosts: object; ConnStats: { Local: string; Host: string }[] };
      assert.deepEqual(report.Hosts, { as1: 5 });
      assert.deepEqual(
        report.ConnStats.map(({ Local }) => Local),
        [0, 1, 2, 3, 4].map((i) => `127.0.0.1:${22_000 + i}`),
      );
      const held = start(["traffic", "client", target, "-n", "5", "--hold", "1h"]);
      await printed(held, /5 alive, 0 broken/);
      held.child.kill("SIGINT");
      const interrupted = await held.ended;
      assert.equal(interrupted.code, 130);
      assert.match(interrupted.stdout, /5 good, 0 broken/);
      server.child.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
      const refused = await vpplb(["traffic", "client", target, "-n", "3"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stdout, /3 broken \(3 ECONNREFUSED\)/);
    });
  });
});
