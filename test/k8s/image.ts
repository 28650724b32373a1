/** What the Dockerfile makes, in a directory. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { projectRoot } from "../../src/bench/go.ts";
import { readProjectFile } from "./configmaps.ts";
import { copyInto, makeIgnore, parseDockerfile, type Stage } from "./dockerfile.ts";

/** VPPLB_IMAGE=full also runs the build stage's commands (npm ci, tsc), which otherwise are what this checkout has. */
export const FULL = process.env["VPPLB_IMAGE"] === "full";
const BUILT = ["dist", "src/vppapi/dist", "src/nsm/dist"];

/** Why there can be no image here. */
export function withoutImage(): string | undefined {
  const there = FULL || BUILT.every((each) => existsSync(`${projectRoot}${each}`));
  return there ? undefined : "not compiled (npm run build)";
}

/** @returns the root directory of each stage */
export function assembleImage(folder: string): Map<string, string> {
  const sent = context(join(folder, "context"));
  const places = new Map<string, string>();
  for (const stage of parseDockerfile(readProjectFile("Dockerfile"))) {
    places.set(stage.name, assembleStage(stage, join(folder, stage.name), sent, places));
  }
  return places;
}

/** What `docker build .` in a fresh checkout sends. */
function context(folder: string): string {
  const ignored = makeIgnore(readProjectFile(".dockerignore"));
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: projectRoot, encoding: "utf8" });
  for (const file of listed.trim().split("\n")) {
    if (ignored(file) || !existsSync(`${projectRoot}${file}`)) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(`${projectRoot}${file}`, join(folder, file));
  }
  return folder;
}

/** One command of a RUN of the build stage. */
function run(command: string, folder: string): void {
  const shell = (text: string) => {
    const { status, stderr } = spawnSync("sh", ["-c", text], { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, `${text}: ${stderr}`);
  };
  if (FULL || command.startsWith("npm prune")) return shell(command);
  if (command.startsWith("npm ci")) {
    // Links, so that it costs nothing; npm prune takes names away, not files.
    shell(`cp -al "${projectRoot}node_modules" node_modules && rm -f node_modules/.package-lock.json`);
    return cpSync(`${projectRoot}node_modules/.package-lock.json`, join(folder, "node_modules/.package-lock.json"));
  }
  assert.match(command, /^node node_modules\/typescript\/bin\/tsc -b /);
  for (const each of BUILT) cpSync(`${projectRoot}${each}`, join(folder, each), { recursive: true });
}

/** A stage's files. @throws Error a COPY of what is not there */
export function assembleStage(stage: Stage, folder: string, sent: string, others: ReadonlyMap<string, string>): string {
  let workdir = "/";
  for (const { word, flags, rest } of stage.steps) {
    if (word === "WORKDIR") {
      workdir = posix.resolve(workdir, rest);
      mkdirSync(join(folder, workdir), { recursive: true });
    } else if (word === "COPY") {
      const from = flags["from"];
      const source = from === undefined ? sent : others.get(from);
      assert.ok(source, `COPY --from=${from}: no such stage before`);
      copyInto(source, folder, workdir, rest);
    } else if (word === "RUN" && stage.name === "build") {
      for (const command of rest.split(/\s*&&\s*/)) run(command.trim(), join(folder, workdir));
    }
  }
  return folder;
}
