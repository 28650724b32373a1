import {
  hostPrefix,
  isOurInterface,
  isOurPolicy,
  isOurVip,
  memifNote,
  neighborKey,
  routeKey,
  vipKey,
  type DesiredState,
  type DiffInput,
  type ObservedInterface,
} from "../bridge/index.ts";
import type { Journal } from "./journal.ts";

/** Notes as ours what is there and in the file, and forgets what is neither. */
export function adopt(journal: Journal, input: DiffInput): void {
  const { desired, observed } = input;
  const ourVips = observed.vips.filter((vip) => isOurVip(vip, input)).map(vipKey);
  adoptKeys(journal.vips, desired.vips.map(vipKey), ourVips);
  // A VIP hides a route to its prefix.
  if (journal.routes.size + desired.routes.length > 0) {
    const routes = [...observed.routes.map(routeKey), ...observed.vips.map((vip) => vip.prefix)];
    adoptKeys(journal.routes, desired.routes.map(routeKey), routes);
  }
  adoptMemifs(journal, input);
  adoptPolicies(journal.abfPolicies, input);
  adoptAssigned(journal.assigned, input);
  adoptKeys(journal.neighbors, desired.neighbors.map(neighborKey), observed.neighbors.map(neighborKey));
  forgetInterfaces(journal.pendingInterfaces, desired, observed.interfaces);
}

function adoptKeys(owned: Set<string>, wanted: readonly string[], there: readonly string[]): void {
  const [isWanted, isThere] = [new Set(wanted), new Set(there)];
  for (const key of owned) if (!isWanted.has(key) && !isThere.has(key)) owned.delete(key);
  for (const key of isWanted) if (isThere.has(key)) owned.add(key);
}

/**
 * Sockets as in the file are ours; what VPP does not tell of a memif that we find made and know nothing of is taken to
 * be as in the file, from when on a change is seen.
 */
function adoptMemifs(journal: Journal, input: DiffInput): void {
  const { desired, observed } = input;
  const there = new Map((observed.memifSockets ?? []).map((socket) => [socket.id, socket.filename]));
  for (const id of journal.memifSockets) {
    if (!there.has(id) && !desired.memifSockets?.some((one) => one.id === id)) journal.memifSockets.delete(id);
  }
  for (const { id, filename } of desired.memifSockets ?? []) {
    if (there.get(id) === filename) journal.memifSockets.add(id);
  }
  const made = observed.interfaces.filter((one) => one.memif !== undefined && isOurInterface(one, input));
  for (const name of journal.memifs.keys()) {
    const wanted = desired.interfaces.some((one) => one.name === name);
    if (!wanted && !made.some((one) => one.name === name)) journal.memifs.delete(name);
  }
  for (const { name } of made) {
    const wanted = desired.interfaces.find((one) => one.name === name);
    if (wanted?.kind === "memif" && !journal.memifs.has(name)) journal.memifs.set(name, memifNote(wanted.memif));
  }
}

/** Ids whose policy VPP has, and ours that the journal does not know. */
function adoptPolicies(owned: Set<number>, input: DiffInput): void {
  const there = input.observed.abfPolicies ?? [];
  const ids = new Set(there.map((policy) => policy.id));
  for (const id of owned) if (!ids.has(id)) owned.delete(id);
  for (const policy of there) if (isOurPolicy(policy, input)) owned.add(policy.id);
}

/** Addresses of what is wanted, and of what VPP still has. */
function adoptAssigned(assigned: Map<string, string>, { desired, observed, owned }: DiffInput): void {
  const now = desired.steered?.assigned ?? owned.assigned ?? new Map<string, string>();
  if (now.size === 0) return assigned.clear();
  const there = new Set([...observed.vips, ...observed.routes].map((one) => one.prefix));
  const kept = [...now].filter(([, address]) => desired.steered !== undefined || there.has(hostPrefix(address)));
  assigned.clear();
  for (const [key, address] of kept) assigned.set(key, address);
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
