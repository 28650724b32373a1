import { READ_ONLY_COMMANDS } from "./vppctl-commands.ts";

/**
 * Which lines of VPP's CLI only look. VPP runs what is left of a line after a command as the next command ("show version
 * verbose create loopback interface" creates one; vlib/cli.c, vlib_cli_input), takes abbreviations, blocks in braces and
 * comments. So a line is taken only where it is, as a whole, one of the known commands with arguments of known shape;
 * VPP is given that command written out, never the line as it came.
 */
export type Verdict =
  | { readonly readOnly: true; /** What VPP is given. */ readonly line: string }
  | { readonly readOnly: false; /** Why it is not surely harmless, for the user. */ readonly reason: string };

const MAX_LENGTH = 4096;

/** What is wrong with a line as such; undefined: nothing. */
export function badCommand(command: string): string | undefined {
  if (command.trim() === "") return "the command is empty: try `show version`";
  if (command.length > MAX_LENGTH) return `the command is longer than ${MAX_LENGTH} characters`;
  // One line at a time: VPP would run the next ones as well.
  if (/[^\x20-\x7e\t]/.test(command))
    return "the command holds a newline or another character that is not printable ASCII";
  return undefined;
}

export function judgeCommand(command: string): Verdict {
  const bad = badCommand(command);
  if (bad !== undefined) return { readOnly: false, reason: bad };
  const words = command.trim().split(/[ \t]+/);
  const lines = new Set(PATTERNS.map((pattern) => match(pattern, words)).filter((line) => line !== undefined));
  const [first, ...others] = lines;
  if (first === undefined) return { readOnly: false, reason: `"${command.trim()}" may change VPP` };
  if (others.length === 0) return { readOnly: true, line: first };
  return { readOnly: false, reason: `"${command.trim()}" is ambiguous: ${[...lines].slice(0, 4).join(", ")}` };
}

/** True for lines that surely change nothing. */
export function isReadOnly(command: string): boolean {
  return judgeCommand(command).readOnly;
}

/** A word that is to be given, or the shape of an argument. */
type Term = { readonly word: string } | { readonly shape: RegExp };
type Terms = readonly Term[];
/** Terms, and groups of which any number may follow, each with one of its alternatives, in any order. */
interface Pattern {
  readonly head: Terms;
  readonly groups: readonly (readonly Terms[])[];
}

/** Arguments. None can be a command of VPP, or the beginning of one that does anything without further words. */
const SHAPES: Readonly<Record<string, RegExp>> = {
  // VPP's names have a digit, a hyphen or both: loop0, host-eth, memif0/1, GigabitEthernet0/8/0.100.
  NAME: /^(?=.*[0-9-])[A-Za-z][A-Za-z0-9._/-]{0,62}$/,
  MEMIF: /^memif\d{1,10}\/\d{1,10}$/,
  TAP: /^tap\d{1,10}$/,
  NUMBER: /^[0-9]{1,9}$/,
  PREFIX: /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?|(?=.*:)[0-9a-f:.]{2,45}(?:\/\d{1,3})?)$/,
};

/** `show bridge-domain [NUMBER] [detail|int]` */
function parsePattern(text: string): Pattern {
  const terms = (part: string): Term[] =>
    part
      .trim()
      .split(/ +/)
      .map((word) => (SHAPES[word] === undefined ? { word } : { shape: SHAPES[word] }));
  const [head = "", ...groups] = text.split("[");
  return {
    head: terms(head),
    groups: groups.map((group) =>
      group
        .replace("]", "")
        .split("|")
        .map((alternative) => terms(alternative)),
    ),
  };
}

const PATTERNS: readonly Pattern[] = READ_ONLY_COMMANDS.map(parsePattern);
/** Of the commands themselves, not of what may follow them. */
const KNOWN_WORDS: ReadonlySet<string> = new Set(
  PATTERNS.flatMap(({ head }) => head).flatMap((term) => ("word" in term ? [term.word] : [])),
);

/** The line written out, where it is of that pattern. */
function match({ head, groups }: Pattern, given: readonly string[]): string | undefined {
  // `s` is set as well as show.
  if ((given[0]?.length ?? 0) < 2) return undefined;
  const line = take(head, given);
  if (line === undefined) return undefined;
  const left = [...groups];
  let rest = given.slice(head.length);
  while (rest.length > 0) {
    const found = left
      .flatMap((group, at) => group.map((terms) => ({ at, taken: take(terms, rest) })))
      .find(({ taken }) => taken !== undefined);
    if (found?.taken === undefined) return undefined;
    line.push(...found.taken);
    rest = rest.slice(found.taken.length);
    left.splice(found.at, 1);
  }
  return line.join(" ");
}

/** Terms at the beginning of what is given, written out. */
function take(terms: Terms, given: readonly string[]): string[] | undefined {
  const line: string[] = [];
  for (const [i, term] of terms.entries()) {
    const word = given[i];
    if (word === undefined) return undefined;
    if ("shape" in term ? !term.shape.test(word) : !isBeginning(word, term.word)) return undefined;
    line.push("shape" in term ? word : term.word);
  }
  return line;
}

/** As VPP does: a word that is one itself is not the beginning of another. */
function isBeginning(given: string, full: string): boolean {
  return given === full || (!KNOWN_WORDS.has(given) && full.startsWith(given));
}
