import { hostname } from "node:os";
import { vipKey, type ObservedState, type VppPort } from "../bridge/index.ts";
import type { Journal } from "./journal.ts";
import type { ControllerEvent } from "./types.ts";

/** VPP shows so many characters of a client's name (vlibmemory/socket_api.c:83). */
const SHOWN = 20;
const PREFIX = "vpplb:";

/**
 * The name by which controllers of one VPP know each other: process id, and the end of the host's name, because
 * containers share process ids.
 */
export function controllerName(pid: number = process.pid, host: string = hostname()): string {
  const label = host.split(".")[0] ?? "";
  const end = label.replace(/[^A-Za-z0-9_-]/g, "").slice(-6);
  return `${PREFIX}${pid}:${end}`.slice(0, SHOWN);
}

/**
 * Other controllers that are connected to this VPP now, as `controllerName` names them. A connection is the one mark
 * that goes with its owner, however it ends.
 */
export async function otherControllers(port: VppPort, own: string): Promise<string[]> {
  const output = await port.cli("show api clients").catch(() => "");
  const names = [...output.matchAll(/^\s*(vpplb:\S+)\s+\d+\s*$/gm)].map(([, name = ""]) => name);
  return [...new Set(names)].filter((name) => name !== own).sort();
}

export function othersText(others: readonly string[]): string | undefined {
  if (others.length === 0) return undefined;
  const list = others.map((name) => {
    const [, pid = "?", host = ""] = name.split(":");
    return `process ${pid}${host === "" ? "" : ` of a host ...${host}`}`;
  });
  return (
    `another vpplb controls this VPP too (${list.join(", ")}): each undoes what the other does to the same objects. ` +
    "End one, or give each an ownership.tag and ownership.prefixes of its own and leave lb_conf to one (lb.manage)"
  );
}

/** Packets that found their bucket of the sticky table full: VPP sends them by the table, as if each were the first. */
export function untrackedPackets(observed: ObservedState | undefined, journal: Pick<Journal, "vips">): number {
  const ours = observed?.vips.filter((vip) => journal.vips.has(vipKey(vip))) ?? [];
  return ours.reduce((sum, vip) => sum + vip.counters.untracked, 0);
}

export function untrackedText(packets: number, buckets: number | undefined): string | undefined {
  if (packets === 0) return undefined;
  return (
    `${packets} packets so far were of flows that the sticky table${buckets === undefined ? "" : ` of ${buckets} buckets`} had no room for: ` +
    "they move when servers change. Raise lb.expectedFlows or lb.stickyBuckets; a table in use is resized by `apply --force`"
  );
}

/** While more and more packets are untracked, this is told so often. */
const TELL_MS = 60_000;

/** Tells of what an operator should look at, once when it begins and again where it gets worse. */
export class Alarms {
  #untracked = 0;
  #untrackedToldMs = -Infinity;
  #others = "";

  /** @returns the events that are due, after VPP was looked at */
  look(
    seen: { readonly untracked: number; readonly buckets?: number | undefined; readonly others: readonly string[] },
    nowMs: number,
  ): ControllerEvent[] {
    const at = new Date(nowMs).toISOString();
    const events: ControllerEvent[] = [];
    // A VPP that was restarted counts from 0.
    if (seen.untracked < this.#untracked) this.#untracked = 0;
    const text = untrackedText(seen.untracked, seen.buckets);
    if (text !== undefined && seen.untracked > this.#untracked && nowMs - this.#untrackedToldMs >= TELL_MS) {
      events.push({ type: "untracked", at, packets: seen.untracked, message: text });
      this.#untracked = seen.untracked;
      this.#untrackedToldMs = nowMs;
    }
    const others = seen.others.join(", ");
    if (others !== this.#others) {
      this.#others = others;
      const message = othersText(seen.others) ?? "no other vpplb controls this VPP any more";
      events.push({ type: "rival", at, others: [...seen.others], message });
    }
    return events;
  }
}
