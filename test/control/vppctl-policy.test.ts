import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { VppClient } from "vpp-api-ts";
import { READ_ONLY_COMMANDS } from "../../src/control/vppctl-commands.ts";
import { badCommand, isReadOnly, judgeCommand } from "../../src/control/vppctl-policy.ts";
import { startVpp, type TestVpp } from "../controller/vpp.ts";

/** Lines by which somebody who may only look would try to change, stop or read more than he should. */
const ATTACKS: readonly string[] = [
  // VPP runs what a command leaves of its line as the next command.
  "show version verbose create loopback interface",
  "show version lb conf timeout 33",
  "show version exec /etc/passwd",
  "show clock create loopback interface",
  "show lb create loopback interface",
  "show lb vips verbose lb vip 1.2.3.0/24 encap gre4",
  "show api clients restart",
  "show threads set interface state local0 up",
  "show ip fib 10.0.0.0/24 ip route add 1.2.3.0/24 via 10.0.0.1",
  "show bridge-domain arp",
  "show errors clear errors",
  "show trace max 1 clear trace",
  // More lines, and what else ends one.
  "show version\ncreate loopback interface",
  "show version\rcreate loopback interface",
  "show version\u2028create loopback interface",
  "show version\u0000create loopback interface",
  "show version\u000bcreate loopback interface",
  "show version;create loopback interface",
  "show version | exec x",
  "show version # create",
  // Blocks, comments, macros, the other words of VPP's dispatcher.
  "{ create loopback interface }",
  "show { version create loopback interface }",
  "show version { create loopback interface }",
  "comment { x } create loopback interface",
  "comment x",
  "uncomment create loopback interface",
  "uncomment show version",
  "leak-check show version",
  "vpplog hello",
  "help show",
  "?",
  "show ?",
  "show version ?",
  "choices",
  "$(pid)",
  "show $(x)",
  // Abbreviations of what is not harmless.
  "s",
  "s version",
  "se int state local0 up",
  "sho lb vips verbose l v 1.2.3.0/24",
  "cr lo int",
  "q",
  "res",
  "ex /tmp/x",
  // Commands that are called show and do more.
  "show vlib graphviz file /tmp/x",
  "show vlib graphviz",
  "show api dump file /tmp/x",
  "show cli clear-hit",
  "show cli hit clear-hit",
  "show device zero-counters",
  "show hardware-interfaces 99",
  "show memif loop0",
  "show memif local0 descriptors",
  "show tap loop0",
  "show memory verbose",
  "show macro",
  "show session verbose 2",
  "show event-logger all",
  "show packet-generator",
  // The rest.
  "create loopback interface",
  "lb vip 1.2.3.0/24 encap gre4",
  "lb flush vip 1.2.3.0/24 x",
  "set interface state local0 up",
  "clear errors",
  "clear trace",
  "trace add af-packet-input 1000000",
  "ping 10.0.0.1 repeat 1000000000",
  "test lb flowtable flush",
  "exec /tmp/x",
  "event-logger save /tmp/x",
  "event-logger clear",
  "pcap trace rx tx file x",
  "api trace save x",
  "binary-api rpc_call",
  "restart",
  "quit",
  "suspend",
  "kill api client x",
  "save session x",
  "classify filter pcap",
  "packet-generator enable-stream",
  "",
  " ",
  "\t",
  "SHOW VERSION",
  "showversion",
  "show",
  "-show version",
  "'show version'",
  `show version ${" ".repeat(5000)}`,
  `show interface loop${"0".repeat(500)}`,
];

const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  NAME: ["loop0", "local0", "host-x", "memif0/0", "x-1"],
  MEMIF: ["memif0/0", "memif99/99"],
  TAP: ["tap0", "tap99"],
  NUMBER: ["0", "1", "99", "999999999"],
  PREFIX: ["10.0.0.1", "10.9.0.0/24", "2001:db8::/32", "300.1.1.1/99", "::/999"],
};

/** Lines that a pattern takes: each alternative alone, in pairs and all together, with every argument. */
function linesOf(pattern: string): string[] {
  const [head = "", ...groups] = pattern.split("[");
  const options = groups.flatMap((group) => group.replace("]", "").split("|")).map((option) => option.trim());
  const pairs = options.flatMap((one) => options.map((other) => `${one} ${other}`));
  const bare = ["", ...options, ...pairs, options.join(" ")].map((more) => `${head.trim()} ${more}`.trim());
  const filled = Object.entries(ARGUMENTS).reduce(
    (lines, [name, values]) =>
      lines.flatMap((line) => {
        const place = new RegExp(`\\b${name}\\b`, "g");
        return place.test(line) ? values.map((value) => line.replace(place, value)) : [line];
      }),
    bare,
  );
  return [...new Set(filled)].filter(isReadOnly);
}

describe("control: which lines of VPP's CLI only look", () => {
  it("takes none of the attacks", () => {
    for (const line of ATTACKS) assert.ok(!isReadOnly(line), line);
  });

  it("takes what operators ask, abbreviated too, and writes it out", () => {
    const cases: Readonly<Record<string, string>> = {
      "show lb vips verbose": "show lb vips verbose",
      "sh lb v": "show lb vips",
      "  sh   int ": "show interface",
      "show int addr": "show interface address",
      "sh ver": "show version",
      "sho ip fib 10.2.2.0/24": "show ip fib 10.2.2.0/24",
      "show ip6 fib table 7 2001:db8::1": "show ip6 fib table 7 2001:db8::1",
      "show bridge-domain 1 det": "show bridge-domain 1 detail",
      "show trace max 10": "show trace max 10",
      "show err": "show errors",
      "show\tclock": "show clock",
    };
    for (const [given, line] of Object.entries(cases)) assert.deepEqual(judgeCommand(given), { readOnly: true, line });
    for (const pattern of READ_ONLY_COMMANDS) assert.ok(linesOf(pattern).length > 0, pattern);
  });

  it("says what is wrong: ambiguous, several lines, not harmless", () => {
    const reason = (line: string) => (judgeCommand(line) as { reason?: string }).reason ?? "taken";
    assert.match(reason("show l"), /ambiguous: show l/);
    assert.match(reason("show version\nquit"), /newline/);
    assert.match(reason("lb conf"), /may change VPP/);
    assert.match(badCommand("") ?? "", /empty/);
  });

  it("takes nothing but words of its list and arguments of their shapes", () => {
    const words = new Set(READ_ONLY_COMMANDS.flatMap((pattern) => pattern.split(/[ [\]|]+/)));
    const shape = /^(?:[A-Za-z][A-Za-z0-9._/-]*[0-9-][A-Za-z0-9._/-]*|[0-9./]+|[0-9a-f:./]+)$/;
    const token = fc.oneof(
      fc.constantFrom(...words),
      fc.constantFrom("create", "loopback", "interface", "{", "}", "lb", "exec", "/tmp/x", "-1", "0x10", "loop0"),
      fc.string({ maxLength: 6 }),
    );
    const line = fc.array(token, { maxLength: 7 }).map((tokens) => ["show", ...tokens].join(" "));
    fc.assert(
      fc.property(line, (text) => {
        const verdict = judgeCommand(text);
        if (!verdict.readOnly) return;
        for (const word of verdict.line.split(" ")) assert.ok(words.has(word) || shape.test(word), verdict.line);
        assert.ok(isReadOnly(verdict.line), "what is written out is taken again");
      }),
      { numRuns: 3000 },
    );
  });
});

/** VPP counts how often each of its commands ran (`show cli hit`): none but show may have. */
describe("control: lines that only look, asked of VPP", function () {
  this.timeout(120_000);
  let vpp: TestVpp;
  let client: VppClient;
  let folder: string;

  before(async function () {
    if (process.env["VPPLB_VPP_COMMAND"] === undefined) {
      console.log("      skipped: VPPLB_VPP_COMMAND names no VPP to start");
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "vpplb-policy-"));
    vpp = await startVpp();
    client = new VppClient({ socket: vpp.socket, reconnect: false, probe: false });
    await client.connect();
    for (const line of ["create loopback interface", "create bridge-domain 1", "set interface l2 bridge loop0 1"]) {
      await client.cli(line);
    }
    await client.cli("lb vip 10.9.0.0/24 encap gre4 new_len 64");
    await client.cli("lb as 10.9.0.0/24 10.0.0.2");
  });
  after(async () => {
    client?.close();
    await vpp?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Commands that ran since the last time, but for `show ...`. */
  async function ran(): Promise<string[]> {
    const text = await client.cli("show cli hit");
    await client.cli("show cli clear-hit");
    const lines = text.split("\n").map((line) => line.trim().replace(/: \d+$/, ""));
    return lines.filter((line) => line !== "" && !line.startsWith("show "));
  }

  it("leave VPP alive and run nothing else", async () => {
    await ran();
    let count = 0;
    for (const line of READ_ONLY_COMMANDS.flatMap(linesOf)) {
      const verdict = judgeCommand(line);
      assert.ok(verdict.readOnly);
      // That VPP does not know it, or its argument, is well.
      await client.cli(verdict.line, { unguarded: true }).catch((error: { code?: string; message: string }) => {
        assert.equal(error.code, "RETVAL", `${line}: ${error.message}`);
      });
      count++;
    }
    assert.ok(count > 200, `${count} lines`);
    assert.deepEqual(await ran(), []);
  });

  it("the same count sees what a line smuggles in (the check can fail)", async () => {
    await client.cli("show version verbose create loopback interface");
    assert.deepEqual(await ran(), ["create loopback interface"]);
  });
});
