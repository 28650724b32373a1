/**
 * VPP's way of reading a line (src/vppinfra/unformat.c): a cursor over text, a format with `%d %u %x %f %s %v %U`, white
 * space skipped before each directive unless `%_` switches that off, and the cursor put back where a format fails. The
 * error texts of VPP's commands are "what stands at the cursor", so where the cursor stays after a failure matters as
 * much as what is matched; each rule below names the lines that it follows.
 */

/** A parse function for `%U`: reads from the cursor, or returns undefined (the caller puts the cursor back). */
export type Parser<T> = (input: Input) => T | undefined;

type Values<
  Format extends string,
  Parsers extends readonly unknown[],
> = Format extends `${string}%${infer C}${infer Rest}`
  ? C extends "d" | "u" | "x" | "f"
    ? [number, ...Values<Rest, Parsers>]
    : C extends "s" | "v"
      ? [string, ...Values<Rest, Parsers>]
      : C extends "U"
        ? Parsers extends readonly [Parser<infer T>, ...infer Others]
          ? [T, ...Values<Rest, Others>]
          : never
        : Values<Rest, Parsers>
  : [];

const END = -1;
const WHITE = new Set([" ", "\t", "\n", "\r"]);
const U64 = 1n << 64n;

export function isWhite(c: string): boolean {
  return WHITE.has(c);
}

export class Input {
  readonly text: string;
  /** Position of the next character, or END once reading has run past the last one. */
  #index = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** True at the end of input (`unformat_check_input (i) == UNFORMAT_END_OF_INPUT`). */
  atEnd(): boolean {
    if (this.#index !== END && this.#index >= this.text.length) this.#index = END;
    return this.#index === END;
  }

  /** The next character, or "" at the end. */
  get(): string {
    if (this.atEnd()) return "";
    return this.text[this.#index++] ?? "";
  }

  /** Steps back over the character that `get` gave; only after a `get` that gave one. */
  unget(): void {
    if (this.#index > 0) this.#index -= 1;
  }

  /** Skips white space, returns how many characters that was. */
  skipWhite(): number {
    let n = 0;
    for (let c = this.get(); c !== ""; c = this.get()) {
      if (!isWhite(c)) {
        this.unget();
        break;
      }
      n += 1;
    }
    return n;
  }

  /** `unformat_user`: on failure the cursor goes back, except where the input ran out (unformat.c:960). */
  user<T>(parser: Parser<T>): T | undefined {
    const mark = this.#index;
    const value = parser(this);
    if (value === undefined && this.#index !== END) this.#index = mark;
    return value;
  }

  /** True when the whole format matched; for formats without values. */
  match(format: string): boolean {
    return this.read(format) !== undefined;
  }

  /** The values of a format that matched, or undefined with the cursor put back (unformat.c:792 `va_unformat`). */
  read<F extends string, P extends readonly Parser<unknown>[]>(format: F, ...parsers: P): Values<F, P> | undefined {
    const mark = this.#index;
    const values: unknown[] = [];
    if (this.#walk(format, parsers, values)) return values as Values<F, P>;
    this.#index = mark;
    return undefined;
  }

  /** What `format_unformat_error` prints: at most 30 characters from the cursor, trailing white space cut. */
  error(): string {
    if (this.#index === END || this.#index >= this.text.length) return "";
    const rest = this.text.slice(this.#index);
    const shown = rest.length > 30 ? rest.slice(0, 30) : rest.replace(/[ \t\r\n]+$/, "");
    const escaped = shown.replace(/[\r\n\t]/g, (c) => (c === "\r" ? "\\r" : c === "\n" ? "\\n" : "\\t"));
    return rest.length > 30 ? `${escaped}...` : escaped;
  }

  /** Everything from the cursor on, without reading it. */
  rest(): string {
    return this.#index === END ? "" : this.text.slice(this.#index);
  }

  /** `unformat_line_input`: the rest of the line without its newline, or undefined where nothing is left on it. */
  line(): Input | undefined {
    const text = this.user(readLine);
    return text === undefined ? undefined : new Input(text);
  }

  #walk(format: string, parsers: readonly Parser<unknown>[], values: unknown[]): boolean {
    let f = 0;
    let skipByDefault = true;
    let lastPercent = false;
    let lastLiteral = false;
    let parser = 0;
    for (;;) {
      let cf = format[f] ?? "";
      let percent = false;
      let skip = f === 0 || skipByDefault;
      if (cf !== "" && isWhite(cf)) {
        skip = true;
        while (isWhite(format[++f] ?? "x"));
      } else if (cf === "%") {
        f += 1;
        const next = format[f];
        if (next === "_") {
          skipByDefault = !skipByDefault;
          f += 1;
          if (!skipByDefault && f !== 2 && f < format.length) this.skipWhite();
          continue;
        }
        if (next === undefined) return false;
        percent = next !== "%";
      }
      const skipped = skip ? this.skipWhite() : 0;
      if (cf === "") {
        const ended = this.#index === END;
        return !(skip && !lastPercent && !lastLiteral && skipped === 0 && !ended);
      }
      lastPercent = percent;
      lastLiteral = false;
      if (cf === " " && !skipByDefault) {
        if (skipped === 0) return false;
        continue;
      }
      if (percent) {
        const directive = format[f] ?? "";
        f += 1;
        const one = this.#directive(directive, format[f] ?? "", parsers[parser]);
        if (directive === "U") parser += 1;
        if (one === undefined) return false;
        values.push(one);
        continue;
      }
      const start = f;
      for (cf = format[f] ?? ""; cf !== "" && cf !== "%" && cf !== " "; cf = format[++f] ?? "") {
        if (this.get() !== cf) return false;
      }
      lastLiteral = f > start;
    }
  }

  #directive(directive: string, delimiter: string, parser: Parser<unknown> | undefined): unknown {
    switch (directive) {
      case "d":
        return readInteger(this, 10, true);
      case "u":
        return readInteger(this, 10, false);
      case "x":
        return readInteger(this, 16, false);
      case "f":
        return readFloat(this);
      case "s":
      case "v":
        return readString(this, delimiter);
      case "U":
        return parser?.(this);
      default:
        return undefined;
    }
  }
}

function readLine(input: Input): string | undefined {
  let line = "";
  for (let c = input.get(); c !== "" && c !== "\n"; c = input.get()) line += c;
  return line === "" ? undefined : line;
}

function digitOf(c: string): number {
  if (c >= "0" && c <= "9") return c.charCodeAt(0) - 48;
  if (c >= "a" && c <= "z") return 10 + c.charCodeAt(0) - 97;
  if (c >= "A" && c <= "Z") return 10 + c.charCodeAt(0) - 65;
  return 99;
}

/** unformat.c:382. 64-bit arithmetic, then cut to 32 bits: `%d` gives an int, `%u` and `%x` an unsigned int. */
function readInteger(input: Input, base: number, signed: boolean): number | undefined {
  let value = 0n;
  let digits = 0;
  let read = 0;
  let negative = false;
  for (let c = input.get(); c !== ""; c = input.get()) {
    if (c === "-" && read === 0) {
      if (!signed) return undefined;
      negative = true;
    } else if (c === "+" && read === 0) {
      negative = false;
    } else {
      const digit = digitOf(c);
      if (digit >= base) {
        input.unget();
        break;
      }
      const next = (value * BigInt(base) + BigInt(digit)) % U64;
      if (next < value) return undefined;
      value = next;
      digits += 1;
    }
    read += 1;
  }
  if (digits === 0) return undefined;
  const low = Number(BigInt.asUintN(32, negative ? -value : value));
  return signed ? low | 0 : low;
}

/** unformat.c:520, for plain decimal numbers with an optional exponent. */
function readFloat(input: Input): number | undefined {
  let text = "";
  for (let c = input.get(); c !== ""; c = input.get()) {
    const fits = /^[-+]?\d*(\.\d*)?([eE][-+]?\d*)?$/.test(text + c);
    if (!fits) {
      input.unget();
      break;
    }
    text += c;
  }
  const value = Number(text.replace(/[eE][-+]?$/, ""));
  return /\d/.test(text) && Number.isFinite(value) ? value : undefined;
}

/** unformat.c:118: up to white space or the format's next character; `{ ... }` takes white space in. */
function readString(input: Input, formatNext: string): string | undefined {
  const delimiter = formatNext === "%" || formatNext === " " || formatNext === "\t" ? "" : formatNext;
  let text = "";
  let depth = 0;
  let braced = false;
  let escaped = false;
  for (let c = input.get(); c !== ""; c = input.get()) {
    let keep = true;
    if (escaped) {
      escaped = false;
    } else if (c === "\\") {
      escaped = true;
      keep = false;
    } else if (c === "{") {
      if (depth === 0 && text === "") {
        braced = true;
        keep = false;
      }
      depth += 1;
    } else if (c === "}") {
      depth -= 1;
      if (braced && depth === 0) return text;
    } else if (!braced && (isWhite(c) || c === delimiter)) {
      input.unget();
      return text;
    }
    if (keep) text += c;
  }
  if (text === "" && depth === 1) return "{";
  return text === "" ? undefined : text;
}
