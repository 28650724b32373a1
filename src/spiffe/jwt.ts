import { sign } from "node:crypto";
import type { Identity } from "./source.ts";

/**
 * A token of NSM: a JWT signed by ES256 with the key of the X.509-SVID (sdk pkg/tools/spiffejwt). It lives as long as
 * asked for, but not longer than the certificate.
 */
export function signToken(
  { svid }: Identity,
  audience: readonly string[],
  maxLifetimeMs: number,
  nowMs = Date.now(),
): { token: string; expiresMs: number } {
  const expiresMs = Math.min(nowMs + maxLifetimeMs, svid.expiresMs);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: svid.id.text, aud: audience, exp: Math.floor(expiresMs / 1000) };
  const content = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(content), { key: svid.key, dsaEncoding: "ieee-p1363" });
  return { token: `${content}.${signature.toString("base64url")}`, expiresMs };
}
