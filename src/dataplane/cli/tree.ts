/**
 * The command tree and its dispatcher (VPP src/vlib/cli.c). Words may be shortened to any unique prefix; a word is
 * matched letter by letter against its siblings and ends at white space, at the end of input or at a character that no
 * command word has, which is why `show int?` and `sh lb` work and `s` does not.
 */
import { CliError } from "./errors.ts";
import { compareNames, mergeSort } from "./sort.ts";
import type { Input } from "./unformat.ts";
import { Input as Text } from "./unformat.ts";

/** One command: `run` reads its arguments from `input`, writes with `out`, and throws CliError to refuse. */
export interface Command<Context> {
  /** Words separated by single spaces: `show interface`. */
  readonly path: string;
  /** The help line; without it help says `<path> commands`. */
  readonly help?: string;
  readonly longHelp?: string;
  /** Absent on a pure group like `show`. */
  readonly run?: (context: Context, input: Input) => void | Promise<void>;
}

/** Writes one piece of output; a newline is added unless it ends with one, and nothing is written for "". */
export type Output = (text: string) => void;

interface Node<Context> {
  readonly name: string;
  readonly path: string;
  readonly children: Node<Context>[];
  command: Command<Context> | undefined;
  /** A word that only makes abbreviations ambiguous. */
  foreign: boolean;
}

/** Deeper than any command's words; stops `help` inside `{ }` inside `{ }` without end. */
const MAX_DEPTH = 32;

function wordCharacter(c: string): boolean {
  return /^[a-zA-Z0-9_-]$/.test(c);
}

export class CommandTree<Context extends { readonly out: Output }> {
  readonly #root: Node<Context> = { name: "", path: "", children: [], command: undefined, foreign: false };

  /** `foreign` gives words by parent path that are no commands but count in abbreviation. */
  constructor(commands: Iterable<Command<Context>> = [], foreign: Readonly<Record<string, string>> = {}) {
    for (const command of commands) this.add(command);
    for (const [path, words] of Object.entries(foreign)) {
      const parent = this.#node(path);
      for (const word of words.split(" "))
        if (!parent.children.some((one) => one.name === word)) child(parent, word).foreign = true;
    }
  }

  /** Adds a command; its parents are made as empty groups where they are missing. */
  add(command: Command<Context>): void {
    const node = this.#node(command.path);
    if (node.command !== undefined) throw new CliError(`duplicate command name with path ${command.path}`);
    node.command = command;
  }

  #node(path: string): Node<Context> {
    let node = this.#root;
    for (const name of path === "" ? [] : path.split(" ")) {
      node = node.children.find((one) => one.name === name) ?? child(node, name);
    }
    return node;
  }

  /** Every command that runs, sorted by path. */
  list(): Command<Context>[] {
    return runnable(this.#root).flatMap((node) => (node.command === undefined ? [] : [node.command]));
  }

  /** Words that may follow `text`, sorted (`vlib_cli_get_possible_completions`). */
  completions(text: string): string[] {
    const trimmed = text.replace(/\s+$/, (white) => white.slice(0, 1));
    const words = trimmed.trimStart().split(/\s+/);
    let node = this.#root;
    for (const [i, word] of words.entries()) {
      const matches = node.children.filter((one) => !one.foreign && one.name.startsWith(word));
      const last = i === words.length - 1;
      if (last) return matches.map((one) => one.name).sort();
      const exact = matches.length > 1 ? matches.filter((child) => child.name === word) : matches;
      const [next] = exact;
      if (next === undefined || exact.length !== 1) return [];
      node = next;
    }
    return [];
  }

  /**
   * Runs every command of `text`, one after another, until one refuses (`vlib_cli_input`). Returns the return value: 0,
   * or the error's. Output and error text both go to `context.out`.
   */
  async run(context: Context, text: string): Promise<number> {
    const input = new Text(text);
    input.skipWhite();
    if (input.atEnd()) return 0;
    do {
      const error = await this.#dispatch(context, input, this.#root, 0);
      if (error !== undefined) {
        context.out(error.message);
        return error.retval;
      }
      input.skipWhite();
    } while (!input.atEnd());
    return 0;
  }

  async #dispatch(context: Context, input: Input, parent: Node<Context>, depth: number): Promise<CliError | undefined> {
    if (depth > MAX_DEPTH) return new CliError("too many nested commands", { code: "LIMIT" });
    if (input.match("help")) return this.#help(context, input, parent);
    if (input.match("choices") || input.match("?")) {
      for (const node of runnable(parent)) context.out(helpRow(node.path, node, 40));
      return undefined;
    }
    if (input.read("comment %v") !== undefined) return undefined;
    const node = input.user((i) => matchWord(i, parent));
    if (node === undefined) return unknown(parent, input);
    const sub = subInput(input) ?? input;
    let error: CliError | undefined;
    if (node.children.length > 0) {
      error = await this.#dispatch(context, sub, node, depth + 1);
      if (error === undefined) return undefined;
    }
    const run = node.command?.run;
    if (run === undefined) return error ?? new CliError(`${node.path}: no sub-commands`);
    sub.skipWhite();
    if (sub.match("?")) {
      context.out(helpRow(node.path, node, 40));
      return undefined;
    }
    try {
      await run(context, sub);
    } catch (cause) {
      if (!(cause instanceof CliError)) throw cause;
      return new CliError(`${node.path}: ${cause.message}`, { cause });
    }
    return undefined;
  }

  #help(context: Context, input: Input, parent: Node<Context>): CliError | undefined {
    const atEndOfLine = input.atEnd();
    let node = parent;
    for (;;) {
      const here = node;
      const next = input.user((i) => matchWord(i, here));
      if (next !== undefined) node = next;
      else if (!input.atEnd()) return unknown(node, input);
      else break;
    }
    if (!atEndOfLine) context.out(helpText(node, true));
    else if (!node.children.some((one) => !one.foreign)) context.out(`${node.path}: no sub-commands`);
    else {
      const children = node.children.filter((one) => !one.foreign);
      for (const one of mergeSort(children, (a, b) => compareNames(a.name, b.name)))
        context.out(helpRow(one.name, one, 30));
    }
    return undefined;
  }
}

function unknown<C>(parent: Node<C>, input: Input): CliError {
  return new CliError(`${parent.path === "" ? "" : `${parent.path}: `}unknown input \`${input.error()}'`);
}

/** `{ SUB-INPUT }` after a command word limits what its sub-commands read. */
function subInput(input: Input): Input | undefined {
  return input.user((i) => {
    i.skipWhite();
    if (i.get() !== "{") {
      return undefined;
    }
    i.unget();
    const [text] = i.read("%v") ?? [];
    return text === undefined ? undefined : new Text(text);
  });
}

/** One command word at the cursor, if exactly one child fits (cli.c:55). */
function matchWord<C>(input: Input, parent: Node<C>): Node<C> | undefined {
  input.skipWhite();
  let candidates: Node<C>[] = [];
  for (let i = 0; ; i++) {
    const c = input.get();
    if (c === "" || c === " " || c === "\t" || c === "\r" || c === "\n") {
      const exact = candidates.filter((node) => node.name.length === i);
      if (candidates.length > 1) candidates = exact;
      break;
    }
    if (!wordCharacter(c)) {
      input.unget();
      break;
    }
    const from = i === 0 ? parent.children : candidates;
    candidates = from.filter((node) => node.name[i] === c);
    if (candidates.length === 0) return undefined;
  }
  const [only] = candidates;
  return candidates.length === 1 && only?.foreign === false ? only : undefined;
}

function child<C>(parent: Node<C>, name: string): Node<C> {
  const path = parent.path === "" ? name : `${parent.path} ${name}`;
  const node: Node<C> = { name, path, children: [], command: undefined, foreign: false };
  parent.children.push(node);
  return node;
}

function runnable<C>(node: Node<C>): Node<C>[] {
  const found: Node<C>[] = [];
  const visit = (one: Node<C>): void => {
    if (one.command?.run !== undefined) found.push(one);
    one.children.forEach(visit);
  };
  visit(node);
  return mergeSort(found, (a, b) => compareNames(a.path, b.path));
}

function helpText<C>(node: Node<C>, long: boolean): string {
  const command = node.command;
  return (long ? command?.longHelp : undefined) ?? command?.help ?? `${node.path} commands`;
}

function helpRow<C>(label: string, node: Node<C>, width: number): string {
  return `  ${label.padEnd(width)} ${helpText(node, false)}`;
}
