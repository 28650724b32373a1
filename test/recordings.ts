import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Recordings of real VPPs: a folder per version. They lie beside a checkout, or where VPPLB_RECORDINGS says. */
export const RECORDINGS =
  process.env["VPPLB_RECORDINGS"] ?? fileURLToPath(new URL("../../shared/vpp/", import.meta.url));

/** Path of a recording; skips the running test, with the reason, where it is missing. */
export function recording(context: Mocha.Context, path: string): string {
  const full = `${RECORDINGS}/${path}`;
  if (existsSync(full)) return full;
  console.log(`    skipped: no recording ${path} (set VPPLB_RECORDINGS to the folder of the recordings)`);
  return context.skip();
}

export function recordedJson<T>(context: Mocha.Context, path: string): T {
  return JSON.parse(readFileSync(recording(context, path), "utf8")) as T;
}

/** A file of one JSON object per line. */
export function recordedLines<T>(context: Mocha.Context, path: string): T[] {
  const text = readFileSync(recording(context, path), "utf8");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
