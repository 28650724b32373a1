import { NseError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The first of the variables that is set and not empty. */
export function firstOf(env: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]?.trim()).find((value) => value !== undefined && value !== "");
}

/** Entries between commas or blanks. */
export function listOf(text: string | undefined): string[] | undefined {
  const entries = text?.split(/[\s,]+/).filter((entry) => entry !== "");
  return entries === undefined || entries.length === 0 ? undefined : entries;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it ("15s", "1m30s", "1.5h"; time.ParseDuration), in ms; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(value) * UNIT_MS[unit!]!;
  return Math.round(sum);
}

/** @throws NseError INPUT */
export function durationOf(env: Environment, name: string): number | undefined {
  const text = firstOf(env, name);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0)
    throw new NseError("INPUT", `${name}=${JSON.stringify(text)} is no time above 0: write 15s, 1m30s, 24h`);
  return ms;
}

/** `app=lb,zone=a` @throws NseError INPUT */
export function labelsOf(env: Environment, ...names: readonly string[]): Record<string, string> | undefined {
  const name = names.find((each) => firstOf(env, each) !== undefined);
  if (name === undefined) return undefined;
  const pairs = listOf(env[name])!.map((entry) => {
    const at = entry.indexOf("=");
    if (at < 1) throw new NseError("INPUT", `${name}: ${JSON.stringify(entry)} is no label: write key=value`);
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}
