import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { ControllerStatus, ReplicaStatus } from "../control/types.ts";
import { withApi } from "./connect.ts";
import { action, examples, EXIT, type Context } from "./context.ts";
import { formatTable, plural } from "./table.ts";

export function registerStatus(program: Command): void {
  const command = program
    .command("status")
    .summary("where controller and VPP stand")
    .description("Shows where the controller stands: VPP, configuration, what is pending, failed or drained.")
    .option("--exit-code", "exit with 1 unless a controller runs, VPP is in sync and replicas agree")
    .option(
      "--compare <file-or-url...>",
      "tell where VIPs' tables differ from another controller's: its /digests, or a file of `status --json`",
    )
    .action(action(status));
  examples(command, [
    "vpplb status",
    "vpplb status --exit-code > /dev/null || echo not in sync",
    "vpplb status --json | jq -r .sync.state",
    "vpplb status --compare http://10.0.0.2:9101/digests",
  ]);
}

interface StatusOptions {
  readonly exitCode?: boolean;
  readonly compare?: readonly string[];
}

async function status(context: Context, { exitCode = false, compare = [] }: StatusOptions): Promise<number> {
  return withApi(context, {}, async (api, direct) => {
    const own = await api.status();
    const compared = await Promise.all(compare.map((source) => compareWith(source, own.tables)));
    const found = { ...own, replicas: [...own.replicas, ...compared] };
    if (context.json) context.printJson({ controller: !direct, ...found });
    else print(context, found, direct);
    const apart = found.replicas.some(({ state }) => state === "differs" || state === "unreachable");
    return exitCode && (direct || apart || found.sync.state !== "in-sync") ? EXIT.failed : EXIT.ok;
  });
}

function print(
  context: Context,
  { vpp, config, sync, drains, counts, uptimeS, replicas }: ControllerStatus,
  direct: boolean,
) {
  const { colors, print } = context;
  const field = (name: string, text: string) => print(`${colors.bold(name.padEnd(14))}${text}`);
  const good = (ok: boolean, text: string) => (ok ? colors.green(text) : colors.red(text));
  field("controller", direct ? "none runs" : `up ${uptimeS} s, ${plural(counts.operations, "operation")} done`);
  const version = vpp.version === undefined ? "" : ` ${vpp.version}, pid ${vpp.pid ?? "?"}`;
  const error = vpp.error === undefined ? "" : `: ${vpp.error}`;
  field("VPP", `${good(vpp.state === "ready", vpp.state)}${version} on ${vpp.socket} since ${vpp.since}${error}`);
  for (const warning of vpp.warnings) field("", colors.yellow(warning));
  if (direct) return;
  field("configuration", `${config.file ?? "-"}${config.loadedAt === undefined ? "" : `, loaded ${config.loadedAt}`}`);
  if (config.error !== undefined) field("", colors.red(`not as the file is now: ${config.error}`));
  for (const warning of config.warnings) field("", colors.yellow(warning));
  field("state", good(["in-sync", "applying", "paced"].includes(sync.state), sync.state));
  for (const sentence of sync.pending) field("pending", sentence);
  for (const { sentence, error: why, attempts } of sync.failed) {
    field("failed", colors.red(`${sentence}: ${why} (${plural(attempts, "attempt")})`));
  }
  for (const { object, message } of sync.problems) field("problem", colors.red(`${object}: ${message}`));
  for (const warning of sync.warnings) field("warning", colors.yellow(warning));
  for (const foreign of sync.foreign) field("foreign", `left alone: ${foreign}`);
  for (const { server, vip, since, deadlineAt } of drains) {
    field(
      "draining",
      `${server}${vip === undefined ? "" : ` of ${vip}`} since ${since}, until ${deadlineAt ?? "undone"}`,
    );
  }
  for (const { url, state, error: why, disagreements } of replicas) {
    field("replica", `${url}: ${good(state === "agrees", state)}${why === undefined ? "" : `: ${why}`}`);
    for (const { vip, reasons } of disagreements) field("", colors.red(`${vip}: ${reasons.join("; ")}`));
  }
  const { vips, streams, flowRules, servers, interfaces, bridges, routes, flows } = counts;
  print("");
  print(
    formatTable(
      ["VIPS", "STREAMS", "FLOW RULES", "SERVERS", "INTERFACES", "BRIDGES", "ROUTES", "FLOWS"],
      [[vips, streams, flowRules, servers, interfaces, bridges, routes, flows]],
    ),
  );
}

const COMPARE_TIMEOUT_MS = 5000;

/** How the tables of a file, or of another controller's /digests, stand towards ours. */
async function compareWith(source: string, mine: ControllerStatus["tables"]): Promise<ReplicaStatus> {
  const [{ fetchDigests, parseDigests }, { compareTables }] = await Promise.all([
    import("../control/digests.ts"),
    import("../bridge/index.ts"),
  ]);
  const askedAt = new Date().toISOString();
  try {
    const theirs = /^https?:/.test(source)
      ? await fetchDigests(source, AbortSignal.timeout(COMPARE_TIMEOUT_MS))
      : parseDigests(await readFile(source, "utf8"));
    const disagreements = compareTables(mine, theirs);
    return { url: source, state: disagreements.length === 0 ? "agrees" : "differs", askedAt, disagreements };
  } catch (error) {
    return { url: source, state: "unreachable", askedAt, error: (error as Error).message, disagreements: [] };
  }
}
