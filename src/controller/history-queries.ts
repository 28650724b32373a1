import {
  HistoryError,
  Past,
  queryHistory,
  type HistoryEntry,
  type HistoryQuery,
  type StateFile,
} from "../history/index.ts";
import { MaglevError } from "../maglev/index.ts";
import { ControllerError, messageOf } from "./errors.ts";
import { explainPast } from "./past.ts";
import type { Flow, PastExplanation } from "./types.ts";

/** What is asked of the history, with and without a controller that runs. */
export class HistoryQueries {
  readonly #state: StateFile;

  constructor(state: StateFile) {
    this.#state = state;
  }

  async history(query: HistoryQuery = {}): Promise<HistoryEntry[]> {
    return Promise.resolve(this.#read(() => this.#state.read((db) => queryHistory(db, query))));
  }

  async explainAt(flow: Flow, at: string): Promise<PastExplanation> {
    const atMs = Date.parse(at);
    if (Number.isNaN(atMs)) throw new ControllerError("INPUT", `"${at}" is no time: write it as ISO 8601`);
    const question = { flow, atMs, nowMs: this.#state.now() };
    return Promise.resolve(this.#read(() => this.#state.read((db) => explainPast(question, new Past(db)))));
  }

  /** @throws ControllerError */
  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof ControllerError) throw error;
      const input = error instanceof MaglevError || (error instanceof HistoryError && error.code === "INPUT");
      const missing = error instanceof HistoryError && error.code === "NOT_FOUND";
      throw new ControllerError(input ? "INPUT" : missing ? "NOT_FOUND" : "JOURNAL", messageOf(error), {
        cause: error,
      });
    }
  }
}
