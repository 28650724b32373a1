import { NsmError } from "./errors.ts";

/**
 * Far above what a mesh uses; below what would hurt to keep for thousands of connections or registrations. Texts in
 * characters; `connection` and `registration` are a whole message as JSON.
 */
export const LIMITS = {
  text: 1024,
  token: 16_384,
  entries: 256,
  prefixes: 1024,
  segments: 64,
  mechanisms: 16,
  names: 1000,
  connection: 131_072,
  registration: 65_536,
} as const;

/** @throws NsmError INVALID */
export function checkText(what: string, value: string, limit: number = LIMITS.text): void {
  if (value.length > limit) throw new NsmError("INVALID", `${what} of ${value.length} characters, at most ${limit}`);
}

/** @throws NsmError INVALID */
export function checkCount(what: string, count: number, limit: number): void {
  if (count > limit) throw new NsmError("INVALID", `${count} ${what}, at most ${limit}`);
}

/** @throws NsmError INVALID */
export function checkEntries(what: string, map: Readonly<Record<string, string>>): void {
  const all = Object.entries(map);
  checkCount(what, all.length, LIMITS.entries);
  for (const [key, value] of all) {
    checkText(`${what}: key`, key);
    checkText(`${what} ${key.slice(0, 32)}`, value, 4 * LIMITS.text);
  }
}

/** The message as a whole: many fields, each within its limit, are too much together. @throws NsmError INVALID */
export function checkSize(what: string, message: object, limit: number): void {
  checkText(what, JSON.stringify(message), limit);
}
