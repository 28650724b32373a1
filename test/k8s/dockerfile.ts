/** As much of a Dockerfile's meaning as ours uses, so that its image can be put together where no engine is. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";

export interface Instruction {
  readonly word: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Instruction[];
}

/** @throws Error a line that is no instruction, or one before the first FROM */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; base: string; steps: Instruction[] }[] = [];
  const joined = text.replace(/^\s*#.*\n/gm, "").replace(/\\\n/g, " ");
  for (const line of joined.split("\n").filter((each) => each.trim() !== "")) {
    const [, word, tail] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === undefined || tail === undefined) throw new Error(`no instruction: ${line}`);
    if (word === "FROM") {
      const [, base = "", name = String(stages.length)] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(tail) ?? [];
      stages.push({ name, base, steps: [] });
      continue;
    }
    const flags: Record<string, string> = {};
    const rest = tail.replace(/^(?:--([a-z]+)=(\S+)\s+)+/, (all) => {
      for (const [, key, value] of all.matchAll(/--([a-z]+)=(\S+)/g)) flags[key!] = value!;
      return "";
    });
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`before the first FROM: ${line}`);
    stage.steps.push({ word, flags, rest: rest.trim() });
  }
  return stages;
}

/** Whether the engine gets a file of the context: the last pattern that matches it or a directory above decides. */
export function makeIgnore(text: string): (path: string) => boolean {
  const patterns = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const again = line.startsWith("!");
      const glob = (again ? line.slice(1) : line).replace(/\/$/, "");
      const source = glob
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replace(/\*\*\/|\*\*|\*/g, (star) => (star === "*" ? "[^/]*" : star === "**" ? ".*" : "(?:.*/)?"));
      return { again, regex: new RegExp(`^${source}(?:/.*)?$`) };
    });
  return (path) => patterns.reduce((ignored, { again, regex }) => (regex.test(path) ? !again : ignored), false);
}

/** `COPY`: files into their target, a directory's contents into it. @throws Error a source is not there */
export function copyInto(from: string, to: string, workdir: string, rest: string): void {
  const words = rest.split(/\s+/);
  const target = words.pop()!;
  const place = join(to, posix.resolve(workdir, target));
  for (const source of words) {
    const path = join(from, source);
    if (!existsSync(path)) throw new Error(`COPY: ${source} is not there`);
    const folder = statSync(path).isDirectory();
    if (!folder && !target.endsWith("/") && words.length > 1) throw new Error(`COPY: ${target} must end in /`);
    const destination = folder || !target.endsWith("/") ? place : join(place, basename(source));
    const end = !folder && target === "./" ? join(place, basename(source)) : destination;
    mkdirSync(folder ? end : dirname(end), { recursive: true });
    // Links: thousands of files cost nothing so.
    execFileSync("cp", ["-al", folder ? `${path}/.` : path, end]);
  }
}
