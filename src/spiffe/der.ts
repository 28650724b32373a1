import { SpiffeError } from "./errors.ts";

/** One ASN.1 value in DER: its tag byte, its content, and where the next begins. */
interface Value {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly end: number;
}

const TAG = {
  sequence: 0x30,
  oid: 0x06,
  octets: 0x04,
  bits: 0x03,
  boolean: 0x01,
  extensions: 0xa3,
  uri: 0x86,
} as const;
const OID = { keyUsage: "551d0f", subjectAltName: "551d11" } as const;

/** Bits of the extension keyUsage (RFC 5280, section 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

/** What Node does not tell of a certificate. */
export interface CertificateDetails {
  /** Set bits of keyUsage; undefined without that extension. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** The alternative names that are URIs. */
  readonly uris: readonly string[];
}

/** Length of the value at an offset, header included (X.690, section 8.1.3). @throws SpiffeError INVALID */
export function derLength(der: Uint8Array, at: number): number {
  return readValue(der, at).end - at;
}

/** @param der one X.509 certificate @throws SpiffeError INVALID */
export function readDetails(der: Uint8Array): CertificateDetails {
  const certificate = expect(readValue(der, 0), TAG.sequence);
  const toBeSigned = expect(readValue(certificate, 0), TAG.sequence);
  const details = { keyUsage: undefined as ReadonlySet<number> | undefined, uris: [] as string[] };
  for (const { tag, content } of values(toBeSigned)) {
    if (tag !== TAG.extensions) continue;
    for (const extension of values(expect(readValue(content, 0), TAG.sequence))) {
      const [oid, ...rest] = values(expect(extension, TAG.sequence));
      const name = Buffer.from(expect(oid, TAG.oid)).toString("hex");
      const value = rest.at(-1);
      if (name === OID.keyUsage) details.keyUsage = readBits(expect(value, TAG.octets));
      if (name === OID.subjectAltName) details.uris.push(...readUris(expect(value, TAG.octets)));
    }
  }
  return details;
}

function readBits(der: Uint8Array): ReadonlySet<number> {
  const bytes = expect(readValue(der, 0), TAG.bits).subarray(1);
  const bits = new Set<number>();
  bytes.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits.add(8 * i + bit);
  });
  return bits;
}

function readUris(der: Uint8Array): string[] {
  return [...values(expect(readValue(der, 0), TAG.sequence))]
    .filter(({ tag }) => tag === TAG.uri)
    .map(({ content }) => Buffer.from(content).toString("latin1"));
}

function* values(content: Uint8Array): Generator<Value> {
  for (let at = 0; at < content.length;) {
    const value = readValue(content, at);
    yield value;
    at = value.end;
  }
}

function expect(value: Value | undefined, tag: number): Uint8Array {
  if (value?.tag !== tag) throw new SpiffeError("INVALID", "this is no X.509 certificate in DER");
  return value.content;
}

function readValue(der: Uint8Array, at: number): Value {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) throw new SpiffeError("INVALID", "a certificate is cut off");
  let start = at + 2;
  let length: number = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new SpiffeError("INVALID", "a certificate of impossible length");
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (der[start + i] ?? 0);
    start += count;
  }
  const end = start + length;
  if (end > der.length) throw new SpiffeError("INVALID", "a certificate is cut off");
  return { tag, content: der.subarray(start, end), end };
}
