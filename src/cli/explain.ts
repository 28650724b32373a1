import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { ExplainResult, Flow, PastExplanation } from "../control/types.ts";
import { withApi } from "./connect.ts";
import { action, CliError, examples, EXIT, type Context } from "./context.ts";
import { parseFlows, parseOffline, protocolName } from "./flows.ts";
import { withHistory, type PastOptions } from "./past.ts";
import { localTime, moment } from "./time.ts";
import { noteFindings } from "./file.ts";
import { formatEnd } from "./format.ts";

const OFFLINE = `
--offline with flows reads a lb.yaml and needs no VPP: where the flows go in a VPP that holds it, streams and flows too.
Servers that are drained by command are not in the file. --weights: as a VPP that has weights (26.10) does it.
--offline without flows reads JSON that has them:
  {"vip": "10.2.2.0/24", "encap": "gre4", "tableSize": 1024, "as": ["10.60.1.2", "10.60.1.3"],
   "flows": [["192.0.2.1", "10.2.2.33", "tcp", 1234, 5001]]}
further: "protocol" and "port" (a per-port VIP), "srcIpSticky": true, "weights": [1, 2] (then VPP 26.10's table).
It prints {"buckets": {server: slots}, "flows": [server, ...]}; null: no server.`;

export function registerExplain(program: Command): void {
  const command = program
    .command("explain")
    .summary("where a flow goes, and why")
    .description(
      "Follows flows as they arrive from outside: VIP, flow, stream, hash, slot, server; checked against VPP's own table.",
    )
    .argument("[flow...]", "SRC:PORT DST:PORT [tcp|udp], or SRC DST sctp|icmp|NUMBER")
    .option("--at <time>", "which server it had then: ISO 8601, 14:03, -10m", (text: string) => moment(text))
    .option("-f, --file <file>", "with --at: configuration that says where controller and state file are")
    .option("--journal <file>", "with --at: read this state file, whatever runs")
    .option("--offline <file>", "compute from this lb.yaml or JSON instead; - is standard input")
    .option("--weights", "with --offline and a lb.yaml: as VPP 26.10 and later, which have weights")
    .addHelpText("after", OFFLINE)
    .action(action(explain));
  examples(command, [
    "vpplb explain 192.0.2.1:1234 10.2.2.33:5001 tcp",
    "vpplb explain '[2001:db8::1]:1234' '[2001:db8:2::33]:5001'",
    "vpplb explain 192.0.2.1:1234 10.2.2.33:5001 --at 14:03",
    "vpplb explain 192.0.2.1:1234 10.2.2.33:5001 --offline lb.yaml",
    "vpplb explain --offline table.json",
    "echo '{...}' | vpplb explain --offline -",
  ]);
}

interface Options extends PastOptions {
  readonly offline?: string;
  readonly weights?: boolean;
  readonly at?: string;
}

async function explain(context: Context, words: string[], options: Options): Promise<number> {
  const { offline, at } = options;
  const flows = parseFlows(words);
  if (offline !== undefined) {
    if (at !== undefined) throw new CliError(EXIT.badInput, "--offline knows no past: leave --at or --offline away");
    return flows.length > 0
      ? explainConfig(context, flows, offline, options.weights ?? false)
      : explainFile(context, offline, options);
  }
  if (options.weights)
    throw new CliError(EXIT.badInput, "--weights is for --offline: a VPP that runs tells what it has");
  if (flows.length === 0) throw new CliError(EXIT.badInput, "which flow? vpplb explain SRC:PORT DST:PORT tcp");
  if (at !== undefined) return explainPast(context, flows, at, options);
  const results = await withApi(context, {}, async (api) => {
    const found: ExplainResult[] = [];
    for (const flow of flows) found.push(await api.explain(flow));
    return found;
  });
  if (context.json) context.printJson(results.length === 1 ? results[0] : results);
  else for (const result of results) print(context, result);
  return results.every(({ server }) => server !== undefined) ? EXIT.ok : EXIT.failed;
}

async function explainPast(
  context: Context,
  flows: readonly Flow[],
  at: string,
  options: PastOptions,
): Promise<number> {
  const results = await withHistory(context, options, async (api) => {
    const found: PastExplanation[] = [];
    for (const flow of flows) found.push(await api.explainAt(flow, at));
    return found;
  });
  if (context.json) context.printJson(results.length === 1 ? results[0] : results);
  else for (const result of results) printPast(context, result);
  return results.every(({ server }) => server !== undefined) ? EXIT.ok : EXIT.failed;
}

const CERTAINTY: Readonly<Record<PastExplanation["certainty"], string>> = {
  certain: "certain",
  "new-flows": "certain for a flow that began then",
  presumed: "presumed: no controller watched VPP then",
  unclear: "unclear: the table was changing",
  unknown: "not known",
};

function printPast({ print, colors }: Context, result: PastExplanation): void {
  const { src, srcPort, dst, dstPort, protocol } = result.flow;
  const to = result.server === undefined ? colors.red("no server") : colors.green(result.server);
  const where = result.certainty === "unknown" ? colors.yellow("?") : to;
  print(
    `${formatEnd(src, srcPort)} -> ${formatEnd(dst, dstPort)} ${protocolName(protocol)} at ${localTime(result.at)}: ${where}`,
  );
  print(`  ${CERTAINTY[result.certainty]}`);
  for (const step of result.steps) print(`  ${step}`);
  const others = new Set(result.candidates.map((one) => one.server));
  if (others.size <= 1 && result.certainty !== "unclear") return;
  print("  where the flow was, by when it began:");
  for (const { from, until, server } of result.candidates) {
    print(
      `    ${localTime(from)} ${until === undefined ? "and later" : `to ${localTime(until)}`}: ${server ?? "no server"}`,
    );
  }
}

/** Flows through a VPP that would hold a lb.yaml. */
async function explainConfig(
  context: Context,
  flows: readonly Flow[],
  file: string,
  weights: boolean,
): Promise<number> {
  const name = file === "-" ? "standard input" : file;
  const { parseLbYaml } = await import("../config/index.ts");
  const { state, diagnostics } = parseLbYaml(await readInput(file, name));
  if (state === undefined) {
    await noteFindings(context, name, diagnostics);
    throw new CliError(EXIT.badInput, `${name} has errors: with flows behind it --offline reads a lb.yaml`);
  }
  const { explainForeseen } = await import("../roles/foreseen.ts");
  const results = flows.map((flow) => explainForeseen(flow, state, weights));
  if (context.json) context.printJson(results.length === 1 ? results[0] : results);
  else for (const result of results) print(context, result);
  return results.every(({ server }) => server !== undefined) ? EXIT.ok : EXIT.failed;
}

async function explainFile(context: Context, file: string, { weights }: Options): Promise<number> {
  const name = file === "-" ? "standard input" : file;
  if (/\.ya?ml$/.test(file)) {
    throw new CliError(EXIT.badInput, `which flow? vpplb explain SRC:PORT DST:PORT tcp --offline ${file}`);
  }
  if (weights) throw new CliError(EXIT.badInput, 'JSON has "weights" itself: leave --weights away');
  const { input, unknown } = await parseOffline(await readInput(file, name), name);
  for (const key of unknown) context.note(`vpplb: ${name}: "${key}" means nothing here and is ignored`);
  const { explainOffline } = await import("../maglev/index.ts");
  // The answer is JSON with and without --json; one line, for other programs.
  context.print(JSON.stringify(explainOffline(input)));
  return EXIT.ok;
}

async function readInput(file: string, name: string): Promise<string> {
  try {
    if (file !== "-") return await readFile(file, "utf8");
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    throw new CliError(EXIT.badInput, `cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

function print({ print, colors }: Context, { flow, server, vip, rule, stream, checked, steps }: ExplainResult): void {
  const { src, srcPort, dst, dstPort, protocol } = flow;
  const to = server === undefined ? colors.red("no server") : colors.green(server);
  const mark = server === undefined ? "" : checked ? " (checked against VPP)" : colors.yellow(" (not checked)");
  print(`${formatEnd(src, srcPort)} -> ${formatEnd(dst, dstPort)} ${protocolName(protocol)}: ${to}${mark}`);
  const way = [vip && `VIP ${vip}`, rule && `flow ${rule}`, stream && `stream ${stream}`].filter((one) => one);
  if (way.length > 0) print(`  ${way.join(" -> ")}`);
  for (const step of steps) print(`  ${step}`);
}
