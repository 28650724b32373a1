import { mkdirSync, readFileSync } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, NseError } from "./errors.ts";
import { fileSchema, fromFile, toFile, type ConnectionRecord, type Kept, type Leaving } from "./record.ts";

/**
 * The file of the connections: whole or as it was before (written beside and renamed). Writes that are asked for
 * together are one.
 */
export class ConnectionStore {
  readonly #path: string;
  readonly #kept: () => Kept;
  readonly #onOutcome: (error: unknown) => void;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @param onOutcome hears of each write: undefined where it succeeded */
  constructor(path: string, kept: () => Kept, onOutcome: (error: unknown) => void) {
    this.#path = path;
    this.#kept = kept;
    this.#onOutcome = onOutcome;
  }

  /** What the last agent left; none where there is no file. @throws NseError STATE */
  static load(path: string): { readonly live: ConnectionRecord[]; readonly leaving: Leaving[] } {
    let text: string;
    try {
      mkdirSync(dirname(path), { recursive: true });
      text = readFileSync(path, "utf8");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { live: [], leaving: [] };
      throw new NseError("STATE", `cannot read the connections in ${path}: ${messageOf(cause)}`, { cause });
    }
    try {
      const file = fileSchema.parse(JSON.parse(text));
      return { live: fromFile(file), leaving: file.leaving };
    } catch (cause) {
      throw new NseError(
        "STATE",
        `${path} is no file of connections: move it away to begin without them (clients connect again)`,
        { cause },
      );
    }
  }

  /** Settles when what is there now is on the disk. Rejects where it could not be written. */
  save(): Promise<void> {
    if (this.#writing === undefined) return this.#begin();
    this.#next ??= this.#writing.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  /** What is being written is written. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined);
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const writing = this.#write()
      .then(
        () => this.#onOutcome(undefined),
        (error: unknown) => {
          this.#onOutcome(error);
          throw error;
        },
      )
      .finally(() => {
        if (this.#writing === writing) this.#writing = undefined;
      });
    this.#writing = writing;
    return writing;
  }

  async #write(): Promise<void> {
    const text = JSON.stringify(toFile(this.#kept()));
    const beside = `${this.#path}.new`;
    try {
      const file = await open(beside, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(beside, this.#path);
    } catch (error) {
      await unlink(beside).catch(() => undefined);
      throw error;
    }
  }
}
