import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { lockFile, type FileLock } from "../sys/flock.ts";
import type { Change, ChangeJournal } from "../target/changes.ts";
import { NscError } from "./errors.ts";

const VERSION = 1;

interface Document {
  readonly version: number;
  readonly netns: string;
  readonly changes: readonly Change[];
  /** Interfaces of connections, by name: their indices. */
  readonly devices: Readonly<Record<string, number>>;
}

type Kept = Pick<Document, "changes" | "devices">;

/**
 * The changes that the agent made to its host, kept on disk before each is made: an agent that was killed finds them at
 * its next start, and undoes them when it ends. One agent at a time has it.
 */
export class StateFile implements ChangeJournal {
  readonly path: string;
  /** Of the former life, in this network namespace. */
  readonly former: Kept;
  #kept: Kept;
  readonly #netns: string;
  readonly #lock: FileLock;
  #failed: ((error: Error) => void) | undefined;

  private constructor(path: string, netns: string, lock: FileLock, former: Kept) {
    this.path = path;
    this.#netns = netns;
    this.#lock = lock;
    this.former = former;
    this.#kept = former;
  }

  /**
   * @param netns of the network namespace: what was done to another one is nothing to us
   * @throws NscError STATE: another agent has it, or it cannot be written
   */
  static open(path: string, netns: string): StateFile {
    let lock: FileLock | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      lock = lockFile(`${path}.lock`);
    } catch (cause) {
      throw new NscError(
        "STATE",
        `${path} cannot be kept: ${(cause as Error).message}; name another file (--state)`,
        cause,
      );
    }
    if (lock === undefined)
      throw new NscError(
        "STATE",
        `another agent uses ${path}: end it, or give this one another name (--name, NSM_NAME)`,
      );
    return new StateFile(path, netns, lock, read(path, netns));
  }

  /** Hears of writes that failed: the changes are made all the same. */
  set onError(listener: (error: Error) => void) {
    this.#failed = listener;
  }

  record(changes: readonly Change[]): void {
    this.#write({ ...this.#kept, changes });
  }

  recordDevices(devices: Readonly<Record<string, number>>): void {
    if (!isDeepStrictEqual(devices, this.#kept.devices)) this.#write({ ...this.#kept, devices });
  }

  #write(kept: Kept): void {
    this.#kept = kept;
    const document: Document = { version: VERSION, netns: this.#netns, ...kept };
    try {
      writeFileSync(`${this.path}.new`, JSON.stringify(document), { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
    } catch (error) {
      this.#failed?.(error as Error);
    }
  }

  /** @param clean nothing is left to undo: the files go */
  close(clean: boolean): void {
    if (clean) for (const path of [this.path, `${this.path}.new`, `${this.path}.lock`]) rmSync(path, { force: true });
    this.#lock.release();
  }
}

/** What cannot be read is no state: it was cut off, or is not ours. */
function read(path: string, netns: string): Kept {
  const nothing: Kept = { changes: [], devices: {} };
  try {
    const {
      version,
      netns: where,
      changes = [],
      devices = {},
    } = JSON.parse(readFileSync(path, "utf8")) as Partial<Document>;
    if (version !== VERSION || where !== netns || !Array.isArray(changes)) return nothing;
    return {
      changes: changes.filter((one) => typeof one.key === "string" && typeof one.undo?.do === "string"),
      devices,
    };
  } catch {
    return nothing;
  }
}
