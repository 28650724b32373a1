import { SpiffeError } from "./errors.ts";

/** A SPIFFE ID: `spiffe://trust-domain/path` (SPIFFE-ID, section 2). */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Empty, or begins with a slash. */
  readonly path: string;
  readonly text: string;
}

const MAX_BYTES = 2048;

/** @throws SpiffeError INVALID: which rule it breaks */
export function parseSpiffeId(text: string): SpiffeId {
  const bad = (why: string) =>
    new SpiffeError("INVALID", `${JSON.stringify(text.slice(0, 200))} is no SPIFFE ID: ${why}`);
  if (Buffer.byteLength(text) > MAX_BYTES) throw bad(`longer than ${MAX_BYTES} bytes`);
  const match = /^spiffe:\/\/([^/]*)(\/.*)?$/.exec(text);
  if (match === null) throw bad("spiffe://trust-domain/path");
  const [, trustDomain = "", path = ""] = match;
  if (!/^[a-z0-9._-]{1,255}$/.test(trustDomain)) throw bad("a trust domain has 1 to 255 of a-z 0-9 . - _");
  const segments = path === "" ? [] : path.slice(1).split("/");
  for (const segment of segments) {
    if (segment === "." || segment === "..") throw bad("no segment of the path is . or ..");
    if (!/^[A-Za-z0-9._-]+$/.test(segment)) throw bad("segments of the path have one or more of a-z A-Z 0-9 . - _");
  }
  return { trustDomain, path, text };
}
