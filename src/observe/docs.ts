import { EVENTS } from "./events.ts";
import type { Registry } from "prom-client";

/** A table of Markdown, as prettier writes it but for the padding. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const code = (text: string) => `\`${text}\``;

/** The table of docs/events.md. */
export function eventTable(): string {
  const rows = Object.entries(EVENTS).map(([name, { level, when, fields }]) => {
    const list = Object.entries(fields as Record<string, string>).map(([field, type]) => `${code(field)} ${type}`);
    return [code(name), level, when, list.join(", ")];
  });
  return table(["event", "level", "when", "fields"], rows);
}

/** Of prom-client's types, what the documentation needs. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly labelNames?: readonly string[];
}

/** A table of docs/metrics.md: every metric of the registries, by name. */
export function metricTable(registries: readonly Registry[]): string {
  const metrics = registries.flatMap((registry) => registry.getMetricsAsArray() as unknown as Described[]);
  const rows = metrics
    .map(({ name, help, type, labelNames = [] }) => [code(name), String(type), labelNames.map(code).join(", "), help])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return table(["metric", "type", "labels", "what"], rows);
}

/** The text with what is between `<!-- NAME -->` and `<!-- /NAME -->` replaced. @throws RangeError without such a place */
export function insert(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new RangeError(`no place ${begin} ... ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}
