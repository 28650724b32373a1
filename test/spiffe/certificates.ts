import { createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from "node:crypto";
import { parseBundle, parseSvid, type Bundles, type Identity } from "../../src/spiffe/index.ts";

const HOUR_MS = 3_600_000;

/** DER (X.690): as much of it as certificates need, so that tests can make any, wrong ones too. */
const der = (tag: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), body]);
};
const sequence = (...content: Uint8Array[]) => der(0x30, ...content);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const TRUE = der(0x01, Buffer.from([0xff]));
const time = (ms: number) => der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*/g, "")}Z`));
const name = (text: string) => sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(text)))));
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));

const extension = (id: string, critical: boolean, value: Uint8Array) =>
  sequence(oid(id), ...(critical ? [TRUE] : []), der(0x04, value));

export interface CertificateOptions {
  readonly subject?: string;
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  /** First byte of the bit string: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
  readonly keyUsage?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly key?: KeyObject;
  readonly curve?: string;
}

/** A certificate and its key. */
export interface Issued {
  readonly subject: string;
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

/** @param issuer default: itself */
export function issue(options: CertificateOptions, issuer?: Issued): Issued {
  const { subject = "x", ca = false, uris = [], dns = [], curve = "prime256v1" } = options;
  const key = options.key ?? generateKeyPairSync("ec", { namedCurve: curve }).privateKey;
  const nowMs = Date.now();
  const pathLength = options.pathLength === undefined ? [] : [der(0x02, Buffer.from([options.pathLength]))];
  const names = [...uris.map((uri) => der(0x86, Buffer.from(uri))), ...dns.map((text) => der(0x82, Buffer.from(text)))];
  const extensions = [
    extension("551d13", true, sequence(...(ca ? [TRUE, ...pathLength] : []))),
    extension("551d0f", true, der(0x03, Buffer.from([1, options.keyUsage ?? (ca ? 0x06 : 0x80)]))),
    ...(names.length === 0 ? [] : [extension("551d11", false, sequence(...names))]),
  ];
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    name(issuer?.subject ?? subject),
    sequence(time(options.fromMs ?? nowMs - HOUR_MS), time(options.toMs ?? nowMs + HOUR_MS)),
    name(subject),
    createPublicKey(key).export({ format: "der", type: "spki" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer?.key ?? key);
  const certificate = new X509Certificate(sequence(toBeSigned, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature)));
  return { subject, key, certificate };
}

/** The authority of a trust domain. */
export function authority(trustDomain: string, options: CertificateOptions = {}): Issued {
  return issue({ subject: `authority of ${trustDomain}`, ca: true, uris: [`spiffe://${trustDomain}`], ...options });
}

export function chainOf(...issued: readonly Issued[]): Buffer {
  return Buffer.concat(issued.map(({ certificate }) => certificate.raw));
}

export function keyOf({ key }: Issued): Buffer {
  return key.export({ format: "der", type: "pkcs8" });
}

export function bundlesOf(authorities: Readonly<Record<string, readonly Issued[]>>): Bundles {
  return new Map(Object.entries(authorities).map(([domain, issued]) => [domain, parseBundle(chainOf(...issued))]));
}

/** @param chain leaf first */
export function identityOf(bundles: Bundles, ...chain: readonly [Issued, ...Issued[]]): Identity {
  return { svid: parseSvid(chainOf(...chain), keyOf(chain[0])), bundles };
}
