import type { Database } from "./database.ts";
import { getDocument, getParts } from "./documents.ts";
import { toVpp } from "./query.ts";
import type { TableInputs } from "./tables.ts";
import { WAYS, type Ways } from "./ways.ts";
import type { RecordedVpp } from "./types.ts";

/** What a VIP was made of over a time. */
export interface TablePeriod {
  /** Seen from then on; certain. ms since 1970. */
  readonly seenMs: number;
  /** The former state was last seen then: the change came between the two. */
  readonly afterMs: number;
  /** Until when it was certainly so: what came next was not there before. Absent: nothing came. */
  readonly lastMs?: number;
  /** When what came next was seen. */
  readonly nextMs?: number;
  /** Absent: the VIP was not there. */
  readonly table?: TableInputs;
}

export interface WaysPeriod extends Omit<TablePeriod, "table"> {
  /** Absent: there were no streams. */
  readonly ways?: Ways;
}

export interface FlushRecord {
  /** `*`: of all servers. */
  readonly server: string;
  readonly atMs: number;
}

/** One life of a VPP as far as the history knows it. */
export interface Life extends RecordedVpp {
  readonly seenMs: number;
  /** When the next one was met. */
  readonly endedMs?: number;
}

/** Reads what VPP held at times past. */
export class Past {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The lives of VPP, oldest first. */
  lives(): Life[] {
    const rows = this.#db.all<{ id: number; seen_ms: number; body: string }>("SELECT * FROM incarnation ORDER BY id");
    return rows.map(({ id, seen_ms, body }, index) => {
      const next = rows[index + 1];
      return { ...toVpp(id, body), seenMs: seen_ms, ...(next === undefined ? {} : { endedMs: next.seen_ms }) };
    });
  }

  /** Keys of all VIPs of a life. */
  vips(incarnation: number): string[] {
    const rows = this.#db.all<{ vip: string }>("SELECT DISTINCT vip FROM vip WHERE incarnation = ?", incarnation);
    return rows.map(({ vip }) => vip).filter((vip) => vip !== WAYS);
  }

  /** How packets got to streams in a life, oldest first. */
  ways(incarnation: number): WaysPeriod[] {
    return this.periods(WAYS, incarnation).map(({ table, ...period }) => ({
      ...period,
      ...(table === undefined ? {} : { ways: table as unknown as Ways }),
    }));
  }

  /** A VIP's periods in a life, oldest first. */
  periods(vip: string, incarnation: number): TablePeriod[] {
    const rows = this.#db.all<{ after_ms: number; seen_ms: number; document: string | null }>(
      "SELECT after_ms, seen_ms, document FROM vip WHERE vip = ? AND incarnation = ? ORDER BY id",
      vip,
      incarnation,
    );
    return rows.map(({ after_ms, seen_ms, document }, index) => {
      const next = rows[index + 1];
      const table = document === null ? undefined : (getDocument(this.#db, document) as TableInputs | undefined);
      return {
        seenMs: seen_ms,
        afterMs: after_ms,
        ...(next === undefined ? {} : { lastMs: Math.max(seen_ms, next.after_ms), nextMs: next.seen_ms }),
        ...(table === undefined ? {} : { table }),
      };
    });
  }

  /** What ended stickiness of a VIP's flows in a life, oldest first. */
  flushes(vip: string, incarnation: number): FlushRecord[] {
    return this.#db
      .all<{ server: string; at_ms: number }>(
        "SELECT server, at_ms FROM flush WHERE vip = ? AND incarnation = ? ORDER BY id",
        vip,
        incarnation,
      )
      .map(({ server, at_ms }) => ({ server, atMs: at_ms }));
  }

  /** When controllers watched VPP, oldest first; the last one's end is open while it runs. */
  watches(): { fromMs: number; untilMs?: number }[] {
    return this.#db
      .all<{ from_ms: number; until_ms: number | null }>("SELECT from_ms, until_ms FROM watch ORDER BY id")
      .map(({ from_ms, until_ms }) => ({ fromMs: from_ms, ...(until_ms === null ? {} : { untilMs: until_ms }) }));
  }

  /** What was desired at a time: the state of the last entry before it that has one. */
  desiredAt(atMs: number): Record<string, unknown> | undefined {
    const row = this.#db.get<{ desired: string }>(
      "SELECT desired FROM entry WHERE at_ms <= ? AND desired IS NOT NULL ORDER BY id DESC LIMIT 1",
      atMs,
    );
    return row && getParts(this.#db, row.desired);
  }

  /** The first moment of which the history knows anything; undefined where it is empty. */
  beginsMs(): number | undefined {
    const ms = this.#db.number(
      "SELECT min(coalesce((SELECT min(seen_ms) FROM vip), 9e15), coalesce((SELECT min(at_ms) FROM entry), 9e15))",
    );
    return ms === 9e15 ? undefined : ms;
  }
}
