import { vipKey, type ObservedVip, type Operation } from "../bridge/index.ts";
import type { Database } from "./database.ts";
import { inParts, pack, putDocument, putParts, type Document, type PartedDocument } from "./documents.ts";
import { isOverfull, prune } from "./retention.ts";
import type { StateFile } from "./state-file.ts";
import { TableWatch } from "./tables.ts";
import type { Ways } from "./ways.ts";
import {
  DEFAULT_RETENTION,
  type Actor,
  type Cause,
  type EntryResult,
  type RecordedDisruption,
  type RecordedOperation,
  type Retention,
} from "./types.ts";

/** A VPP as the controller meets it. */
export interface MetVpp {
  readonly version: string;
  readonly pid: number;
  /** By its own uptime. */
  readonly startedAtMs?: number;
}

/** One go at VPP, to be kept. */
export interface RunRecord {
  readonly atMs: number;
  readonly endedMs: number;
  readonly cause: Cause;
  readonly reason: string;
  readonly by?: Actor;
  readonly result: EntryResult;
  readonly message?: string;
  readonly operations: readonly RecordedOperation[];
  /** Addresses of servers that operations concerned. */
  readonly servers: readonly string[];
  readonly disruption: readonly RecordedDisruption[];
  readonly problems: readonly string[];
  /** What VPP was to hold. */
  readonly desired?: object;
  /** It was taken over anew: kept also where there was nothing to do. */
  readonly accepted?: boolean;
}

/** Of one entry so many operations are kept; their number is. */
const MAX_OPERATIONS = 2000;
/** Writes that wait for a disk with room. */
const MAX_PENDING = 1000;

const CHANGES_PER_PRUNE = 20;

type Pending = (db: Database) => void;

/**
 * Writes the history: what was done, and what the VIPs' tables were made of. Nothing is written where nothing happens.
 * What cannot be written waits, up to a bound, and is written later.
 */
export class Recorder {
  readonly #state: StateFile;
  readonly #retention: Retention;
  #tables: TableWatch;
  #pending: Pending[] = [];
  #dropped = 0;
  #incarnation: number | undefined;
  /** When VPP was last seen, in its present life. */
  #lastSeenMs: number | undefined;
  #watch: number | undefined;
  #watching = false;
  /** So many changes come before it is looked again whether there is too much. */
  #untilPrune = 0;
  #desired: string | undefined;
  #lastFailure: { readonly text: string; id: number | undefined; repeats: number } | undefined;

  constructor(state: StateFile, retention: Retention = DEFAULT_RETENTION) {
    this.#state = state;
    this.#retention = retention;
    this.#tables = new TableWatch();
  }

  /** A VPP answers. @param same it is the one of before, over restarts of the controller too */
  met(vpp: MetVpp, same: boolean): void {
    if (same && this.#incarnation !== undefined) return;
    const nowMs = this.#state.now();
    this.#beginWatch();
    this.#lastSeenMs = undefined;
    if (same && this.#resume()) return this.flush();
    this.#tables.clear();
    const { version, pid, startedAtMs } = vpp;
    this.#later((db) => {
      const body = JSON.stringify({ version, pid, startedAtMs });
      this.#incarnation = db.run("INSERT INTO incarnation (seen_ms, body) VALUES (?, ?)", nowMs, body).id;
    });
    this.flush();
  }

  /** What is known of the VPP of before: its tables, as they were left. @returns whether there is anything */
  #resume(): boolean {
    try {
      return this.#state.read((db) => {
        const last = db.get<{ id: number }>("SELECT max(id) AS id FROM incarnation");
        if (last?.id == null) return false;
        const rows = db.all<{ vip: string; document: string }>(
          `SELECT vip, document FROM vip WHERE incarnation = ? AND document IS NOT NULL
             AND id IN (SELECT max(id) FROM vip GROUP BY vip)`,
          last.id,
        );
        this.#tables = new TableWatch(rows.map(({ vip, document }) => [vip, document] as const));
        this.#incarnation = last.id;
        this.#lastSeenMs = lastKnownMs(db);
        this.#desired = db.get<{ desired: string | null }>(
          "SELECT desired FROM entry WHERE desired IS NOT NULL ORDER BY id DESC LIMIT 1",
        )?.desired as string | undefined;
        return true;
      });
    } catch {
      return false;
    }
  }

  /** VPP was looked at: what changed of its VIPs is written with the next {@link flush}. */
  observed(vips: readonly ObservedVip[], weighted: boolean, atMs: number, ways?: Ways): void {
    const afterMs = this.#lastSeenMs ?? 0;
    this.#lastSeenMs = atMs;
    const changes = this.#tables.look(vips, weighted, ways);
    if (changes.length === 0) return;
    this.#later((db) => {
      for (const { vip, document } of changes) this.#putTable(db, vip, document, afterMs, atMs);
    });
  }

  #putTable(db: Database, vip: string, document: Document | undefined, afterMs: number, seenMs: number): void {
    if (document !== undefined) putDocument(db, document);
    db.run(
      "INSERT INTO vip (vip, incarnation, after_ms, seen_ms, document) VALUES (?, ?, ?, ?, ?)",
      vip,
      this.#incarnation ?? 0,
      afterMs,
      seenMs,
      document?.digest ?? null,
    );
  }

  /** Notes what ends flows' stickiness. */
  done({ action, inverse }: Operation, atMs: number): void {
    const resized =
      action.type === "lb-conf" &&
      inverse?.type === "lb-conf" &&
      inverse.conf.stickyBuckets !== action.conf.stickyBuckets;
    if (resized) return this.#flushed("*", ["*"], atMs);
    const servers =
      action.type === "servers-delete" && action.flush
        ? action.servers
        : action.type === "server-weight" && action.flush
          ? [action.server]
          : action.type === "vip-delete"
            ? ["*"]
            : [];
    if (servers.length > 0 && "vip" in action) this.#flushed(vipKey(action.vip), servers, atMs);
  }

  #flushed(vip: string, servers: readonly string[], atMs: number): void {
    this.#later((db) => {
      for (const server of servers) {
        db.run(
          "INSERT INTO flush (vip, server, incarnation, at_ms) VALUES (?, ?, ?, ?)",
          vip,
          server,
          this.#incarnation ?? 0,
          atMs,
        );
      }
    });
  }

  /** Keeps a run that did something, or was to. The same failure again and again is counted, not kept each time. */
  ran(run: RunRecord): void {
    const desired = run.desired === undefined ? undefined : inParts(run.desired);
    const isNew = run.accepted === true && desired !== undefined && desired.manifest.digest !== this.#desired;
    if (run.operations.length === 0 && run.result !== "refused" && !isNew) return this.flush();
    const failure = failureText(run);
    if (failure !== undefined && failure === this.#lastFailure?.text) this.#repeat(run.endedMs);
    else this.#append(run, desired, failure);
    this.flush();
  }

  #append(run: RunRecord, desired: PartedDocument | undefined, failure: string | undefined): void {
    const mark = failure === undefined ? undefined : { text: failure, id: undefined as number | undefined, repeats: 0 };
    this.#lastFailure = mark;
    if (desired !== undefined) this.#desired = desired.manifest.digest;
    this.#later((db) => {
      if (desired !== undefined) putParts(db, desired);
      const id = putEntry(db, run, this.#incarnation, desired?.manifest.digest);
      if (mark !== undefined) mark.id = id;
    });
  }

  /** Written at every doubling, so that what fails for days is no endless writing. */
  #repeat(atMs: number): void {
    const last = this.#lastFailure;
    if (last === undefined) return;
    const repeats = ++last.repeats;
    if ((repeats & (repeats - 1)) !== 0) return;
    this.#later((db) => {
      const row = db.get<{ head: string }>("SELECT head FROM entry WHERE id = ?", last.id ?? 0);
      if (row === undefined) return;
      const head = { ...(JSON.parse(row.head) as object), repeats, repeatedMs: atMs };
      db.run("UPDATE entry SET head = ? WHERE id = ?", JSON.stringify(head), last.id ?? 0);
    });
  }

  #later(write: Pending): void {
    this.#pending.push(write);
    if (this.#pending.length <= MAX_PENDING) return;
    // The first of all begins the watch.
    this.#pending.splice(1, 1);
    this.#dropped++;
  }

  #beginWatch(): void {
    if (this.#watch !== undefined || this.#watching) return;
    this.#watching = true;
    const nowMs = this.#state.now();
    this.#later((db) => {
      // One that died could not say until when it watched.
      db.run("UPDATE watch SET until_ms = max(from_ms, ?) WHERE until_ms IS NULL", lastKnownMs(db));
      this.#watch = db.run("INSERT INTO watch (from_ms) VALUES (?)", nowMs).id;
    });
  }

  /** So many writes are lost because the disk was full for too long. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes what waits, in one step, or keeps it for the next time. */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const saved = this.#state.write((db) => {
      for (const write of pending) write(db);
    });
    if (!saved) return;
    this.#pending = [];
    if (--this.#untilPrune > 0) return;
    this.#untilPrune = CHANGES_PER_PRUNE;
    this.#state.write((db) => {
      const nowMs = this.#state.now();
      if (isOverfull(db, this.#retention, nowMs)) prune(db, this.#retention, nowMs);
    });
  }

  /** Notes until when VPP was watched. */
  close(): void {
    const untilMs = this.#lastSeenMs;
    if (this.#watch !== undefined && untilMs !== undefined) {
      this.#later((db) => db.run("UPDATE watch SET until_ms = ? WHERE id = ?", untilMs, this.#watch ?? 0));
    }
    this.flush();
  }
}

function putEntry(db: Database, run: RunRecord, incarnation: number | undefined, desired: string | undefined): number {
  const { operations, disruption, problems, reason, by, message } = run;
  const vips = vipsOf(operations);
  const failed = operations.filter((one) => one.result === "failed").length;
  const head = {
    reason,
    by,
    message,
    done: operations.length - failed,
    failed,
    moved: Math.max(0, ...disruption.map((one) => one.moved)),
    vips: vips.slice(0, MAX_OPERATIONS),
    servers: run.servers.slice(0, MAX_OPERATIONS),
  };
  // What failed is what one looks for.
  const kept = [...operations].sort((a, b) => Number(b.result === "failed") - Number(a.result === "failed"));
  const body = {
    operations: operations.length > MAX_OPERATIONS ? kept.slice(0, MAX_OPERATIONS) : operations,
    disruption,
    problems,
  };
  const { id } = db.run(
    "INSERT INTO entry (at_ms, ended_ms, cause, result, incarnation, desired, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    run.atMs,
    run.endedMs,
    run.cause,
    run.result,
    incarnation ?? null,
    desired ?? null,
    JSON.stringify(head),
    pack(body),
  );
  const touch = (kind: string, object: string) =>
    db.run("INSERT OR IGNORE INTO touched (kind, object, entry) VALUES (?, ?, ?)", kind, object, id);
  for (const vip of vips) touch("vip", vip);
  for (const server of run.servers) touch("server", server);
  return id;
}

function vipsOf(operations: readonly RecordedOperation[]): string[] {
  const concerned = operations.filter((one) => one.kind === "vip" || one.kind === "server");
  return [...new Set(concerned.map((one) => one.object))].sort();
}

/** What a run failed of, where it did nothing else. */
function failureText(run: RunRecord): string | undefined {
  const nothingDone = run.operations.every((one) => one.result === "failed");
  if (!nothingDone || (run.result !== "failed" && run.result !== "refused")) return undefined;
  return JSON.stringify([run.result, run.message, run.operations.map((one) => [one.id, one.error])]);
}

/** The last moment at which a controller is known to have seen VPP. */
function lastKnownMs(db: Database): number {
  return db.number(
    `SELECT max(coalesce((SELECT max(until_ms) FROM watch), 0), coalesce((SELECT max(ended_ms) FROM entry), 0),
       coalesce((SELECT max(seen_ms) FROM vip), 0))`,
  );
}
