import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document, type Node } from "yaml";
import type { Diagnostic } from "../bridge/index.ts";
import { foldRuns, unfoldRuns } from "./address-runs.ts";

export type Path = readonly (string | number)[];

/** A YAML text that knows where its values stand. */
export interface LocatedYaml {
  readonly value: unknown;
  /** Syntax errors and duplicate keys. */
  readonly errors: readonly Diagnostic[];
  /** Position of the value at the path, or of the nearest that exists above it; of a key itself where `key` is given. */
  at(path: Path, key?: string): { line: number; column: number } | undefined;
  /** The value at the path as it stands in the text. */
  get(path: Path): unknown;
}

const MAX_ALIASES = 100;

/** Parses with the core schema of YAML 1.2; aliases are bounded against blow-up. Never throws. */
export function parseYaml(text: string): LocatedYaml {
  return parseFolded(text) ?? parseWhole(text);
}

/** Without the positions, which only findings need; undefined where that is not safe, or nothing is gained by it. */
function parseFolded(text: string): LocatedYaml | undefined {
  const folded = foldRuns(text);
  if (folded === undefined) return undefined;
  try {
    const document = parseDocument(folded.text, { prettyErrors: false, uniqueKeys: true });
    if (document.errors.length > 0) return undefined;
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (!unfoldRuns(value, folded.runs)) return undefined;
    let whole: LocatedYaml | undefined;
    const at: LocatedYaml["at"] = (path, key) => (whole ??= parseWhole(text)).at(path, key);
    return { value, errors: [], at, get: (path) => dig(value, path) };
  } catch {
    return undefined;
  }
}

/** As {@link parseYaml}, with every item of the text read as YAML. */
export function parseWhole(text: string): LocatedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const position = (offset: number | undefined) => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const errors = document.errors.map((error): Diagnostic => ({
    severity: "error",
    message: inOurWords(error),
    path: "",
    ...position(error.pos[0]),
  }));
  const at = (path: Path, key?: string) => position(offsetOf(document, path, key));
  if (errors.length > 0) return { value: undefined, errors, at, get: () => undefined };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value, errors, at, get: (path) => dig(value, path) };
  } catch (error) {
    const message = `not usable YAML: ${(error as Error).message}`;
    return { value: undefined, errors: [{ severity: "error", message, path: "" }], at, get: () => undefined };
  }
}

/** Messages that speak to whoever programs with the parser. */
function inOurWords({ code, message }: { code: string; message: string }): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins here: a file holds one";
  if (message.startsWith("Maximum call stack")) return "nested too deeply";
  return message;
}

function offsetOf(document: Document, path: Path, key: string | undefined): number | undefined {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = nodeAt(document, path.slice(0, depth));
    if (node === undefined) continue;
    if (key !== undefined && depth === path.length && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0];
    }
    return node.range?.[0];
  }
  return undefined;
}

function nodeAt(document: Document, path: Path): Node | undefined {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node : undefined;
}

function dig(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<string | number, unknown> | undefined)?.[step], value);
}

/** `vips[0].servers[2].address` */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`),
    "",
  );
}
