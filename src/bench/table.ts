import pc from "picocolors";
import type { Figure } from "./figure.ts";
import type { SectionResult } from "./section.ts";

const HEADINGS = ["figure", "ours", "beside", "ratio", "goal"] as const;

/** The results as one table, then what was skipped and why. */
export function formatTable(results: readonly SectionResult[], color: boolean): string {
  const paint = pc.createColors(color);
  const rows = results.flatMap(({ section, figures }) => figures.map((figure) => cells(section, figure)));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 || column === 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  const lines = rows.length === 0 ? [] : [paint.bold(line(HEADINGS)), ...rows.map(line)];
  for (const { section, skipped, error } of results) {
    if (skipped !== undefined) lines.push(paint.yellow(`${section}: skipped: ${skipped}`));
    if (error !== undefined) lines.push(paint.red(`${section}: failed: ${error}`));
  }
  return `${lines.join("\n")}\n`;
}

function cells(section: string, { name, unit, ours, other, ratio, goal }: Figure): string[] {
  return [
    `${section}: ${name}`,
    quantity(ours, unit),
    other === undefined ? "" : `${quantity(other.value, unit)} ${other.name}`,
    ratio === undefined ? "" : `${ratio.toFixed(2)}x`,
    goal ?? "",
  ];
}

/** `31,200 /s`, `4.21 ms` */
export function quantity(value: number, unit: string): string {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  return `${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}
