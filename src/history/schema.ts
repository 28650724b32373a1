import type { Database } from "./database.ts";
import { HistoryError } from "./errors.ts";

/** Marks the file as ours: "vppl". */
const APPLICATION_ID = 0x7670706c;

/**
 * Each brings the schema from the version of its index to the next. They are never changed, only added to.
 * Times are ms since 1970, UTC. Bodies are JSON, deflated.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- What of VPP is ours (journal.ts of the controller): sections with keys and JSON values.
  CREATE TABLE journal (
    section TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (section, key)
  ) WITHOUT ROWID;

  -- Content by its digest: parts of desired states, VIPs' tables.
  CREATE TABLE document (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;

  -- Lives of VPP.
  CREATE TABLE incarnation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, seen_ms INTEGER NOT NULL, body TEXT NOT NULL
  );

  -- When a controller watched: an open end is that of the one that runs, or of one that died.
  CREATE TABLE watch (id INTEGER PRIMARY KEY AUTOINCREMENT, from_ms INTEGER NOT NULL, until_ms INTEGER);

  -- What was done, when and why.
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
    cause TEXT NOT NULL, result TEXT NOT NULL,
    incarnation INTEGER, desired TEXT,
    head TEXT NOT NULL, body BLOB NOT NULL
  );
  CREATE INDEX entry_at ON entry (at_ms);
  CREATE TABLE touched (
    kind TEXT NOT NULL, object TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (kind, object, entry)
  ) WITHOUT ROWID;
  CREATE INDEX touched_entry ON touched (entry);

  -- What a VIP's new-flow table was made of, as VPP showed it: from "seen" on, and not before "after". No document: gone.
  CREATE TABLE vip (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vip TEXT NOT NULL, incarnation INTEGER NOT NULL,
    after_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
    document TEXT, entry INTEGER
  );
  CREATE INDEX vip_seen ON vip (vip, seen_ms);

  -- Sticky entries that ended: of a server, or of a whole VIP that was made anew.
  CREATE TABLE flush (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vip TEXT NOT NULL, server TEXT NOT NULL, incarnation INTEGER NOT NULL, at_ms INTEGER NOT NULL
  );
  CREATE INDEX flush_at ON flush (at_ms);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the schema up to date, in one step. @returns whether the file was new @throws HistoryError VERSION */
export function migrate(db: Database): boolean {
  const version = db.number("PRAGMA user_version");
  if (version > SCHEMA_VERSION) {
    throw new HistoryError(
      "VERSION",
      `${db.path} is of a newer vpplb (schema ${version}, this one knows ${SCHEMA_VERSION}): run that one, or move the file away`,
    );
  }
  if (version < SCHEMA_VERSION) {
    db.transaction(() => {
      for (const step of MIGRATIONS.slice(version)) db.exec(step);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    });
  }
  return version === 0;
}

/** Whether SQLite finds the file whole, and of ours or empty. */
export function isUsable(db: Database): boolean {
  const id = db.number("PRAGMA application_id");
  const tables = db.number("SELECT count(*) FROM sqlite_master");
  if (id !== APPLICATION_ID && tables > 0) return false;
  return db.all("PRAGMA quick_check(1)").every((row) => Object.values(row)[0] === "ok");
}
