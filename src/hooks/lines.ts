import type { Readable } from "node:stream";

/** Characters of a line; the rest of it is left out. */
const MAX_LINE = 4096;
/** Lines of one reader; more are left out. */
const MAX_LINES = 1000;
/** Read at once, at most; then a pause, so that a flood takes little of this process. */
const BURST_CHARACTERS = 65_536;
const PAUSE_MS = 10;

/**
 * Tells the lines of a stream, bounded in length and number, and goes on reading: whoever writes is never held up by
 * what nobody wants to know.
 */
export class Lines {
  readonly #input: Readable;
  readonly #onLine: (line: string) => void;
  #rest = "";
  #told = 0;
  #burst = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(input: Readable, onLine: (line: string) => void) {
    this.#input = input;
    this.#onLine = onLine;
    input.setEncoding("utf8");
    input.on("data", (text: string) => this.#take(text));
    input.on("end", () => this.#flush());
    input.on("error", () => undefined);
  }

  #take(text: string): void {
    this.#burst += text.length;
    if (this.#burst >= BURST_CHARACTERS) this.#breathe();
    if (this.#told > MAX_LINES) return;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) this.#tell(line);
  }

  #breathe(): void {
    this.#burst = 0;
    this.#input.pause();
    this.#pause = setTimeout(() => this.#input.resume(), PAUSE_MS);
  }

  #tell(line: string): void {
    if (this.#told > MAX_LINES) return;
    const limit = this.#told++ === MAX_LINES;
    this.#onLine(limit ? `more than ${MAX_LINES} lines: the rest is left out` : line.slice(0, MAX_LINE));
  }

  #flush(): void {
    if (this.#rest !== "") this.#tell(this.#rest);
    this.#rest = "";
  }

  /** Tells what has come of the last line, and reads no more. Idempotent. */
  close(): void {
    clearTimeout(this.#pause);
    this.#flush();
    this.#input.removeAllListeners("data");
    this.#input.destroy();
  }
}
