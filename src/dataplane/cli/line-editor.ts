/**
 * The line that a person types at a CLI session: echo, cursor, history and completion with VPP's keys
 * (src/vlib/unix/cli.c:324). Pure: bytes in, text for the terminal and complete lines out.
 */

const CSI = "\x1b[";
/** VPP's history limit is 50 lines (src/vlib/unix/main.c `cli_history_limit`). */
const HISTORY_LINES = 50;
const MAX_LINE_CHARACTERS = 1 << 16;

type Action =
  | "enter"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "erase"
  | "erase-right"
  | "erase-line-left"
  | "erase-line-right"
  | "erase-word-left"
  | "word-left"
  | "word-right"
  | "clear"
  | "tab"
  | "none";

const KEYS: readonly (readonly [string, Action])[] = [
  ["\r\n", "enter"],
  ["\r\0", "enter"],
  ["\n", "enter"],
  ["\r", "enter"],
  ["\x02", "left"],
  ["\x06", "right"],
  ["\x10", "up"],
  ["\x0e", "down"],
  ["\x01", "home"],
  ["\x05", "end"],
  ["\x04", "erase-right"],
  ["\x15", "erase-line-left"],
  ["\x0b", "erase-line-right"],
  ["\x17", "erase-word-left"],
  ["\x0c", "clear"],
  ["\x1bb", "word-left"],
  ["\x1bf", "word-right"],
  ["\b", "erase"],
  ["\x7f", "erase"],
  ["\t", "tab"],
  [`${CSI}A`, "up"],
  [`${CSI}B`, "down"],
  [`${CSI}C`, "right"],
  [`${CSI}D`, "left"],
  [`${CSI}H`, "home"],
  [`${CSI}F`, "end"],
  [`${CSI}3~`, "erase-right"],
  [`${CSI}1;5D`, "word-left"],
  [`${CSI}1;5C`, "word-right"],
  ["\x1bOA", "up"],
  ["\x1bOB", "down"],
  ["\x1bOC", "right"],
  ["\x1bOD", "left"],
  ["\x1bOH", "home"],
  ["\x1bOF", "end"],
  [`${CSI}1~`, "home"],
  [`${CSI}4~`, "end"],
  ["\0", "none"],
];

export interface EditorHooks {
  /** Text for the terminal. */
  readonly echo: (text: string) => void;
  /** Words that may follow what stands left of the cursor. */
  readonly complete: (text: string) => readonly string[];
  readonly prompt: string;
}

export class LineEditor {
  readonly #hooks: EditorHooks;
  readonly #history: string[] = [];
  #line = "";
  #cursor = 0;
  #excursion = 0;
  #held = "";
  #swallowNewline = false;

  constructor(hooks: EditorHooks) {
    this.#hooks = hooks;
  }

  get history(): readonly string[] {
    return this.#history;
  }

  /** Takes typed bytes and gives back the lines that they complete, in order. */
  push(text: string): string[] {
    const lines: string[] = [];
    let rest = this.#held + text;
    this.#held = "";
    while (rest !== "") {
      // A CR that was cut from its LF already ended the line.
      if (this.#swallowNewline && (rest[0] === "\n" || rest[0] === "\0")) {
        this.#swallowNewline = false;
        rest = rest.slice(1);
        continue;
      }
      this.#swallowNewline = false;
      const key = KEYS.find(([bytes]) => rest.startsWith(bytes));
      if (key === undefined && KEYS.some(([bytes]) => rest.length < bytes.length && bytes.startsWith(rest))) {
        this.#held = rest;
        break;
      }
      const [bytes, action] = key ?? [rest.slice(0, 1), "insert" as const];
      rest = rest.slice(bytes.length);
      if (bytes === "\r" && rest === "") this.#swallowNewline = true;
      if (action === "enter") lines.push(this.#enter());
      else if (action === "insert") this.#insert(bytes);
      else this.#act(action);
    }
    return lines;
  }

  #enter(): string {
    const line = this.#line;
    this.#hooks.echo("\n");
    if (line !== "" && this.#history.at(-1) !== line) {
      this.#history.push(line);
      if (this.#history.length > HISTORY_LINES) this.#history.shift();
    }
    this.#excursion = this.#history.length;
    this.#line = "";
    this.#cursor = 0;
    return line;
  }

  #insert(c: string): void {
    if (c < " " || c === "\x1b" || this.#line.length >= MAX_LINE_CHARACTERS) return;
    const tail = this.#line.slice(this.#cursor);
    this.#line = this.#line.slice(0, this.#cursor) + c + tail;
    this.#cursor += 1;
    this.#hooks.echo(c + tail + "\b".repeat(tail.length));
  }

  #act(action: Exclude<Action, "enter">): void {
    switch (action) {
      case "left":
        return this.#move(Math.max(0, this.#cursor - 1));
      case "right":
        return this.#move(Math.min(this.#line.length, this.#cursor + 1));
      case "home":
        return this.#move(0);
      case "end":
        return this.#move(this.#line.length);
      case "word-left":
        return this.#move(this.#wordLeft());
      case "word-right":
        return this.#move(this.#cursor + (/^ *[^ ]*/.exec(this.#line.slice(this.#cursor))?.[0].length ?? 0));
      case "erase":
        return this.#cut(Math.max(0, this.#cursor - 1), this.#cursor);
      case "erase-right":
        return this.#cut(this.#cursor, Math.min(this.#line.length, this.#cursor + 1));
      case "erase-line-left":
        return this.#cut(0, this.#cursor);
      case "erase-line-right":
        return this.#cut(this.#cursor, this.#line.length);
      case "erase-word-left":
        return this.#cut(this.#wordLeft(), this.#cursor);
      case "up":
        return this.#recall(this.#excursion - 1);
      case "down":
        return this.#recall(this.#excursion + 1);
      case "clear":
        return this.#hooks.echo(`${CSI}2J${CSI}1;1H${this.#hooks.prompt}${this.#tailBack()}`);
      case "tab":
        return this.#complete();
      case "none":
        return undefined;
    }
  }

  #wordLeft(): number {
    return this.#line.slice(0, this.#cursor).replace(/[^ ]* *$/, "").length;
  }

  #move(to: number): void {
    if (to < this.#cursor) this.#hooks.echo("\b".repeat(this.#cursor - to));
    else this.#hooks.echo(this.#line.slice(this.#cursor, to));
    this.#cursor = to;
  }

  #cut(from: number, to: number): void {
    if (from >= to) return;
    this.#move(from);
    const tail = this.#line.slice(to);
    this.#line = this.#line.slice(0, from) + tail;
    this.#hooks.echo(tail + " ".repeat(to - from) + "\b".repeat(tail.length + to - from));
  }

  #recall(at: number): void {
    if (this.#history.length === 0) return;
    this.#cut(0, this.#line.length);
    // One step beyond either end is a blank line; from there the other end follows.
    this.#excursion = at < 0 || at > this.#history.length ? (at < 0 ? this.#history.length : 0) : at;
    const line = this.#history[this.#excursion] ?? "";
    this.#line = line;
    this.#cursor = line.length;
    this.#hooks.echo(line);
  }

  #tailBack(): string {
    return this.#line + "\b".repeat(this.#line.length - this.#cursor);
  }

  #complete(): void {
    const before = this.#line.slice(0, this.#cursor);
    const word = /[^ ]*$/.exec(before)?.[0] ?? "";
    const choices = this.#hooks.complete(before);
    const [only] = choices;
    if (only === undefined) return this.#hooks.echo("\x07");
    if (choices.length === 1) {
      for (const c of `${only.slice(word.length)} `) this.#insert(c);
      return;
    }
    let common = only;
    for (const choice of choices) while (!choice.startsWith(common)) common = common.slice(0, -1);
    if (common.length > word.length) {
      for (const c of common.slice(word.length)) this.#insert(c);
      return;
    }
    this.#hooks.echo(`\n${columns(choices)}${this.#hooks.prompt}${this.#tailBack()}`);
  }
}

function columns(words: readonly string[]): string {
  const width = Math.max(...words.map((word) => word.length)) + 2;
  const perLine = Math.max(1, Math.floor(80 / width));
  let text = "";
  for (let i = 0; i < words.length; i += perLine) {
    text += `${words
      .slice(i, i + perLine)
      .map((word) => word.padEnd(width))
      .join("")
      .trimEnd()}\n`;
  }
  return text;
}
