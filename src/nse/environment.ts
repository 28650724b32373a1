import { firstNamed, labelsOf, listOf, parseGoDuration, type Environment } from "@networkservicemesh/sdk-ts";
import { NseError } from "./errors.ts";

/** A duration as Go writes it, in whole ms; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const ms = parseGoDuration(text);
  return ms === undefined ? undefined : Math.round(ms);
}

/** @throws NseError INPUT */
export function durationIn(env: Environment, name: string): number | undefined {
  const text = firstNamed(env, name)?.value;
  if (text === undefined) return undefined;
  const ms = parseDuration(text) ?? 0;
  if (ms > 0) return ms;
  throw new NseError("INPUT", `${name}=${JSON.stringify(text)} is no time above 0: write 15s, 1m30s, 24h`);
}

/** `app=lb,zone=a` @throws NseError INPUT */
export function labelsIn(env: Environment, ...names: readonly string[]): Record<string, string> | undefined {
  const found = firstNamed(env, ...names);
  if (found === undefined) return undefined;
  const wrong = (entry: string) =>
    new NseError("INPUT", `${found.name}: ${JSON.stringify(entry)} is no label: write key=value`);
  return labelsOf(listOf(found.value) ?? [], wrong);
}
