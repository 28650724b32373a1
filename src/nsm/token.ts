import type { Metadata } from "@grpc/grpc-js";
import type { Call, Peer } from "./call.ts";
import { NsmError } from "./errors.ts";

export interface Token {
  /** A JWT: header.payload.signature. */
  readonly token: string;
  /** ms since 1970. */
  readonly expiresMs: number;
}

/** Makes a token for a peer: the audience is the peer's SPIFFE ID. */
export type TokenGenerator = (peer: Peer | undefined) => Token | Promise<Token>;

const TOKEN_KEY = "nsm-client-token";
const EXPIRES_KEY = "nsm-client-token-expires";

/** Puts a token into the metadata of an RPC (sdk pkg/tools/token/creds.go). */
export function writeToken(metadata: Metadata, { token, expiresMs }: Token): void {
  metadata.set(TOKEN_KEY, token);
  metadata.set(EXPIRES_KEY, new Date(expiresMs).toISOString());
}

/**
 * The token that came with a call; undefined where there is none. It expires when its own claims say so, even where the
 * metadata says later. @throws NsmError INVALID
 */
export function readToken(call: Call): Token | undefined {
  const tokens = call.metadata.get(TOKEN_KEY) ?? [];
  const expires = call.metadata.get(EXPIRES_KEY) ?? [];
  if (tokens.length === 0 && expires.length === 0) return undefined;
  const expiresMs = Date.parse(expires[0] ?? "");
  if (tokens.length !== 1 || expires.length !== 1 || Number.isNaN(expiresMs))
    throw new NsmError("INVALID", `metadata ${TOKEN_KEY} and ${EXPIRES_KEY} (RFC 3339) come once each`);
  return { token: tokens[0]!, expiresMs: Math.min(expiresMs, (tokenClaims(tokens[0]!)?.exp ?? Infinity) * 1000) };
}

/** What a token claims; nothing of it is checked. undefined where it is no JWT. */
export function tokenClaims(
  token: string,
): { readonly sub?: string; readonly aud: readonly string[]; readonly exp?: number } | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null) return undefined;
    const { sub, aud, exp } = claims as Record<string, unknown>;
    const audience = Array.isArray(aud) ? aud : [aud];
    return {
      ...(typeof sub === "string" ? { sub } : {}),
      aud: audience.filter((one) => typeof one === "string"),
      ...(typeof exp === "number" ? { exp } : {}),
    };
  } catch {
    return undefined;
  }
}

/**
 * Tokens without a signature, for meshes without identities: asked for by name, never a fallback.
 * @param lifetimeMs default 10 minutes
 */
export function insecureTokens(name: string, lifetimeMs = 600_000, now: () => number = Date.now): TokenGenerator {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return (peer) => {
    const expiresMs = now() + lifetimeMs;
    const claims = { sub: name, aud: [peer?.spiffeId ?? "any"], exp: Math.ceil(expiresMs / 1000) };
    return { token: `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`, expiresMs };
  };
}
