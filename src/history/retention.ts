import type { Database } from "./database.ts";
import { neededBy } from "./documents.ts";
import type { Retention } from "./types.ts";

/** More than allowed by so much may pile up before it is cleared away: that is work. */
const SLACK = 1.1;

/** Whether there is more than may be kept. Cheap. */
export function isOverfull(db: Database, retention: Retention, nowMs: number): boolean {
  const oldestMs = db.number("SELECT min(at_ms) FROM entry");
  if (oldestMs !== 0 && oldestMs < nowMs - retention.maxAgeMs * SLACK) return true;
  const entries = db.number("SELECT count(*) FROM entry");
  return entries > retention.maxEntries * SLACK || sizeOf(db) > retention.maxBytes;
}

/** Clears away what is too old or too much, the oldest first. Call it in a transaction of its own. */
export function prune(db: Database, retention: Retention, nowMs: number): void {
  dropBefore(db, nowMs - retention.maxAgeMs, retention.maxEntries);
  for (let round = 0; round < 12 && sizeOf(db) > retention.maxBytes; round++) {
    const entries = db.number("SELECT count(*) FROM entry");
    const tables = db.number("SELECT count(*) FROM vip");
    if (entries + tables <= 1) break;
    dropBefore(db, -1, Math.floor(entries * 0.7));
    if (entries === 0) db.run("DELETE FROM vip WHERE id NOT IN (SELECT max(id) FROM vip GROUP BY vip)");
    sweep(db);
  }
  sweep(db);
  db.exec("PRAGMA incremental_vacuum");
}

function dropBefore(db: Database, cutMs: number, keep: number): void {
  const firstKept = db.get<{ id: number }>(
    "SELECT id FROM entry WHERE at_ms >= ? ORDER BY id DESC LIMIT 1 OFFSET ?",
    cutMs,
    Math.max(0, keep - 1),
  );
  // By count where there are more than that, else by age.
  const first = firstKept?.id ?? db.number("SELECT coalesce(min(id), 1 << 62) FROM entry WHERE at_ms >= ?", cutMs);
  db.run("DELETE FROM touched WHERE entry < ?", first);
  db.run("DELETE FROM entry WHERE id < ?", first);
  const fromMs = db.number("SELECT coalesce(min(at_ms), ?) FROM entry", Math.max(cutMs, 0));
  // Of each VIP what it was at the beginning of what is kept stays.
  db.run(
    `DELETE FROM vip WHERE seen_ms < ?1 AND id <
       (SELECT max(id) FROM vip AS later WHERE later.vip = vip.vip AND later.seen_ms <= ?1)`,
    fromMs,
  );
  db.run("DELETE FROM flush WHERE at_ms < ?", fromMs);
  db.run("DELETE FROM watch WHERE until_ms IS NOT NULL AND until_ms < ?", fromMs);
  db.run(
    `DELETE FROM incarnation WHERE seen_ms < ? AND id NOT IN (SELECT incarnation FROM vip)
       AND id NOT IN (SELECT incarnation FROM entry WHERE incarnation IS NOT NULL)
       AND id < (SELECT max(id) FROM incarnation)`,
    fromMs,
  );
}

/** Documents that nothing refers to. */
function sweep(db: Database): void {
  const needed = new Set<string>();
  for (const { document } of db.all<{ document: string }>("SELECT document FROM vip WHERE document IS NOT NULL")) {
    needed.add(document);
  }
  for (const { desired } of db.all<{ desired: string }>(
    "SELECT DISTINCT desired FROM entry WHERE desired IS NOT NULL",
  )) {
    for (const digest of neededBy(db, desired)) needed.add(digest);
  }
  for (const { digest } of db.all<{ digest: string }>("SELECT digest FROM document")) {
    if (!needed.has(digest)) db.run("DELETE FROM document WHERE digest = ?", digest);
  }
}

/** Without pages that are free: those are used again, or given back. */
function sizeOf(db: Database): number {
  const pages = db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count");
  return pages * db.number("PRAGMA page_size");
}
