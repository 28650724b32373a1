import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runCli } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { blocks, mask, maskIndexes } from "./mask.ts";
import { SimulatedHosts } from "./simulated.ts";

/**
 * About 500 lines given to a VPP 26.06 in a namespace of its own with a device v0 that nobody answers on, right input
 * and wrong; the answers are in data/. Each file is one session from a fresh start.
 */
const SESSIONS = ["vpp-26.06-1.txt", "vpp-26.06-2.txt", "vpp-26.06-3.txt"];

/** What answers differently, by file and command, and why. Every entry must still differ. */
const DIFFERENT: readonly (readonly [file: string, command: RegExp, reason: string])[] = [
  ["vpp-26.06-1.txt", /^show ip fib$/, "VPP never gives the arc number of a deleted adjacency to another interface"],
];

function lines(text: string): string {
  return (
    text
      // VPP reads an uninitialised argument here and prints the features in one of two layouts (l2_bd.c:1258).
      .replace(/^( *[A-Z0-9_]+ \([-a-z0-9]+\)\n)+/gm, "FEATURES\n")
      .replace(/^span-l2-input .*\n/gm, "FEATURES\n")
      // The device section of a host-interface is the kernel device's.
      .replace(/^ {2}(?:FEATURES|Host Interface Offload):\n(?: {2,}.*\n?)*/gm, "")
      .replace(/^\S+e\d+ routes\/sec/gm, "N routes/sec")
      .trimEnd()
  );
}

/** Addresses in VPP's hash order, ours in the order of learning. */
function arrange(command: string, text: string): string {
  return /l2fib/.test(command) ? text.split("\n").sort().join("\n") : text;
}

describe("lines given to VPP 26.06 and to us", () => {
  for (const file of SESSIONS) {
    it(file, async function () {
      this.timeout(60_000);
      const session = blocks(readFileSync(fileURLToPath(new URL(`data/${file}`, import.meta.url)), "utf8"));
      const dp = new Dataplane();
      const hosts = new SimulatedHosts({ v0: { mac: "02:00:00:00:03:01", address: "0.0.0.0" } });
      const wrong: string[] = [];
      const seen = new Set<unknown>();
      for (const { command, output } of session) {
        const answer = await runCli(dp, `${command}\n`, { hosts });
        const [expected, actual] = [output, answer.output].map((text) =>
          arrange(command, lines(maskIndexes(mask(text)))),
        );
        if (expected === actual) continue;
        const known = DIFFERENT.find(([in_, pattern]) => in_ === file && pattern.test(command));
        if (known !== undefined) {
          seen.add(known);
          continue;
        }
        wrong.push(`# ${command}\n--- VPP\n${expected}\n--- ours\n${actual}`);
      }
      dp.close();
      assert.equal(wrong.length, 0, wrong.join("\n\n"));
      const stale = DIFFERENT.filter((entry) => entry[0] === file && !seen.has(entry));
      assert.deepEqual(stale, [], "listed as different, but equal now");
    });
  }
});
