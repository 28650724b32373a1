import { createHash } from "node:crypto";

/** Which side of a connection an interface is of: `v` is the dataplane's end of a link to one of them. */
export type Side = "c" | "e" | "v";

/** What is written on an interface (its alias in the kernel, its tag in VPP) so that it is known after a restart. */
export interface LinkTag {
  /** Of which forwarder. */
  readonly owner: string;
  /** Of which connection. */
  readonly key: string;
  readonly side: Side;
  /** ms since 1970: nobody refreshes the connection any more after this. */
  readonly expiresMs: number;
}

const PREFIX = "vpplb-nsm";

/** Names come from others and may be long: what is written is a digest. */
export function digest(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

export function ownerOf(forwarder: string): string {
  return digest(forwarder, 8);
}

export function keyOf(connectionId: string): string {
  return digest(connectionId, 16);
}

/** Tag of an interface in VPP: at most 63 characters, without the time. */
export function vppTag(owner: string, key: string): string {
  return `${PREFIX}:${owner}:${key}`;
}

/** Key of a VPP interface of this owner; undefined: it is not ours. */
export function keyOfVppTag(owner: string, tag: string): string | undefined {
  const [prefix, whose, key, ...rest] = tag.split(":");
  return prefix === PREFIX && whose === owner && rest.length === 0 && /^[0-9a-f]{16}$/.test(key ?? "")
    ? key
    : undefined;
}

export function formatTag({ owner, key, side, expiresMs }: LinkTag): string {
  return `${PREFIX}:${owner}:${key}:${side}:${Math.ceil(expiresMs / 1000)}`;
}

/** undefined: it is not of this project. */
export function parseTag(alias: string | undefined): LinkTag | undefined {
  const match = /^vpplb-nsm:([0-9a-f]{8}):([0-9a-f]{16}):([cev]):(\d{1,12})$/.exec(alias ?? "");
  if (match === null) return undefined;
  const [, owner = "", key = "", side = "c", expires = "0"] = match;
  return { owner, key, side: side as Side, expiresMs: Number(expires) * 1000 };
}

/** The name that an interface has until it has its tag: by it, what a crash leaves is known. */
export function unfinishedName(owner: string, key: string, side: Side): string {
  return `nsm~${digest(`${owner}${key}`, 10)}${side}`;
}

export function isUnfinishedName(name: string): boolean {
  return /^nsm~[0-9a-f]{10}[cev]$/.test(name);
}
