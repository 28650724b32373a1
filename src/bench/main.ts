import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchApi, benchEmbeddedApi } from "./api.ts";
import { benchBulk } from "./bulk.ts";
import { benchChange } from "./change.ts";
import { BenchError } from "./errors.ts";
import { benchForwardCases } from "./forward-cases.ts";
import { benchForward } from "./forward.ts";
import { benchIdle } from "./idle.ts";
import { benchLatency } from "./latency.ts";
import { benchMaglev } from "./maglev.ts";
import { benchMemif } from "./memif.ts";
import { benchNsm } from "./nsm.ts";
import type { BenchContext, Section, SectionResult } from "./section.ts";
import { formatTable } from "./table.ts";
import { serve } from "./target.ts";

const SECTIONS: Readonly<Record<string, Section>> = {
  api: benchApi,
  "api-embedded": benchEmbeddedApi,
  bulk: benchBulk,
  change: benchChange,
  latency: benchLatency,
  maglev: benchMaglev,
  idle: benchIdle,
  forwarding: benchForward,
  "forwarding-cases": benchForwardCases,
  memif: benchMemif,
  nsm: benchNsm,
};

const HELP = `usage: npm run bench -- [SECTION...] [--vpp SOCKET] [--rounds N] [--json FILE|-]

Measures, and compares within the same run. Nothing is asserted; what cannot be measured here is skipped with the reason.
Sections: ${Object.keys(SECTIONS).join(", ")} (default: all)

  --vpp SOCKET   API socket of a real VPP that is there for tests. Default: VPPLB_VPP_API
  --rounds N     turns that each contestant gets (default 7); figures are medians
  --json FILE    writes the figures as JSON; "-" is standard output, the table then goes to standard error

  VPPLB_VPP_COMMAND  runs a VPP in the directory that is its first argument, in the foreground, with api.sock in it:
                     where it is set a VPP is started where none is named, and ended afterwards

  npm run bench -- maglev
  npm run bench -- api bulk --vpp /run/vpp/api.sock --json bench.json
`;

interface Arguments {
  readonly sections: readonly string[];
  readonly vpp: string | undefined;
  readonly rounds: number;
  readonly json: string | undefined;
  readonly help: boolean;
}

/** @throws BenchError USAGE */
function readArguments(argv: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        vpp: { type: "string" },
        rounds: { type: "string", default: "7" },
        json: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const unknown = positionals.find((name) => !(name in SECTIONS));
    if (unknown !== undefined)
      throw new Error(`no section "${unknown}"; there are ${Object.keys(SECTIONS).join(", ")}`);
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) throw new Error("--rounds takes 1 to 1000");
    return {
      sections: positionals.length > 0 ? positionals : Object.keys(SECTIONS),
      vpp: values.vpp ?? process.env["VPPLB_VPP_API"],
      rounds,
      json: values.json,
      help: values.help,
    };
  } catch (error) {
    throw new BenchError("USAGE", (error as Error).message, { cause: error });
  }
}

async function runSection(name: string, context: BenchContext): Promise<SectionResult> {
  context.say(`${name} ...`);
  try {
    return { section: name, figures: await SECTIONS[name]!(context) };
  } catch (error) {
    if (BenchError.is(error, "SKIP")) return { section: name, figures: [], skipped: error.message };
    return { section: name, figures: [], error: error instanceof Error ? error.message : String(error) };
  }
}

async function runSections(args: Arguments): Promise<SectionResult[]> {
  const vppCommand = process.env["VPPLB_VPP_COMMAND"];
  const wanted = args.sections.some((name) => name === "api" || name === "bulk");
  const started =
    args.vpp === undefined && vppCommand !== undefined && wanted
      ? await serve(vppCommand, (directory) => [directory], vppCommand)
      : undefined;
  const context: BenchContext = {
    vpp: args.vpp ?? started?.socket,
    vppCommand,
    rounds: args.rounds,
    say: (text) => process.stderr.write(`${text}\n`),
  };
  const results: SectionResult[] = [];
  try {
    for (const name of args.sections) results.push(await runSection(name, context));
  } finally {
    await started?.stop();
  }
  return results;
}

/** @returns the exit code: 0, 1 where a section failed, 2 for a bad command line */
async function main(argv: readonly string[]): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments(argv);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (args.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const results = await runSections(args);
  const toStdout = args.json === "-";
  const out = toStdout ? process.stderr : process.stdout;
  out.write(formatTable(results, out.isTTY && process.env["NO_COLOR"] === undefined));
  if (args.json !== undefined) {
    const text = `${JSON.stringify({ node: process.version, rounds: args.rounds, results }, undefined, 2)}\n`;
    if (toStdout) process.stdout.write(text);
    else writeFileSync(args.json, text);
  }
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
