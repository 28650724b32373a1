import { fileURLToPath } from "node:url";
import { rateFigure, timeFigure, type Figure } from "./figure.ts";
import { forwarded } from "./forward.ts";
import { benchVppForwarding, type Program, type Setting } from "./forwarding-vpp.ts";
import type { ForwardingResult } from "./forwarding.ts";
import { median, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";

const COMMON = { seconds: 1.5, frameBytes: 60, flows: 1000 } as const;
const MOST_ROUNDS = 3;

const CASES: Readonly<Record<string, Setting>> = {
  "1 flow": { ...COMMON, flows: 1 },
  "100 flows": { ...COMMON, flows: 100 },
  "10,000 flows": { ...COMMON, flows: 10_000 },
  "10 servers": { ...COMMON, servers: 10 },
  "1,000 servers": { ...COMMON, servers: 1000 },
  "1 flow rule": { ...COMMON, rules: 1 },
  "50 flow rules": { ...COMMON, rules: 50 },
};

/** How forwarding depends on flows, servers and flow rules: the embedded dataplane as a process beside a real VPP. */
export async function benchForwardCases(context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, setting] of Object.entries(CASES)) {
    context.say(`forwarding-cases: ${name}`);
    figures.push(...(await oneCase(name, setting, context)));
  }
  return figures;
}

function embedded(): Program {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const role = fileURLToPath(new URL(`./role.${extension}`, import.meta.url));
  return { program: process.execPath, args: [...process.execArgv, role, "dataplane"] };
}

async function oneCase(name: string, setting: Setting, { vppCommand, rounds }: BenchContext): Promise<Figure[]> {
  const results: Record<"ours" | "theirs", ForwardingResult[]> = { ours: [], theirs: [] };
  const measured = (whose: "ours" | "theirs", program: string | Program) => () =>
    forwarded(results[whose], () => benchVppForwarding(program, setting));
  const turns = Math.min(rounds, MOST_ROUNDS);
  // The first turn, in which things warm up, does not count.
  const cpu = (whose: "ours" | "theirs") => results[whose].slice(1).map((result) => result.cpuUsPerPacket);
  if (vppCommand === undefined) {
    const { ours } = await takeTurns(turns, { ours: measured("ours", embedded()) });
    return [
      { name, unit: "/s", ours: median(ours) },
      { name: `${name}, CPU a packet`, unit: "us", ours: median(cpu("ours")) },
    ];
  }
  const { ours, theirs } = await takeTurns(turns, {
    ours: measured("ours", embedded()),
    theirs: measured("theirs", vppCommand),
  });
  const beside = { name: "VPP", values: cpu("theirs") };
  return [
    rateFigure(name, ours, { name: "VPP", values: theirs }),
    { ...timeFigure(`${name}, CPU a packet`, cpu("ours"), beside), unit: "us" },
  ];
}
