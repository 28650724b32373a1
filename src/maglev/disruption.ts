import type { MaglevTable } from "./table.ts";

/** What a change of tables does to new flows and to flows that the sticky table does not hold. */
export interface Disruption {
  /** Slots whose server differs, of all slots of the larger table. */
  readonly movedShare: number;
  /** The share that no table could have left in place: slots of servers that went or lost slots. */
  readonly idealShare: number;
  /** Moved slots by the server that loses and the server that gets them ("" is nobody). */
  readonly moves: readonly { readonly from: string; readonly to: string; readonly slots: number }[];
}

/**
 * Compares two tables slot by slot. Tables of different size are compared over the larger one, because a flow's slot
 * is its hash masked by the size.
 */
export function disruption(before: MaglevTable, after: MaglevTable): Disruption {
  const size = Math.max(before.size, after.size);
  const pairs = new Map<string, { from: string; to: string; slots: number }>();
  const had = new Map<string, number>();
  const has = new Map<string, number>();
  let moved = 0;
  for (let slot = 0; slot < size; slot++) {
    const from = before.servers[before.slots[slot & (before.size - 1)]!] ?? "";
    const to = after.servers[after.slots[slot & (after.size - 1)]!] ?? "";
    had.set(from, (had.get(from) ?? 0) + 1);
    has.set(to, (has.get(to) ?? 0) + 1);
    if (from === to) continue;
    moved++;
    const key = `${from}>${to}`;
    const pair = pairs.get(key) ?? { from, to, slots: 0 };
    pair.slots++;
    pairs.set(key, pair);
  }
  let ideal = 0;
  for (const [server, count] of had) ideal += Math.max(0, count - (has.get(server) ?? 0));
  return {
    movedShare: moved / size,
    idealShare: ideal / size,
    moves: [...pairs.values()].sort((a, b) => b.slots - a.slots),
  };
}
