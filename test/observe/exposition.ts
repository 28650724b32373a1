import assert from "node:assert/strict";

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** Reads Prometheus' text format strictly: HELP and TYPE first, no sample twice. @throws AssertionError */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  let family: Family | undefined;
  assert.ok(text.endsWith("\n"), "ends with a newline");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment?.[1] === "HELP") {
      help = { name: comment[2]!, text: comment[3]! };
      continue;
    }
    if (comment?.[1] === "TYPE") {
      assert.equal(help?.name, comment[2], `HELP before TYPE: ${line}`);
      assert.ok(!families.has(comment[2]!), `once: ${line}`);
      family = { name: comment[2]!, type: comment[3]!, help: help!.text, samples: [] };
      families.set(family.name, family);
      continue;
    }
    const match = SAMPLE.exec(line);
    assert.ok(match !== null && family !== undefined, line);
    const [, name = "", labelText = "", value = ""] = match;
    const suffix = name.slice(family.name.length);
    const suffixes =
      family.type === "histogram"
        ? ["_bucket", "_sum", "_count"]
        : family.type === "summary"
          ? ["", "_sum", "_count"]
          : [""];
    assert.ok(name.startsWith(family.name) && suffixes.includes(suffix), `${line} in ${family.name}`);
    const key = line.slice(0, line.length - value.length);
    assert.ok(!seen.has(key), `once: ${line}`);
    seen.add(key);
    assert.ok(!Number.isNaN(Number(value.replace("+Inf", "Infinity"))) || value === "Nan", line);
    family.samples.push({ name, labels: parseLabels(labelText), value: Number(value) });
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    assert.ok(match !== null, `labels ${text}`);
    labels[match[1]!] = match[2]!.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return labels;
}

/** What promtool's lint says of names and texts, and a little more. */
export function lint(
  { name, type, help }: Pick<Family, "name" | "type" | "help">,
  labels: readonly string[] = [],
): string[] {
  const faults: string[] = [];
  const check = (ok: boolean, fault: string) => void (ok || faults.push(`${name}: ${fault}`));
  check(/^[a-z][a-z0-9_]*$/.test(name), "lower case, digits, underscores");
  check(help.trim().length > 10, "says what it is");
  check((type === "counter") === name.endsWith("_total"), "counters, and they alone, end in _total");
  check(!/_(bucket|count|sum|info_total)$/.test(name), "a suffix that is reserved");
  check(
    !/(milli|micro|nano)?second(?!s)|_(ms|us|ns|minutes|hours|days|kb|mb|gb|kilobytes|megabytes|bits|percent)(_|$)/.test(
      name,
    ),
    "base units: seconds, bytes, ratio",
  );
  check(!/milliseconds|microseconds/.test(name), "base units");
  check(
    !/(_|^)(gauge|counter|histogram|metric)(_|$)/.test(name.replace(/^vpplb_metrics_/, "")),
    "its type is not in its name",
  );
  check(!/timestamp|start_time/.test(name) || name.endsWith("_seconds"), "times are Unix seconds");
  for (const label of labels) {
    check(/^[a-z][a-z0-9_]*$/.test(label) && label !== "le" && label !== "quantile", `label ${label}`);
  }
  return faults;
}

/** Cells of a Markdown table, whatever its padding. */
export function cells(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("|") && !/^\| *-/.test(line));
  return lines.map((line) => line.split("|").map((cell) => cell.trim()));
}
