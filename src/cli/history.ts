import type { Command } from "commander";
import type { Actor, HistoryEntry, HistoryQuery } from "../control/types.ts";
import { action, CliError, examples, EXIT, integer, type Context } from "./context.ts";
import { withHistory, type PastOptions } from "./past.ts";
import { formatTable, percent } from "./table.ts";
import { localTime, moment, zoneName } from "./time.ts";

export function registerHistory(program: Command): void {
  const command = program
    .command("history")
    .summary("what was applied when, why and by whom")
    .description(
      "Lists what the controller did to VPP, newest first, or shows one entry in full. Asks the controller that runs; " +
        "where none does, its state file is read.",
    )
    .argument("[id]", "one entry, in full", integer(1, Number.MAX_SAFE_INTEGER))
    .option("--since <time>", "entries from then on: ISO 8601, 14:03, -10m", (text: string) => moment(text))
    .option("--until <time>", "entries before then", (text: string) => moment(text))
    .option("--vip <vip>", 'only what concerned this VIP: "10.2.2.0/24", "10.2.2.0/24 tcp/5001"')
    .option("--server <address>", "only what concerned this server")
    .option("--limit <count>", "at most so many", integer(1, 10_000), 50)
    .option("-f, --file <file>", "configuration that says where controller and state file are")
    .option("--journal <file>", "read this state file, whatever runs")
    .action(action(history));
  examples(command, [
    "vpplb history --since -1h",
    "vpplb history --vip 10.2.2.0/24 --since 2026-11-20 --limit 5",
    "vpplb history 42",
    "vpplb history 42 --json | jq .desired",
  ]);
}

interface Options extends PastOptions {
  readonly since?: string;
  readonly until?: string;
  readonly vip?: string;
  readonly server?: string;
  readonly limit: number;
}

async function history(context: Context, id: number | undefined, options: Options): Promise<void> {
  const { since, until, vip, server, limit } = options;
  if (id !== undefined && [since, until, vip, server].some((one) => one !== undefined)) {
    throw new CliError(EXIT.badInput, "an entry that is named by its number is one: give no filter with it");
  }
  const query: HistoryQuery = {
    ...(id === undefined ? { limit } : { id }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(vip === undefined ? {} : { vip: await canonicalVip(vip) }),
    ...(server === undefined ? {} : { server: await canonicalServer(server) }),
  };
  const entries = await withHistory(context, options, (api) => api.history(query));
  if (context.json) return context.printJson(id === undefined ? entries : entries[0]);
  if (id !== undefined) for (const entry of entries) printEntry(context, entry);
  else if (entries.length === 0) context.note("vpplb: nothing was recorded that fits");
  else printList(context, entries);
  if (entries.length === limit) context.note(`vpplb: the newest ${limit}; more with --limit`);
}

async function canonicalVip(text: string): Promise<string> {
  const { canonicalPrefix } = await import("../bridge/index.ts");
  const match = /^(\S+)(?: (tcp|udp)[/ ](\d+))?$/.exec(text.trim());
  try {
    const prefix = canonicalPrefix(match?.[1] ?? text);
    return match?.[2] === undefined ? prefix : `${prefix} ${match[2]}/${match[3]}`;
  } catch (cause) {
    throw new CliError(EXIT.badInput, `"${text}" is no VIP: write "10.2.2.0/24" or "10.2.2.0/24 tcp/5001"`, { cause });
  }
}

async function canonicalServer(text: string): Promise<string> {
  const { canonicalAddress } = await import("../bridge/index.ts");
  try {
    return canonicalAddress(text);
  } catch (cause) {
    throw new CliError(EXIT.badInput, `"${text}" is not an address`, { cause });
  }
}

function printList({ print, colors }: Context, entries: readonly HistoryEntry[]): void {
  const rows = entries.map((entry) => [
    entry.id,
    localTime(entry.at),
    entry.cause,
    whoOf(entry.by),
    entry.result,
    entry.done,
    entry.failed,
    percent(entry.moved),
    whatOf(entry),
  ]);
  const head = ["ID", `TIME (${zoneName()})`, "CAUSE", "BY", "RESULT", "DONE", "FAILED", "MOVED", "WHAT"];
  print(
    formatTable(head, rows, (text, column, row) => {
      if (row === undefined) return colors.bold(text);
      return column === 4 ? painted(colors, row[4] as HistoryEntry["result"], text) : text;
    }),
  );
}

function painted(colors: Context["colors"], result: HistoryEntry["result"], text: string): string {
  if (result === "ok") return colors.green(text);
  return result === "paced" ? colors.yellow(text) : colors.red(text);
}

function whoOf(by: Actor | undefined): string | undefined {
  return by && (by.user ?? `uid ${by.uid}`);
}

function whatOf({ reason, vips, message, result, repeats }: HistoryEntry): string {
  const some = vips.length > 2 ? `${vips.slice(0, 2).join(", ")} and ${vips.length - 2} more` : vips.join(", ");
  const why = result === "ok" || message === undefined ? "" : `: ${message}`;
  const again = repeats === undefined ? "" : ` (${repeats} times more)`;
  return `${reason}${some === "" ? "" : ` [${some}]`}${why}${again}`;
}

function printEntry({ print, colors }: Context, entry: HistoryEntry): void {
  const field = (name: string, text: string) => print(`${colors.bold(name.padEnd(10))}${text}`);
  const { vpp, by, repeats, repeatedAt } = entry;
  field("entry", `${entry.id}`);
  field("time", `${localTime(entry.at)} to ${localTime(entry.endedAt)} (${zoneName()}); ${entry.at}`);
  field("cause", `${entry.cause}: ${entry.reason}`);
  if (by !== undefined)
    field("by", `${by.user ?? "?"} (uid ${by.uid}${by.pid === undefined ? "" : `, pid ${by.pid}`})`);
  field("result", painted(colors, entry.result, entry.result));
  if (entry.message !== undefined && entry.result !== "ok") field("", colors.red(entry.message));
  if (repeats !== undefined) field("repeated", `at least ${repeats} times, until ${repeatedAt ?? "?"}`);
  if (vpp !== undefined) {
    const started = vpp.startedAt === undefined ? "" : `, started ${vpp.startedAt}`;
    field("VPP", `${vpp.version}, pid ${vpp.pid}${started} (number ${vpp.incarnation})`);
  }
  const operations = entry.operations ?? [];
  field("did", `${entry.done} done, ${entry.failed} failed`);
  for (const { sentence, result, error } of operations) {
    if (result === "done") print(`  ${colors.green("done")} ${sentence}`);
    else print(`  ${colors.red("failed")} ${sentence}: ${error ?? "?"}`);
  }
  const left = entry.done + entry.failed - operations.length;
  if (left > 0) print(`  and ${left} more that were not kept`);
  for (const problem of entry.problems ?? []) print(`  ${colors.red("problem")} ${problem}`);
  const rows = (entry.disruption ?? []).map((one) => [one.vip, percent(one.moved), percent(one.least), one.flowsLost]);
  if (rows.length > 0) print(`\n${formatTable(["VIP", "MOVED", "LEAST", "STICKY LOST"], rows)}`);
}
