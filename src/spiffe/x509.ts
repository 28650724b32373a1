import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { SpiffeError } from "./errors.ts";
import { parseSpiffeId, type SpiffeId } from "./id.ts";

/** An identity: a certificate chain and its key (X509-SVID). */
export interface X509Svid {
  readonly id: SpiffeId;
  /** Leaf first. */
  readonly certificates: readonly X509Certificate[];
  readonly key: KeyObject;
  /** ms since 1970; of the leaf. */
  readonly expiresMs: number;
}

/** What vouches for the identities of each trust domain. */
export type Bundles = ReadonlyMap<string, readonly X509Certificate[]>;

/** Concatenated DER certificates. @throws SpiffeError INVALID */
export function parseCertificates(der: Uint8Array): X509Certificate[] {
  const certificates: X509Certificate[] = [];
  for (let at = 0; at < der.length;) {
    const length = derLength(der, at);
    try {
      certificates.push(new X509Certificate(Buffer.from(der.subarray(at, at + length))));
    } catch (error) {
      throw new SpiffeError("INVALID", `certificate ${certificates.length + 1} cannot be read`, { cause: error });
    }
    at += length;
  }
  return certificates;
}

/** Length of the SEQUENCE at an offset, header included (X.690, section 8.1.3). */
function derLength(der: Uint8Array, at: number): number {
  const first = der[at + 1];
  if (der[at] !== 0x30 || first === undefined) throw new SpiffeError("INVALID", "this is no DER certificate");
  if (first < 0x80) return checked(2 + first, der, at);
  const count = first & 0x7f;
  if (count === 0 || count > 3) throw new SpiffeError("INVALID", "a certificate of impossible length");
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (der[at + 2 + i] ?? 0);
  return checked(2 + count + length, der, at);
}

function checked(length: number, der: Uint8Array, at: number): number {
  if (at + length > der.length) throw new SpiffeError("INVALID", "a certificate is cut off");
  return length;
}

/** @param chain DER certificates, leaf first @param key DER PKCS#8 @throws SpiffeError INVALID */
export function parseSvid(chain: Uint8Array, key: Uint8Array): X509Svid {
  const certificates = parseCertificates(chain);
  const [leaf] = certificates;
  if (leaf === undefined) throw new SpiffeError("INVALID", "an SVID without certificate");
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  } catch (error) {
    throw new SpiffeError("INVALID", "the SVID's key cannot be read", { cause: error });
  }
  if (!leaf.checkPrivateKey(privateKey)) throw new SpiffeError("INVALID", "the SVID's key is not its certificate's");
  return { id: idOfCertificate(leaf), certificates, key: privateKey, expiresMs: Date.parse(leaf.validTo) };
}

/** The one SPIFFE ID of a leaf certificate (X509-SVID, sections 2 and 5). @throws SpiffeError INVALID */
export function idOfCertificate(leaf: X509Certificate): SpiffeId {
  if (leaf.ca) throw new SpiffeError("INVALID", "a leaf certificate may not be a CA");
  const uris = (leaf.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("URI:"));
  if (uris.length !== 1) throw new SpiffeError("INVALID", `a leaf certificate has one URI, this has ${uris.length}`);
  return parseSpiffeId(uris[0]!.slice("URI:".length));
}

/**
 * Checks a peer's chain against the bundle of the trust domain that its leaf claims.
 * @param chain leaf first
 * @throws SpiffeError UNTRUSTED, INVALID
 */
export function verifyPeer(chain: readonly X509Certificate[], bundles: Bundles, nowMs = Date.now()): SpiffeId {
  const [leaf] = chain;
  if (leaf === undefined) throw new SpiffeError("UNTRUSTED", "the peer has no certificate");
  const id = idOfCertificate(leaf);
  const roots = bundles.get(id.trustDomain);
  if (roots === undefined)
    throw new SpiffeError("UNTRUSTED", `nothing here vouches for trust domain ${id.trustDomain}`);
  let current = leaf;
  for (let depth = 0; depth < 10; depth++) {
    if (nowMs > Date.parse(current.validTo) || nowMs < Date.parse(current.validFrom))
      throw new SpiffeError("UNTRUSTED", `${id.text}: a certificate of its chain is not valid at this time`);
    const root = roots.find((each) => current.checkIssued(each) && current.verify(each.publicKey));
    if (root !== undefined) {
      if (nowMs > Date.parse(root.validTo))
        throw new SpiffeError("UNTRUSTED", `the authority of ${id.trustDomain} has expired`);
      return id;
    }
    const issuer = chain.find(
      (each) => each !== current && each.ca && current.checkIssued(each) && current.verify(each.publicKey),
    );
    if (issuer === undefined) break;
    current = issuer;
  }
  throw new SpiffeError("UNTRUSTED", `${id.text}: no authority of ${id.trustDomain} issued its certificate`);
}
