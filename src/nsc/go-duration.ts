import { NscError } from "./errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * A duration as Go's time.ParseDuration reads it ("15s", "1h30m", "500ms"), in ms.
 * @param what for the message
 * @throws NscError INPUT: no duration, not above 0, or above 10 years
 */
export function parseGoDuration(text: string, what: string): number {
  const body = text.trim();
  let total = 0;
  let at = 0;
  PART.lastIndex = 0;
  for (let part = PART.exec(body); part !== null; part = PART.exec(body)) {
    total += Number(part[1]) * (UNIT_MS[part[2]!] ?? NaN);
    at = PART.lastIndex;
  }
  if (at !== body.length || !(total > 0) || total > 10 * 365 * 24 * 3_600_000)
    throw new NscError("INPUT", `${what}: ${JSON.stringify(text)} is no time above 0: 15s, 500ms, 1h30m`);
  return Math.max(1, Math.round(total));
}
