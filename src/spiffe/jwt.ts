import { sign } from "node:crypto";
import { SpiffeError } from "./errors.ts";
import type { X509Svid } from "./x509.ts";

const CURVE = "prime256v1";

/**
 * A token of NSM: a JWT signed by ES256 with the key of the X.509-SVID (sdk pkg/tools/spiffejwt). It lives as long as
 * asked for, but not longer than the certificate.
 * @throws SpiffeError INVALID (a key that cannot sign so), EXPIRED
 */
export function signToken(
  svid: X509Svid,
  audience: readonly string[],
  maxLifetimeMs: number,
  nowMs = Date.now(),
): { token: string; expiresMs: number } {
  const { asymmetricKeyType: type = "unknown", asymmetricKeyDetails: details } = svid.key;
  if (type !== "ec" || details?.namedCurve !== CURVE)
    throw new SpiffeError(
      "INVALID",
      `tokens are signed by ES256, the SVID's key is ${details?.namedCurve ?? type}: SPIRE's agent needs ` +
        'workload_x509_svid_key_type = "ec-p256", its default',
    );
  if (svid.expiresMs <= nowMs)
    throw new SpiffeError(
      "EXPIRED",
      `the SVID ${svid.id.text} has expired at ${new Date(svid.expiresMs).toISOString()}`,
    );
  const expiresMs = Math.min(nowMs + maxLifetimeMs, svid.expiresMs);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: svid.id.text, aud: audience, exp: Math.floor(expiresMs / 1000) };
  const content = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(content), { key: svid.key, dsaEncoding: "ieee-p1363" });
  return { token: `${content}.${signature.toString("base64url")}`, expiresMs };
}
