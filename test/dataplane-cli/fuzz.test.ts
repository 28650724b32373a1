import assert from "node:assert/strict";
import fc from "fast-check";
import { commandTree, runCli } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { SimulatedHosts } from "./simulated.ts";

/** Arguments that some command takes, and some that none does. */
const ARGUMENTS = [
  ...["loop0", "host-v0", "local0", "nosuch", "0", "1", "5", "-1", "4294967295", "99999999999999999999", "0x10"],
  ...["10.60.1.1/24", "10.60.1.1", "10.0.0.0/33", "0.0.0.0/0", "2001:db8::1/64", "::", "fe80::1", "1.2.3", ":::"],
  ...["02:fe:00:00:00:01", "0200.0000.0001", "up", "down", "del", "add", "all", "via", "drop", "local", "weight"],
  ...["table", "count", "mac", "instance", "bvi", "static", "filter", "detail", "verbose", "encap", "gre4", "gre6"],
  ...["l3dsr", "nat4", "new_len", "1024", "protocol", "tcp", "port", "dscp", "flush", "name", "v0", "intfc", "packet"],
  ...["repeat", "interval", "size", "source", "{", "}", "{ x }", "\\", "%", "?", "help", "\n", "\t", "", "é", "\u0000"],
];

describe("any line", () => {
  it("is answered, never with a fault of ours, and leaves a dataplane that still answers", async function () {
    this.timeout(60_000);
    const paths = commandTree.list().map((command) => command.path);
    const usable = paths.filter((path) => path !== "exec");
    const dp = new Dataplane();
    const hosts = new SimulatedHosts({ v0: { mac: "02:00:00:00:03:01", address: "10.70.0.0" } });
    // Already fired: ping and arping look at it and end.
    const signal = AbortSignal.abort();
    const word = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...ARGUMENTS) },
      { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
    );
    const line = fc
      .tuple(fc.constantFrom(...usable), fc.array(word, { maxLength: 9 }))
      .map(([path, words]) => [path, ...words].join(" "));
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        const { output, retval } = await runCli(dp, text, { hosts, signal });
        assert.ok(!output.includes("internal error"), output);
        assert.ok(retval === 0 || output !== "");
      }),
      { numRuns: Number(process.env["FUZZ_RUNS"] ?? 2500) },
    );
    assert.match((await runCli(dp, "show interface", { hosts })).output, /^local0 /m);
    dp.close();
  });
});
