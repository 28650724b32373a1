import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ApiJson } from "vpp-api-ts/codec";

/** Messages and definitions recorded from VPP, in a directory beside the checkout. */
export const recordings = process.env["VPPLB_RECORDINGS"] ?? new URL("../../../shared/vpp/", import.meta.url).pathname;

/** Skips the test, saying why, where a recording is missing. */
export function need(context: Mocha.Context, path: string): string {
  const full = join(recordings, path);
  if (!existsSync(full)) {
    process.stdout.write(`      no recording ${path}: set VPPLB_RECORDINGS\n`);
    context.skip();
  }
  return full;
}

export interface Exchange {
  readonly step: string;
  readonly dir: "request" | "reply" | "event";
  readonly name: string;
  readonly crc: string;
  readonly hex: string;
  readonly fields: Record<string, unknown>;
}

export function exchanges(file: string): Exchange[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange);
}

const files = new Map<string, ApiJson>();

/** The file that a message was last read from. */
export function fileOf(nameCrc: string): ApiJson {
  const file = files.get(nameCrc);
  if (file === undefined) throw new Error(`no definition of ${nameCrc}`);
  return file;
}

export function definitions(directory: string): ApiJson[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".api.json"))
    .map((name) => {
      const file = JSON.parse(readFileSync(join(directory, name), "utf8")) as ApiJson;
      for (const block of file.messages ?? []) {
        const crc = (block.at(-1) as { crc: string }).crc;
        files.set(`${block[0]}_${crc.slice(2)}`, file);
      }
      return file;
    });
}

export function nameCrc(exchange: Exchange): string {
  return `${exchange.name}_${exchange.crc.replace(/^0x/, "")}`;
}

/** Decoded fields in the recording's form: bytes as hex, bigints as numbers. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/**
 * The other way: a recorded value in the codec's form, after the shape of a decoded one (hex becomes bytes where that has
 * bytes).
 */
export function shaped(value: unknown, shape: unknown): unknown {
  if (shape instanceof Uint8Array) return new Uint8Array(Buffer.from(String(value), "hex"));
  if (typeof shape === "bigint") return BigInt(value as number);
  if (Array.isArray(shape)) return (value as unknown[]).map((inner, i) => shaped(inner, shape[i]));
  if (typeof shape !== "object" || shape === null) return value;
  const inner = shape as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(value as object).map(([key, one]) => [key, key in inner ? shaped(one, inner[key]) : one]),
  );
}
