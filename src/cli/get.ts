import { Argument, type Command } from "commander";
import { ROW_KINDS } from "../control/defaults.ts";
import type { Row, RowKind } from "../control/types.ts";
import { withApi } from "./connect.ts";
import { action, examples, type Context } from "./context.ts";
import { formatTable } from "./table.ts";

export function registerGet(program: Command): void {
  const command = program
    .command("get")
    .summary("list VIPs, streams, flows, servers, interfaces, memifs, ACLs and the like")
    .description(
      "Lists the objects of a kind: what is desired and what VPP holds; also those of others, marked foreign.",
    )
    .addArgument(new Argument("<kind>", "what to list").choices(ROW_KINDS))
    .option("--internals", "tell also what streams and flows are made of inside VPP")
    .action(action(get));
  examples(command, [
    "vpplb get vips",
    "vpplb get flows",
    "vpplb get servers --json | jq -r '.[] | select(.state != \"ok\").key'",
  ]);
}

async function get(context: Context, kind: RowKind, { internals = false }: { internals?: boolean }): Promise<void> {
  const rows = await withApi(context, {}, (api) => api.get(kind, { internals }));
  if (context.json) return context.printJson(rows);
  if (rows.length === 0) return context.note(`vpplb: there are no ${kind}`);
  context.print(tableOf(context, rows));
}

function tableOf({ colors }: Context, rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.columns)))];
  // The state is the last word of every line.
  const columns = [...names.filter((name) => name !== "state"), "state"];
  const head = columns.map((name) => name.replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase());
  const cells = rows.map((row) => columns.map((name) => (name === "state" ? row.state : row.columns[name])));
  return formatTable(head, cells, (text, column, row) => {
    if (row === undefined) return colors.bold(text);
    if (column !== columns.length - 1) return text;
    const state = text.trim();
    if (state === "ok") return colors.green(text);
    return state === "foreign" ? colors.dim(text) : colors.yellow(text);
  });
}
