import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FileLock } from "../sys/flock.ts";
import { Database, syncDirectoryOf } from "./database.ts";
import { HistoryError, messageOf } from "./errors.ts";
import { copyState, kindOfFile, moveOldJournal, oldJournals, readText, setAside } from "./files.ts";
import { JournalRows, type JournalSections } from "./journal-rows.ts";
import { lockState } from "./lock.ts";
import { isUsable, migrate } from "./schema.ts";

export interface StateFileOptions {
  /** Default Date.now. */
  readonly now?: () => number;
  /** Turns the text of an old JSON journal into sections; undefined where it is none. */
  readonly readOld?: (text: string) => JournalSections | undefined;
}

export interface OpenedState {
  readonly state: StateFile;
  readonly journal: JournalSections;
  /** What was found wrong and what was done about it. */
  readonly warnings: readonly string[];
}

/** SQLite says so of a file that is none, or no whole one. */
const BROKEN = /malformed|not a database|corrupt/i;

/**
 * The file in which a controller keeps what it must know over restarts: journal and history. It has one writer. What
 * cannot be written is no reason to stop: it is tried again with the next write.
 */
export class StateFile {
  readonly path: string;
  readonly now: () => number;
  readonly #options: StateFileOptions;
  readonly #lock: FileLock;
  readonly #rows = new JournalRows();
  readonly #warnings: string[] = [];
  #db: Database | undefined;
  #journal: JournalSections = {};
  #problem: string | undefined;
  #closed = false;

  private constructor(path: string, options: StateFileOptions, lock: FileLock) {
    this.path = path;
    this.#options = options;
    this.#lock = lock;
    this.now = options.now ?? Date.now;
  }

  /**
   * Opens the file, or makes it. One that is broken is set aside; on a full disk it is read as far as it can be.
   * @throws HistoryError LOCKED, OPEN, VERSION
   */
  static open(path: string, options: StateFileOptions = {}): OpenedState {
    const state = new StateFile(path, options, takeLock(path));
    try {
      state.#attach();
    } catch (error) {
      if (error instanceof HistoryError || !isTransient(error)) {
        state.close();
        throw error instanceof HistoryError ? error : openError(path, error);
      }
      state.#readCopy(error);
    }
    return { state, journal: state.#journal, warnings: state.#warnings };
  }

  /** Why the last write failed, or the file could not be opened; undefined where all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Does `work` in a transaction. Never throws for what the disk does: what could not be written is `problem`, and the
   * caller keeps it for the next time.
   * @returns whether it is on the disk
   */
  write(work: (db: Database) => void): boolean {
    if (this.#closed) return false;
    try {
      const db = this.#db ?? this.#attach();
      db.transaction(() => work(db));
      this.#problem = undefined;
      return true;
    } catch (error) {
      this.#problem = `cannot write ${this.path}: ${messageOf(error)}`;
      if (BROKEN.test(messageOf(error))) this.#detach();
      return false;
    }
  }

  /** @throws HistoryError WRITE where there is no file to read now */
  read<T>(work: (db: Database) => T): T {
    if (this.#closed) throw new HistoryError("WRITE", `${this.path} is closed`);
    try {
      return work(this.#db ?? this.#attach());
    } catch (error) {
      // Errors of the work itself are its own.
      if (this.#db !== undefined && !isSqliteError(error)) throw error;
      if (error instanceof HistoryError) throw error;
      throw new HistoryError("WRITE", `cannot read ${this.path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Whether {@link saveJournal} would write. */
  journalDiffers(sections: JournalSections): boolean {
    return this.#rows.differs(sections);
  }

  /** Writes what differs; nothing where nothing does. @returns whether the file has it */
  saveJournal(sections: JournalSections): boolean {
    if (!this.#rows.differs(sections)) return true;
    const saved = this.write((db) => this.#rows.save(db, sections));
    if (saved) this.#rows.saved(sections);
    return saved;
  }

  /** Lets the file go. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#detach();
    this.#lock.release();
  }

  #detach(): void {
    try {
      this.#db?.close();
    } catch {
      // What closing could not write is in the log, and read from there the next time.
    }
    this.#db = undefined;
    this.#rows.forget();
  }

  #attach(): Database {
    const kind = kindOfFile(this.path);
    if (kind === "json" && this.#options.readOld?.(readText(this.path) ?? "") !== undefined) moveOldJournal(this.path);
    else if (kind === "json" || kind === "other") this.#setAside("could not be understood");
    const db = this.#openWhole();
    try {
      const old = db.transaction(() => (migrate(db) ? this.#import(db) : undefined));
      if (old !== undefined) renameSync(old, `${old}.migrated`);
      this.#journal = this.#rows.load(db);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#db = db;
    return db;
  }

  #openWhole(): Database {
    let db: Database | undefined;
    try {
      db = new Database(this.path);
      if (isUsable(db)) return db;
    } catch (error) {
      db?.close();
      if (!BROKEN.test(messageOf(error))) throw error;
    }
    if (db?.isOpen === true) db.close();
    this.#setAside("could not be understood");
    return new Database(this.path);
  }

  #setAside(why: string): void {
    const aside = setAside(this.path, this.now());
    this.#warnings.push(
      `the state file ${this.path} ${why} and was moved to ${aside}: what of VPP is ours is learnt anew from the configuration, the history begins anew`,
    );
  }

  /** A new file begins with the journal of before, if there is one. @returns the old journal's file */
  #import(db: Database): string | undefined {
    syncDirectoryOf(this.path);
    for (const file of oldJournals(this.path)) {
      const sections = this.#options.readOld?.(readText(file) ?? "");
      if (sections === undefined) {
        this.#warnings.push(`the old journal ${file} could not be understood; it is left where it is`);
        continue;
      }
      this.#rows.save(db, sections);
      this.#warnings.push(`the journal ${file} is now in ${this.path}; the old file is ${file}.migrated`);
      return file;
    }
    return undefined;
  }

  /** The disk is full, or may not be written: what is in the file is read from a copy elsewhere. */
  #readCopy(cause: unknown): void {
    this.#problem = `cannot open ${this.path}: ${messageOf(cause)}`;
    this.#warnings.push(`${this.#problem}; nothing is kept until that works`);
    const folder = mkdtempSync(join(tmpdir(), "vpplb-state-"));
    try {
      const copy = join(folder, "state");
      copyState(this.path, copy);
      if (kindOfFile(copy) === "missing") return;
      const db = new Database(copy);
      this.#journal = new JournalRows().load(db);
      db.close();
    } catch (error) {
      this.#warnings.push(`its journal could not be read: ${messageOf(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function takeLock(path: string): FileLock {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return lockState(path);
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    throw openError(path, error);
  }
}

/** What may pass by itself. Node's errors have codes; SQLite's binding has words only. */
function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG"].includes(code);
  return /full|I\/O|readonly|locked/i.test(messageOf(error));
}

function openError(path: string, cause: unknown): HistoryError {
  return new HistoryError(
    "OPEN",
    `cannot use the state file ${path}: ${messageOf(cause)}. Set state.journal to a file that can be written`,
    { cause },
  );
}

function isSqliteError(error: unknown): boolean {
  return (error as Error | undefined)?.constructor.name === "SQLite3Error";
}
