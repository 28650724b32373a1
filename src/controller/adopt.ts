import {
  isOurVip,
  neighborKey,
  routeKey,
  vipKey,
  type DesiredState,
  type ObservedInterface,
  type ObservedState,
} from "../bridge/index.ts";
import type { Journal } from "./journal.ts";
import { liveDrains } from "./overrides.ts";

/** Notes as ours what is there and in the file, and forgets what is neither. */
export function adopt(journal: Journal, desired: DesiredState, observed: ObservedState): void {
  const input = { desired, observed, owned: journal.owned };
  const ourVips = observed.vips.filter((vip) => isOurVip(vip, input)).map(vipKey);
  adoptKeys(journal.vips, desired.vips.map(vipKey), ourVips);
  adoptKeys(journal.routes, desired.routes.map(routeKey), observed.routes.map(routeKey));
  adoptKeys(journal.neighbors, desired.neighbors.map(neighborKey), observed.neighbors.map(neighborKey));
  forgetInterfaces(journal.pendingInterfaces, desired, observed.interfaces);
  journal.drains = liveDrains(desired, journal.drains);
}

function adoptKeys(owned: Set<string>, wanted: readonly string[], there: readonly string[]): void {
  const [isWanted, isThere] = [new Set(wanted), new Set(there)];
  for (const key of owned) if (!isWanted.has(key) && !isThere.has(key)) owned.delete(key);
  for (const key of isWanted) if (isThere.has(key)) owned.add(key);
}

/** Interfaces that are tagged by now, or neither wanted nor there. */
function forgetInterfaces(pending: Set<string>, desired: DesiredState, found: readonly ObservedInterface[]): void {
  const tagged = new Set(found.filter((one) => one.tag !== "").map((one) => one.name));
  const wanted = new Set(desired.interfaces.map((one) => one.name));
  const there = new Set(found.map((one) => one.name));
  for (const name of pending) {
    if (tagged.has(name) || (!wanted.has(name) && !there.has(name))) pending.delete(name);
  }
}
