import type { Database, SqlValue } from "./database.ts";
import { getParts, unpack } from "./documents.ts";
import { HistoryError } from "./errors.ts";
import type { Actor, Cause, EntryResult, HistoryEntry, HistoryQuery, RecordedVpp } from "./types.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 10_000;

interface EntryRow extends Record<string, SqlValue> {
  id: number;
  at_ms: number;
  ended_ms: number;
  cause: string;
  result: string;
  incarnation: number | null;
  desired: string | null;
  head: string;
  body: Uint8Array;
}

interface Head {
  readonly reason: string;
  readonly by?: Actor;
  readonly message?: string;
  readonly done: number;
  readonly failed: number;
  readonly moved: number;
  readonly vips: readonly string[];
  readonly servers: readonly string[];
  readonly repeats?: number;
  readonly repeatedMs?: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Entries, newest first. @throws HistoryError NOT_FOUND for an id that there is not, INPUT */
export function queryHistory(db: Database, query: HistoryQuery = {}): HistoryEntry[] {
  if (query.id !== undefined) return [entryById(db, query.id)];
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const where = (condition: string, ...some: SqlValue[]) => {
    conditions.push(condition);
    values.push(...some);
  };
  if (query.since !== undefined) where("at_ms >= ?", timeOf(query.since));
  if (query.until !== undefined) where("at_ms < ?", timeOf(query.until));
  if (query.vip !== undefined) {
    const touched = "SELECT entry FROM touched WHERE kind = 'vip' AND (object = ? OR object LIKE ? ESCAPE '\\')";
    where(`id IN (${touched})`, query.vip, `${query.vip.replace(/[\\%_]/g, "\\$&")} %`);
  }
  if (query.server !== undefined) {
    where("id IN (SELECT entry FROM touched WHERE kind = 'server' AND object = ?)", query.server);
  }
  const rows = db.all<EntryRow>(
    `SELECT id, at_ms, ended_ms, cause, result, incarnation, head FROM entry
     ${conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`} ORDER BY id DESC LIMIT ?`,
    ...values,
    limitOf(query.limit),
  );
  const vpps = new Map<number, RecordedVpp | undefined>();
  return rows.map((row) => toEntry(db, row, vpps));
}

function entryById(db: Database, id: number): HistoryEntry {
  const row = db.get<EntryRow>("SELECT * FROM entry WHERE id = ?", id);
  if (row === undefined) {
    const first = db.number("SELECT coalesce(min(id), 0) FROM entry");
    const last = db.number("SELECT coalesce(max(id), 0) FROM entry");
    const there = last === 0 ? "the history is empty" : `there are ${first} to ${last}`;
    throw new HistoryError("NOT_FOUND", `there is no entry ${id}: ${there}`);
  }
  const body = unpack(row.body) as Pick<HistoryEntry, "operations" | "disruption" | "problems">;
  const desired = row.desired === null ? undefined : getParts(db, row.desired);
  return { ...toEntry(db, row, new Map()), ...body, ...(desired === undefined ? {} : { desired }) };
}

function toEntry(db: Database, row: EntryRow, vpps: Map<number, RecordedVpp | undefined>): HistoryEntry {
  const { repeatedMs, ...head } = JSON.parse(row.head) as Head;
  const vpp = row.incarnation === null ? undefined : vppOf(db, row.incarnation, vpps);
  return {
    id: row.id,
    at: iso(row.at_ms),
    endedAt: iso(row.ended_ms),
    cause: row.cause as Cause,
    result: row.result as EntryResult,
    ...head,
    ...(repeatedMs === undefined ? {} : { repeatedAt: iso(repeatedMs) }),
    ...(vpp === undefined ? {} : { vpp }),
  };
}

function vppOf(db: Database, id: number, known: Map<number, RecordedVpp | undefined>): RecordedVpp | undefined {
  if (!known.has(id)) {
    const row = db.get<{ body: string }>("SELECT body FROM incarnation WHERE id = ?", id);
    known.set(id, row && toVpp(id, row.body));
  }
  return known.get(id);
}

export function toVpp(incarnation: number, body: string): RecordedVpp {
  const { startedAtMs, ...vpp } = JSON.parse(body) as { version: string; pid: number; startedAtMs?: number };
  return { incarnation, ...vpp, ...(startedAtMs === undefined ? {} : { startedAt: iso(startedAtMs) }) };
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new HistoryError("INPUT", `"${text}" is no time: write it as ISO 8601`);
  return ms;
}

function limitOf(limit = DEFAULT_LIMIT): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new HistoryError("INPUT", `a limit is a number from 1 to ${MAX_LIMIT}, not ${limit}`);
  }
  return limit;
}
