import type { Database } from "./database.ts";

/** A journal as the file has it: sections of keys, each with a JSON value. */
export type JournalSections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Rows = Map<string, string>;

/** Writes a journal by its difference to what the file has. */
export class JournalRows {
  /** What the file has; undefined: not known, all is written. */
  #written: Rows | undefined;

  load(db: Database): JournalSections {
    const rows = db.all<{ section: string; key: string; value: string }>("SELECT section, key, value FROM journal");
    const sections: Record<string, Record<string, unknown>> = {};
    this.#written = new Map();
    for (const { section, key, value } of rows) {
      this.#written.set(rowKey(section, key), value);
      (sections[section] ??= {})[storedName(key)] = JSON.parse(value) as unknown;
    }
    return sections;
  }

  /** The file is another one, or has an unknown part of what was written. */
  forget(): void {
    this.#written = undefined;
  }

  differs(sections: JournalSections): boolean {
    const rows = toRows(sections);
    const written = this.#written;
    return written?.size !== rows.size || [...rows].some(([key, value]) => written.get(key) !== value);
  }

  /** Call it in a transaction; then {@link saved} when that is through. */
  save(db: Database, sections: JournalSections): void {
    const rows = toRows(sections);
    if (this.#written === undefined) db.exec("DELETE FROM journal");
    const before = this.#written ?? new Map<string, string>();
    for (const key of before.keys()) {
      if (!rows.has(key)) db.run("DELETE FROM journal WHERE section = ? AND key = ?", ...fromKey(key));
    }
    for (const [key, value] of rows) {
      if (before.get(key) === value) continue;
      db.run("INSERT OR REPLACE INTO journal (section, key, value) VALUES (?, ?, ?)", ...fromKey(key), value);
    }
  }

  saved(sections: JournalSections): void {
    this.#written = toRows(sections);
  }
}

function toRows(sections: JournalSections): Rows {
  const rows: Rows = new Map();
  for (const [section, entries] of Object.entries(sections)) {
    for (const [key, value] of Object.entries(entries))
      rows.set(rowKey(section, columnText(key)), JSON.stringify(value));
  }
  return rows;
}

const NOT_STORABLE = /[\0\ud800-\udfff]/u;

/** SQLite's binding ends a text at its first NUL and replaces half a surrogate pair: such a key is kept as JSON. */
function columnText(key: string): string {
  return NOT_STORABLE.test(key) || key.startsWith('"') ? JSON.stringify(key) : key;
}

function storedName(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** Section names are ours, and hold no line break. */
const rowKey = (section: string, key: string): string => `${section}\n${key}`;

function fromKey(key: string): [string, string] {
  const end = key.indexOf("\n");
  return [key.slice(0, end), key.slice(end + 1)];
}
