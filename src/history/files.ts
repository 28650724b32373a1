import { closeSync, copyFileSync, existsSync, openSync, readFileSync, readSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The journal was a JSON file of this name before it was in SQLite. */
const OLD_NAME = "journal.json";
/** Where an old journal is kept that had the state file's own name. */
const oldCopy = (path: string): string => `${path}.old`;

const MAGIC = "SQLite format 3\0";

export type FileKind = "missing" | "sqlite" | "json" | "other";

/** What lies at a path, by its first bytes. @throws node:fs's errors but ENOENT */
export function kindOfFile(path: string): FileKind {
  const start = Buffer.alloc(MAGIC.length);
  let length: number;
  try {
    const fd = openSync(path, "r");
    try {
      length = readSync(fd, start, 0, start.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw error;
  }
  // An empty file is a database in which nothing is yet: a crash can leave one.
  if (length === 0 || start.toString("latin1") === MAGIC) return "sqlite";
  return start.toString("latin1").trimStart().startsWith("{") ? "json" : "other";
}

/** Where an old journal may be that a new state file begins with. */
export function oldJournals(path: string): string[] {
  const beside = join(dirname(path), OLD_NAME);
  return [oldCopy(path), ...(basename(path) === OLD_NAME ? [] : [beside])].filter((file) => existsSync(file));
}

/** An old journal in the state file's place makes room. */
export function moveOldJournal(path: string): void {
  renameSync(path, oldCopy(path));
}

/** Renames a file and what SQLite has beside it. @returns the new name */
export function setAside(path: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[:.]/g, "-");
  const aside = `${path}.unreadable-${stamp}`;
  renameSync(path, aside);
  for (const suffix of ["-wal", "-journal"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/**
 * Copies a state file with its log, as they were at one moment, to look at it where it cannot be opened itself: someone
 * uses it, or may not write there. Nothing is copied where nothing is.
 */
export function copyState(from: string, to: string): void {
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = stamp(from);
    for (const suffix of ["", "-wal"]) if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
    if (kindOf(from) === "missing") {
      const [old] = oldJournals(from);
      if (old !== undefined) copyFileSync(old, to);
    }
    if (stamp(from) === before) return;
  }
}

function kindOf(path: string): "missing" | "there" {
  return existsSync(path) ? "there" : "missing";
}

function stamp(path: string): string {
  return ["", "-wal"]
    .map((suffix) => statSync(path + suffix, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "-" : `${stat.size} ${stat.mtimeMs}`))
    .join(" ");
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
