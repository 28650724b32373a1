import { closeSync, fsyncSync, openSync, rmdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type * as Sqlite from "node-sqlite3-wasm";

export type SqlValue = number | bigint | string | Uint8Array | null;
export type SqlRow = Record<string, SqlValue>;

/** Memory for pages, in KiB. */
const CACHE_KIB = 512;
/** The write-ahead log is moved into the file when it has so many pages of 4 KiB, and cut to so many bytes then. */
const CHECKPOINT_PAGES = 256;
const WAL_LIMIT_BYTES = 1 << 20;

let sqlite: typeof Sqlite | undefined;

/** A WebAssembly module of a megabyte: loaded when the first file is opened. */
function load(): typeof Sqlite {
  sqlite ??= createRequire(import.meta.url)("node-sqlite3-wasm") as typeof Sqlite;
  return sqlite;
}

/**
 * An SQLite database in a file that one process uses. Every call is synchronous; a commit is on the disk (fsync) when it
 * returns. Who opens it holds the state's lock (lock.ts): SQLite's own here is a directory, which outlives a killed
 * process and is removed because of that.
 */
export class Database {
  readonly path: string;
  readonly #db: Sqlite.Database;

  /** @throws SQLite's error, or node:fs's */
  constructor(path: string) {
    this.path = path;
    removeStaleLock(path);
    const { Database: Native } = load();
    this.#db = new Native(path);
    try {
      // Exclusive before the first access: the write-ahead log's index is in memory then, and no second file.
      this.#db.exec(`PRAGMA locking_mode = EXCLUSIVE`);
      // Before the first table: space that retention frees goes back to the file system.
      if (this.number("PRAGMA page_count") === 0) this.#db.exec("PRAGMA auto_vacuum = INCREMENTAL");
      this.#db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
      this.#db.get("PRAGMA journal_mode = WAL");
      this.#db.exec("PRAGMA synchronous = FULL");
      this.#db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      this.#db.exec(`PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  run(sql: string, ...values: SqlValue[]): { changes: number; id: number } {
    const { changes, lastInsertRowid } = this.#db.run(sql, values);
    return { changes, id: Number(lastInsertRowid) };
  }

  get<T extends SqlRow>(sql: string, ...values: SqlValue[]): T | undefined {
    return (this.#db.get(sql, values) ?? undefined) as T | undefined;
  }

  all<T extends SqlRow>(sql: string, ...values: SqlValue[]): T[] {
    return this.#db.all(sql, values) as T[];
  }

  /** A pragma's or an aggregate's one number. */
  number(sql: string, ...values: SqlValue[]): number {
    return Number(Object.values(this.get(sql, ...values) ?? {})[0] ?? 0);
  }

  /** All of `work`, or nothing of it. */
  transaction<T>(work: () => T): T {
    if (this.#db.inTransaction) return work();
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      // Some errors (a full disk) have rolled back already.
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

function removeStaleLock(path: string): void {
  try {
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** A new name in a directory outlives a power cut only after this. */
export function syncDirectoryOf(path: string): void {
  const fd = openSync(dirname(path), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
