import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HistoryQueries, ControllerError } from "../controller/index.ts";
import { copyState, StateFile } from "../history/index.ts";

/**
 * The history of a state file where no controller runs. A copy is looked at, so that one needs no more than to read it.
 * @throws ControllerError NOT_FOUND where there is no such file, JOURNAL where it cannot be read
 */
export async function withPast<T>(path: string, use: (past: HistoryQueries) => Promise<T>): Promise<T> {
  if (!existsSync(path)) {
    const message = `there is no state file ${path}: name the configuration with -f, or the file with --journal`;
    throw new ControllerError("NOT_FOUND", message);
  }
  const folder = await mkdtemp(join(tmpdir(), "vpplb-"));
  try {
    const copy = join(folder, "state");
    const state = openCopy(path, copy);
    try {
      return await use(new HistoryQueries(state));
    } finally {
      state.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function openCopy(path: string, copy: string): StateFile {
  try {
    copyState(path, copy);
    return StateFile.open(copy).state;
  } catch (error) {
    throw new ControllerError("JOURNAL", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
