import { watch, type FSWatcher } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Observable } from "rxjs";
import { ConfigError } from "./errors.ts";

export type FileReading = { readonly text: string } | { readonly error: ConfigError };

const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Editors write in several steps; ConfigMaps swap a link next to the file. */
const SETTLE_MS = 100;
const POLL_MS = 5000;

/** @throws ConfigError FILE */
export async function readConfigFile(file: string): Promise<string> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES} bytes`);
      return await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const message = `cannot read ${file}: ${(cause as Error).message}`;
    throw new ConfigError("FILE", message, [{ severity: "error", message, path: "" }], { cause });
  }
}

/**
 * The file's text now, and again whenever it differs: on changes in its directory (also a ConfigMap's link swap), on
 * every `reload$`-like call of `onReload`, and each `pollMs` (5000) for file systems without change events. What is new
 * counts once nothing has changed for `settleMs` (100).
 * A reading on request is emitted even if the text is the same. Ends never; unsubscribe closes everything.
 */
export function watchConfigFile(
  file: string,
  options: { pollMs?: number; settleMs?: number; reload$?: Observable<unknown> } = {},
): Observable<FileReading> {
  return new Observable((subscriber) => {
    const settleMs = options.settleMs ?? SETTLE_MS;
    let last: string | undefined;
    let timer: NodeJS.Timeout | undefined;
    let reading = Promise.resolve();
    const read = (when: "always" | "new" | "new and settled") => {
      reading = reading.then(async () => {
        const next = await readConfigFile(file).then(
          (text): FileReading => ({ text }),
          (error: ConfigError): FileReading => ({ error }),
        );
        const identity = "text" in next ? `text ${next.text}` : `error ${next.error.message}`;
        if (subscriber.closed || (identity === last && when !== "always")) return;
        if (when === "new and settled") return void (timer ??= setTimeout(settled, settleMs));
        last = identity;
        subscriber.next(next);
      });
    };
    const settled = () => {
      timer = undefined;
      read("new");
    };
    const settle = () => {
      clearTimeout(timer);
      timer = setTimeout(settled, settleMs);
    };
    const watcher = watchDirectory(file, settle);
    // It may come in the middle of a write: a part of a file can be a file without VIPs.
    const poll = setInterval(() => read("new and settled"), options.pollMs ?? POLL_MS);
    const reload = options.reload$?.subscribe(() => read("always"));
    read("always");
    return () => {
      clearTimeout(timer);
      clearInterval(poll);
      watcher?.close();
      reload?.unsubscribe();
    };
  });
}

/** The directory, because the file itself may be replaced. Without change events the poll is left. */
function watchDirectory(file: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      // Kubernetes swaps `..data` beside the file; a null name may be anything.
      if (name === null || name === basename(file) || name.startsWith("..")) changed();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
