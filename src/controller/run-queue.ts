import { mergeCauses, type RunCause } from "./cause.ts";

/** Asks for runs: those that are asked for before one begins are one, and one is under way at a time. */
export class RunQueue<T> {
  readonly #run: (cause: RunCause) => Promise<T>;
  readonly #first: () => RunCause | undefined;
  #queued: Promise<T> | undefined;
  #causes: RunCause[] = [];
  #running: Promise<unknown> = Promise.resolve();

  /**
   * @param run does it; never rejects
   * @param first a cause that counts before those of the calls, looked for as a run begins
   */
  constructor(run: (cause: RunCause) => Promise<T>, first: () => RunCause | undefined) {
    this.#run = run;
    this.#first = first;
  }

  /** Causes of the run that comes next. */
  get waiting(): readonly RunCause[] {
    return this.#causes;
  }

  /** A run that begins after now. */
  kick(cause: RunCause): Promise<T> {
    this.#causes.push(cause);
    this.#queued ??= this.#next();
    return this.#queued;
  }

  /** Settles when what runs now, and what is asked for by now, has ended. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #next(): Promise<T> {
    const mine = this.#running.then(() => {
      const causes = this.#causes;
      this.#queued = undefined;
      this.#causes = [];
      const first = this.#first();
      return this.#run(mergeCauses(first === undefined ? causes : [first, ...causes]));
    });
    this.#running = mine.catch(() => undefined);
    return mine;
  }
}
