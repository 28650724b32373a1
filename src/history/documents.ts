import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Database } from "./database.ts";

/** JSON, deflated. */
export function pack(value: unknown): Uint8Array {
  return deflateRawSync(JSON.stringify(value), { level: 6 });
}

export function unpack(body: Uint8Array): unknown {
  return JSON.parse(inflateRawSync(body).toString("utf8"));
}

export interface Document {
  readonly digest: string;
  readonly text: string;
}

export function documentOf(value: unknown): Document {
  const text = JSON.stringify(value);
  return { digest: createHash("sha256").update(text).digest("base64url").slice(0, 22), text };
}

/** Puts it there once, whoever refers to it. */
export function putDocument(db: Database, { digest, text }: Document): void {
  if (db.get("SELECT 1 AS there FROM document WHERE digest = ?", digest) !== undefined) return;
  db.run("INSERT INTO document (digest, body) VALUES (?, ?)", digest, deflateRawSync(text, { level: 6 }));
}

export function getDocument(db: Database, digest: string): unknown {
  const row = db.get<{ body: Uint8Array }>("SELECT body FROM document WHERE digest = ?", digest);
  return row && unpack(row.body);
}

/**
 * A large object in parts, so that versions of it share what they have in common: the elements of its lists are
 * documents of their own. It knows nothing of what is in it, so any later schema goes through it.
 */
interface Manifest {
  readonly values: Readonly<Record<string, unknown>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

export interface PartedDocument {
  readonly manifest: Document;
  readonly parts: ReadonlyMap<string, Document>;
}

/** Digests of elements that were seen before: of a large state most are. */
const known = new WeakMap<object, Document>();

export function inParts(value: object): PartedDocument {
  const parts = new Map<string, Document>();
  const digestsOf = (list: readonly unknown[]) =>
    list.map((element) => {
      const part = partOf(element);
      parts.set(part.digest, part);
      return part.digest;
    });
  const members = Object.entries(value) as [string, unknown][];
  // From entries: any name is an own property then, also `__proto__`.
  const manifest: Manifest = {
    values: Object.fromEntries(members.filter(([, member]) => !Array.isArray(member))),
    lists: Object.fromEntries(
      members.flatMap(([name, member]) => (Array.isArray(member) ? [[name, digestsOf(member)]] : [])),
    ),
  };
  return { manifest: documentOf(manifest), parts };
}

function partOf(element: unknown): Document {
  if (typeof element !== "object" || element === null) return documentOf(element);
  const before = known.get(element);
  if (before !== undefined) return before;
  const part = documentOf(element);
  known.set(element, part);
  return part;
}

export function putParts(db: Database, { manifest, parts }: PartedDocument): void {
  if (db.get("SELECT 1 AS there FROM document WHERE digest = ?", manifest.digest) !== undefined) return;
  for (const part of parts.values()) putDocument(db, part);
  putDocument(db, manifest);
}

/** The reverse of {@link inParts}; undefined where a part is missing. */
export function getParts(db: Database, digest: string): Record<string, unknown> | undefined {
  const manifest = getDocument(db, digest) as Manifest | undefined;
  if (manifest === undefined) return undefined;
  const lists = Object.entries(manifest.lists).map(([name, digests]) => [
    name,
    digests.map((one) => getDocument(db, one)),
  ]);
  return { ...manifest.values, ...(Object.fromEntries(lists) as Record<string, unknown>) };
}

/** Digests of all documents that a manifest needs, itself among them. */
export function neededBy(db: Database, digest: string): string[] {
  const manifest = getDocument(db, digest) as Manifest | undefined;
  return manifest === undefined ? [] : [digest, ...Object.values(manifest.lists).flat()];
}
