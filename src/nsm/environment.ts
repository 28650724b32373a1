/** How programs of NSM are configured: by variables of the environment, with durations as Go writes them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The first of the variables that is set and not blank: its name, and what it says without blanks around. */
export function firstNamed(
  env: Environment,
  ...names: readonly string[]
): { readonly name: string; readonly value: string } | undefined {
  for (const name of names) {
    const value = env[name]?.trim() ?? "";
    if (value !== "") return { name, value };
  }
  return undefined;
}

/** What the first of the variables says that is set and not blank. */
export function firstOf(env: Environment, ...names: readonly string[]): string | undefined {
  return firstNamed(env, ...names)?.value;
}

/** Entries between commas or blanks; undefined where there is none. */
export function listOf(text: string | undefined): string[] | undefined {
  const entries = text?.split(/[\s,]+/).filter((entry) => entry !== "");
  return entries === undefined || entries.length === 0 ? undefined : entries;
}

/**
 * Labels of entries `app=web`, or `app:web` as envconfig writes maps; of a name that is there twice, the last.
 * @throws what `wrong` makes of an entry that is none
 */
export function labelsOf(entries: Iterable<string>, wrong: (entry: string) => Error): Record<string, string> {
  const labels = new Map<string, string>();
  for (const entry of entries) {
    const at = entry.search(/[=:]/);
    if (at < 1) throw wrong(entry);
    labels.set(entry.slice(0, at), entry.slice(at + 1));
  }
  // Not by assignment: a label may have any name, also those that every object has.
  return Object.fromEntries(labels);
}

/** A truth as Go's strconv.ParseBool reads it ("1", "t", "true" and their opposites), in any case; undefined where it is none. */
export function parseGoBool(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  if (["1", "t", "true"].includes(lower)) return true;
  return ["0", "f", "false"].includes(lower) ? false : undefined;
}

// Go takes the micro sign (U+00B5) and the Greek letter (U+03BC).
const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "\u00b5s": 1e3,
  "\u03bcs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy;
/** Go counts in 64 bits: about 292 years. */
const MOST_NS = 2 ** 63;
/** Of a fraction: what a double holds. */
const FRACTION_DIGITS = 15;

/**
 * A duration as Go's time.ParseDuration reads it: "15s", "1m30s", ".5h", "0"; to the nanosecond.
 * @returns ms, with a fraction where it is not whole; undefined where the text is no duration, negative, or above 292 years
 */
export function parseGoDuration(text: string): number | undefined {
  const body = text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0;
  let totalNs = 0;
  let at = 0;
  for (const [part, value = "", unit = ""] of body.matchAll(PART)) {
    totalNs += nanoseconds(value, UNIT_NS[unit] ?? NaN);
    at += part.length;
  }
  return body !== "" && at === body.length && totalNs < MOST_NS ? totalNs / 1e6 : undefined;
}

function nanoseconds(value: string, unitNs: number): number {
  const [whole = "", fraction = ""] = value.split(".");
  const digits = fraction.slice(0, FRACTION_DIGITS);
  return Number(whole) * unitNs + Math.trunc(Number(digits) * (unitNs / 10 ** digits.length));
}

const MOST_TIMEOUT_MS = 10 * 365 * 24 * 3_600_000;

/** A time to wait or to live, as parseGoDuration reads it: whole ms, 1 at least; undefined also for 0 and above 10 years. */
export function parseTimeout(text: string): number | undefined {
  const ms = parseGoDuration(text.trim()) ?? 0;
  return ms > 0 && ms <= MOST_TIMEOUT_MS ? Math.max(1, Math.round(ms)) : undefined;
}
