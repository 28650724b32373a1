import { readFileSync } from "node:fs";
import type { Namespace } from "../kernel/namespace.ts";
import { addressText } from "../sys/sockaddr.ts";
import { contains } from "./prefixes.ts";

/** linux/tcp_states.h: those in which somebody may still have something to say. Not LISTEN, TIME_WAIT, CLOSE, SYN_SENT. */
const LIVE = new Set(["01", "03", "04", "05", "08", "09", "0B"]);

/** TCP connections of a namespace whose own address is in one of the prefixes. */
export function countConnections(namespace: Namespace, prefixes: readonly string[]): number {
  if (prefixes.length === 0) return 0;
  // Of the main thread, which `run` has in the namespace.
  const tables = namespace.run(() => ["tcp", "tcp6"].map((name) => readTable(`/proc/self/net/${name}`)));
  const seen = new Map<string, boolean>();
  const isOurs = (hex: string): boolean => {
    const known = seen.get(hex);
    if (known !== undefined) return known;
    const address = localAddress(hex);
    const ours = prefixes.some((prefix) => contains(prefix, address));
    seen.set(hex, ours);
    return ours;
  };
  return tables.flat().filter(({ local, state }) => LIVE.has(state) && isOurs(local)).length;
}

function readTable(path: string): { local: string; state: string }[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return []; // a kernel without IPv6
  }
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 3)
    .map((fields) => ({ local: (fields[1] ?? "").split(":")[0] ?? "", state: fields[3] ?? "" }));
}

/** The kernel prints each 32-bit word as a number of the machine's byte order, which is little-endian here. */
export function localAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  // An IPv4 connection of a socket that takes both.
  if (bytes.length === 16 && bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff)))
    return bytes.slice(12).join(".");
  return addressText(Uint8Array.from(bytes));
}
