import assert from "node:assert/strict";
import fc from "fast-check";
import { CliError } from "../../src/dataplane/cli/errors.ts";
import { CommandTree } from "../../src/dataplane/cli/tree.ts";
import type { Command } from "../../src/dataplane/cli/tree.ts";
import { Input } from "../../src/dataplane/cli/unformat.ts";

interface Context {
  readonly out: (text: string) => void;
}

const commands: Command<Context>[] = [
  { path: "show", help: "Show commands" },
  { path: "show interface", help: "show interface [<if>]", run: (c, i) => c.out(`interface [${i.rest()}]`) },
  { path: "show interface tag", run: (c) => c.out("tag") },
  { path: "show ip fib", help: "show ip fib", run: (c) => c.out("fib") },
  { path: "show ip6 fib", run: (c) => c.out("fib6") },
  { path: "show version", run: (c) => c.out("version") },
  { path: "set interface state", run: (_, i) => fail(`unknown interface \`${i.error()}'`) },
  { path: "set interface", help: "Interface commands" },
  { path: "lb vip", run: (c, i) => c.out(`vip ${i.line()?.rest() ?? "nothing"}`) },
  { path: "ip", help: "IP commands" },
];

function fail(what: string): never {
  throw new CliError(what);
}

async function run(line: string): Promise<{ output: string; retval: number }> {
  const tree = new CommandTree<Context>(commands);
  let output = "";
  const retval = await tree.run({ out: (text) => (output += text.endsWith("\n") ? text : `${text}\n`) }, line);
  return { output, retval };
}

describe("command tree", () => {
  const table: [string, string, number][] = [
    ["show version", "version\n", 0],
    ["sho ver", "version\n", 0],
    ["sh int\n", "interface []\n", 0],
    // What a command leaves unread is the next command, as in VPP.
    ["sh int x y", "interface [x y]\nunknown input `x y'\n", -1],
    ["sh int tag", "tag\n", 0],
    ["sh ip fib", "fib\n", 0],
    ["sh ip6 f", "fib6\n", 0],
    ["s\n", "unknown input `s'\n", -1],
    ["nonsense\n", "unknown input `nonsense'\n", -1],
    ["show nosuch", "show: unknown input `nosuch'\n", -1],
    ["show", "show: unknown input `'\n", -1],
    ["show\n", "show: unknown input `'\n", -1],
    ["ip", "ip: no sub-commands\n", -1],
    ["set int state nosuch up", "set interface state: unknown interface `nosuch up'\n", -1],
    ["set int state nosuch up\n", "set interface state: unknown interface `nosuch up'\n", -1],
    ["show version\nshow version\n", "version\nversion\n", 0],
    ["comment { any thing } show version", "version\n", 0],
    ["lb vip 1.2.3.4/32 x\nshow version", "vip 1.2.3.4/32 x\nversion\n", 0],
    ["   ", "", 0],
    ["", "", 0],
  ];
  for (const [line, output, retval] of table) {
    it(JSON.stringify(line), async () => assert.deepEqual(await run(line), { output, retval }));
  }

  it("shows what a word of another line left at the cursor", async () => {
    const { output, retval } = await run("show version\nnosuch\nshow version\n");
    assert.deepEqual({ output, retval }, { output: "version\nunknown input `nosuch\\nshow version'\n", retval: -1 });
  });

  it("lists commands for ? and help", async () => {
    assert.equal((await run("show ip ?")).output, `  ${"show ip fib".padEnd(40)} show ip fib\n`);
    assert.equal((await run("sh ver ?")).output, `  ${"show version".padEnd(40)} show version commands\n`);
    assert.match((await run("?")).output, /^ {2}lb vip {35}lb vip commands$/m);
    const help = (await run("help")).output.split("\n");
    assert.deepEqual(help.slice(0, 2), [`  ${"ip".padEnd(30)} IP commands`, `  ${"lb".padEnd(30)} lb commands`]);
    assert.equal((await run("help show interface")).output, "show interface [<if>]\n");
  });

  it("cuts what it repeats of long input at 30 characters", async () => {
    assert.equal((await run(`x${"y".repeat(60)}`)).output, `unknown input \`x${"y".repeat(29)}...'\n`);
  });

  it("answers any input without throwing", async () => {
    const word = fc.constantFrom("show", "sh", "set", "interface", "lb", "vip", "help", "?", "{", "}", "comment", "\\");
    const text = fc.array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 12 }).map((w) => w.join(" "));
    await fc.assert(
      fc.asyncProperty(text, async (line) => {
        const { output, retval } = await run(line);
        assert.ok(retval === 0 || output.length > 0);
      }),
    );
  });

  it("completes words", () => {
    const tree = new CommandTree<Context>(commands);
    assert.deepEqual(tree.completions(""), ["ip", "lb", "set", "show"]);
    assert.deepEqual(tree.completions("sh"), ["show"]);
    assert.deepEqual(tree.completions("show i"), ["interface", "ip", "ip6"]);
    assert.deepEqual(tree.completions("show ip "), ["fib"]);
    assert.deepEqual(tree.completions("show nosuch "), []);
  });
});

describe("unformat", () => {
  it("reads values and puts the cursor back on failure", () => {
    const input = new Input("new_len 1024 port 80 x");
    assert.deepEqual(input.read("port %d"), undefined);
    assert.deepEqual(input.read("new_len %d"), [1024]);
    assert.deepEqual(input.read("port %u"), [80]);
    assert.equal(input.error(), "x");
    assert.equal(input.match("xy"), false);
    assert.equal(input.match("x"), true);
    assert.equal(input.atEnd(), true);
  });

  it("does not take a word for its beginning's match", () => {
    assert.equal(new Input("delete").match("del "), false);
    assert.equal(new Input("del").match("del"), true);
    assert.equal(new Input("del flush").match("del"), true);
  });

  it("keeps signs and widths of integers as VPP does", () => {
    assert.deepEqual(new Input("-1").read("%d"), [-1]);
    assert.deepEqual(new Input("-1").read("%u"), undefined);
    assert.deepEqual(new Input("4294967295").read("%u"), [4294967295]);
    assert.deepEqual(new Input("4294967296").read("%u"), [0]);
    assert.deepEqual(new Input("99999999999999999999999").read("%u"), undefined);
    assert.deepEqual(new Input("0.25x").read("%fx"), [0.25]);
  });
});
