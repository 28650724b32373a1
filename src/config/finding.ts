import type { Diagnostic } from "../bridge/index.ts";
import { pathText, type LocatedYaml, type Path } from "./locate.ts";

/** Collects what the semantic pass finds, with places. */
export class Findings {
  readonly list: Diagnostic[] = [];
  readonly #yaml: LocatedYaml;

  constructor(yaml: LocatedYaml) {
    this.#yaml = yaml;
  }

  error(path: Path, message: string): void {
    this.#add("error", path, message);
  }

  warn(path: Path, message: string): void {
    this.#add("warning", path, message);
  }

  advise(path: Path, message: string): void {
    this.#add("advice", path, message);
  }

  #add(severity: Diagnostic["severity"], path: Path, message: string): void {
    this.list.push({ severity, message, path: pathText(path), ...this.#yaml.at(path) });
  }
}

/** Calls back for each value whose key was seen before, with the index of the first. */
export function forDuplicates<T>(
  values: readonly T[],
  keyOf: (value: T) => string | undefined,
  report: (index: number, first: number, key: string) => void,
): void {
  const seen = new Map<string, number>();
  values.forEach((value, index) => {
    const key = keyOf(value);
    if (key === undefined) return;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else report(index, first, key);
  });
}

/** What could have been named. */
export function listOf(named: readonly { readonly name: string }[]): string {
  return named.length === 0 ? "the file has none" : `there are ${named.map((one) => one.name).join(", ")}`;
}
