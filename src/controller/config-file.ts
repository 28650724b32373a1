import type { DesiredState } from "../bridge/index.ts";
import type { RunCause } from "./cause.ts";
import { errorText, warningsOf } from "./results.ts";
import type { ConfigStatus, ParsedDesired } from "./types.ts";

/** What came of a text of the file. */
export type Loaded =
  | { readonly result: "invalid"; readonly message: string }
  | {
      readonly result: "ok";
      readonly message: string;
      /** Absent where the same text was taken before. */
      readonly proposal?: { readonly desired: DesiredState; readonly cause: RunCause };
    };

/** lb.yaml as it was last read: what is good of it, and what the status says of it. */
export class ConfigFile {
  readonly #parse: (yaml: string) => ParsedDesired;
  readonly #name: string | undefined;
  #status: ConfigStatus;
  /** The latest good state: what `apply` without a text applies. */
  #latest: DesiredState | undefined;
  /** The text that was last taken. */
  #taken: string | undefined;

  constructor(parse: (yaml: string) => ParsedDesired, name: string | undefined) {
    this.#parse = parse;
    this.#name = name;
    this.#status = { ...this.#file, warnings: [] };
  }

  get status(): ConfigStatus {
    return this.#status;
  }

  get latest(): DesiredState | undefined {
    return this.#latest;
  }

  get #file(): { file?: string } {
    return this.#name === undefined ? {} : { file: this.#name };
  }

  /** The text as it is now. A bad one changes nothing; the status says why. */
  load(text: string): Loaded {
    const { state, diagnostics } = this.#parse(text);
    if (state === undefined) {
      const message = errorText(diagnostics);
      this.#status = { ...this.#status, error: message, warnings: [] };
      return { result: "invalid", message };
    }
    const first = this.#status.loadedAt === undefined;
    this.#latest = state;
    this.#status = { ...this.#file, loadedAt: new Date().toISOString(), warnings: warningsOf(diagnostics) };
    const message = `loaded ${this.#name ?? "configuration"}`;
    // What an operator applied meanwhile, and steps that are under way, are not undone by reading the same again.
    if (text === this.#taken) return { result: "ok", message };
    this.#taken = text;
    const cause: RunCause = first
      ? { cause: "start", reason: "the controller started" }
      : { cause: "config", reason: `${this.#name ?? "the configuration"} changed` };
    return { result: "ok", message, proposal: { desired: state, cause } };
  }

  /** What the text came to was refused: the same text may be proposed again. */
  refused(text: string): void {
    if (this.#taken === text) this.#taken = undefined;
  }

  /** It cannot be read. */
  failed(message: string): void {
    this.#status = { ...this.#status, error: message };
  }
}
