/** A cell: text, number (to the right) or nothing. */
export type Cell = string | number | boolean | undefined;

/** Lines with aligned columns; a column is to the right where all its cells are numbers. `paint` sees padded text. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: (text: string, column: number, row: readonly Cell[] | undefined) => string = (text) => text,
): string {
  const texts = rows.map((row) => head.map((_, i) => cellText(row[i])));
  const widths = head.map((title, i) => Math.max(width(title), ...texts.map((row) => width(row[i] ?? ""))));
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i])));
  const line = (cells: readonly string[], row: readonly Cell[] | undefined): string => {
    const last = cells.length - 1;
    const padded = cells.map((cell, i) => {
      const fill = " ".repeat((widths[i] ?? 0) - width(cell));
      const text = numeric[i] === true ? fill + cell : i === last ? cell : cell + fill;
      return paint(text, i, row);
    });
    return padded.join("  ").trimEnd();
  };
  return [line(head, undefined), ...texts.map((cells, i) => line(cells, rows[i]))].join("\n");
}

function cellText(cell: Cell): string {
  if (cell === undefined || cell === "") return "-";
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  return String(cell);
}

function isNumeric(cell: Cell): boolean {
  return typeof cell === "number" || cell === undefined || (typeof cell === "string" && /^[\d.]+ ?%$/.test(cell));
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}

/** `1 VIP`, `2 VIPs`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
