import type { Metadata } from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import { NsmError } from "../errors.ts";
import { tokenClaims } from "../token.ts";

/** A registry call's path: in metadata, as JSON with Go's field names (sdk pkg/registry/common/grpcmetadata). */
export interface RegistryPath {
  index: number;
  tokens: string[];
}

const PATH_KEY = "path";
const MAX_SEGMENTS = 64;
const MAX_BYTES = 256 * 1024;

export function writePath(metadata: Metadata, { index, tokens }: RegistryPath): void {
  const segments = tokens.length === 0 ? null : tokens.map((token) => ({ token }));
  metadata.set(PATH_KEY, JSON.stringify({ Index: index, PathSegments: segments }));
}

/** @returns undefined where there is none @throws NsmError INVALID */
export function readPath(values: readonly string[]): RegistryPath | undefined {
  const text = values.at(-1);
  if (text === undefined) return undefined;
  if (text.length > MAX_BYTES) throw new NsmError("INVALID", `a path of ${text.length} bytes`);
  try {
    const { Index = 0, PathSegments } = JSON.parse(text) as { Index?: unknown; PathSegments?: unknown };
    const segments = (PathSegments ?? []) as { token?: unknown }[];
    if (!Array.isArray(segments) || segments.length > MAX_SEGMENTS || !Number.isInteger(Index))
      throw new NsmError("INVALID", "Index and PathSegments");
    return { index: Index as number, tokens: segments.map(({ token }) => (typeof token === "string" ? token : "")) };
  } catch (error) {
    throw new NsmError("INVALID", `the metadata "${PATH_KEY}" is no path`, { cause: error });
  }
}

export function pathOfCall(call: Call): RegistryPath | undefined {
  return readPath(call.metadata.get(PATH_KEY) ?? []);
}

/**
 * Takes a server's place in the path: the caller's token goes into the segment before, its own into its own
 * (sdk pkg/registry/common/updatepath). @throws NsmError INVALID
 */
export function stepPath(path: RegistryPath, callerToken: string, ownToken: string): RegistryPath {
  const { index, tokens } = path;
  if (tokens.length === 0) return { index: 1, tokens: [callerToken, ownToken] };
  if (index < 0 || index >= tokens.length)
    throw new NsmError("INVALID", `path index ${index} is outside of its ${tokens.length} segments`);
  const next = [...tokens];
  next[index] = callerToken;
  next[index + 1] = ownToken;
  return { index: index + 1, tokens: next };
}

/** The SPIFFE IDs of a path's hops up to this one: what an entry's pathIds hold. */
export function pathIdsOf(path: RegistryPath, before: readonly string[]): string[] {
  return path.tokens.slice(0, path.index + 1).map((token, i) => tokenClaims(token)?.sub ?? before[i] ?? "");
}
