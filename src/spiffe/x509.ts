import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { derLength, KEY_USAGE, readDetails } from "./der.ts";
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

const SEQUENCE = 0x30;
const MAX_CERTIFICATES = 100;
const MAX_DEPTH = 10;

/** Concatenated DER certificates. @throws SpiffeError INVALID */
export function parseCertificates(der: Uint8Array): X509Certificate[] {
  const certificates: X509Certificate[] = [];
  for (let at = 0; at < der.length;) {
    if (der[at] !== SEQUENCE) throw new SpiffeError("INVALID", "this is no X.509 certificate in DER");
    if (certificates.length >= MAX_CERTIFICATES)
      throw new SpiffeError("INVALID", `more than ${MAX_CERTIFICATES} certificates in one bundle`);
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

/** Of a trust domain: certificates of authorities, at least one. @throws SpiffeError INVALID */
export function parseBundle(der: Uint8Array): X509Certificate[] {
  const authorities = parseCertificates(der);
  if (authorities.length === 0) throw new SpiffeError("INVALID", "a bundle without certificates");
  if (!authorities.every((each) => each.ca))
    throw new SpiffeError("INVALID", "a bundle has certificates of authorities only");
  return authorities;
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

/** The one SPIFFE ID of a leaf certificate (X509-SVID, sections 2, 4 and 5). @throws SpiffeError INVALID */
export function idOfCertificate(leaf: X509Certificate): SpiffeId {
  if (leaf.ca) throw new SpiffeError("INVALID", "a leaf certificate may not be an authority's");
  const { keyUsage, uris } = readDetails(leaf.raw);
  if (keyUsage?.has(KEY_USAGE.keyCertSign) === true || keyUsage?.has(KEY_USAGE.crlSign) === true)
    throw new SpiffeError("INVALID", "a leaf certificate's key may not sign certificates or revocation lists");
  const [uri] = uris;
  if (uri === undefined || uris.length > 1)
    throw new SpiffeError("INVALID", `a leaf certificate has one URI, this has ${uris.length}`);
  const id = parseSpiffeId(uri);
  if (id.path === "") throw new SpiffeError("INVALID", `${id.text} names a trust domain, not a workload`);
  return id;
}

/**
 * Checks a peer's chain against the bundle of the trust domain that its leaf claims, and no other's. What else a chain
 * must hold (path lengths, purposes) is the TLS library's to check, with the same bundles.
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
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (!isValidAt(current, nowMs))
      throw new SpiffeError("UNTRUSTED", `${id.text}: a certificate of its chain is not valid at this time`);
    const issuers = roots.filter((each) => isIssuedBy(current, each));
    if (issuers.some((each) => isValidAt(each, nowMs))) return id;
    if (issuers.length > 0) throw new SpiffeError("UNTRUSTED", `the authority of ${id.trustDomain} has expired`);
    const issuer = chain.find((each) => each !== current && isIssuedBy(current, each));
    if (issuer === undefined) break;
    current = issuer;
  }
  throw new SpiffeError("UNTRUSTED", `${id.text}: no authority of ${id.trustDomain} issued its certificate`);
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return nowMs >= Date.parse(certificate.validFrom) && nowMs <= Date.parse(certificate.validTo);
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
