/** Sequences of calls as files: one call a line, bytes as `0x` and hexadecimal digits. */
import { readdirSync, readFileSync } from "node:fs";
import type { Command } from "./commands.ts";
import type { Fields } from "./client.ts";

const DIRECTORY = new URL("data/", import.meta.url);

type Line = { readonly api: string; readonly fields: Fields } | { readonly cli: string };

/** Names of the files of an area, `l2-1` for `data/l2-1.jsonl`. */
export function sequenceNames(area: string): string[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.startsWith(`${area}-`) && file.endsWith(".jsonl"))
    .map((file) => file.slice(0, -".jsonl".length))
    .sort();
}

export function readSequence(name: string): Command[] {
  const lines = readFileSync(new URL(`${name}.jsonl`, DIRECTORY), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((text) => {
    const line = JSON.parse(text, bytesFromHex) as Line;
    return "cli" in line ? { kind: "cli", line: line.cli } : { kind: "api", name: line.api, fields: line.fields };
  });
}

/** A command as a line of a file. Addresses keep the arm of their family alone, which is what the codec needs. */
export function sequenceLine(command: Command): string {
  const line = command.kind === "cli" ? { cli: command.line } : { api: command.name, fields: command.fields };
  return JSON.stringify(line, bytesToHex);
}

function bytesToHex(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "object" && value !== null && "af" in value && "un" in value) {
    const { af, un } = value as { af: number; un: Fields };
    return { af, un: af === 0 && un["ip4"] !== undefined ? { ip4: un["ip4"] } : { ip6: un["ip6"] } };
  }
  return value;
}

function bytesFromHex(_key: string, value: unknown): unknown {
  return typeof value === "string" && /^0x([0-9a-f]{2})*$/.test(value) ? Buffer.from(value.slice(2), "hex") : value;
}
