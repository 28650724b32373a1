import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BenchError } from "./errors.ts";

export interface GoBuild {
  /** What is built, of the directory's module or one that it requires. Default: the directory itself. */
  readonly package?: string;
  /** For the linker, as `-X importpath.name=value`. */
  readonly ldflags?: string;
  /** There is C among its modules: a C compiler is needed. Default false. */
  readonly cgo?: boolean;
  /** Default 300,000. What is compiled by then is in Go's own cache, and the next attempt goes on from there. */
  readonly timeoutMs?: number;
}

const BUILD_TIMEOUT_MS = 300_000;

/** The project's own directory, from src/ as from dist/. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Builds a Go program of the project into `.cache/go`, once for each state of its sources. The modules that it needs
 * come from where Go is set up to get them.
 * @param directory relative to the project
 * @returns the program's path
 * @throws BenchError SKIP where there is no Go, or it cannot build
 */
export async function buildGo(directory: string, options: GoBuild = {}): Promise<string> {
  const { package: what = ".", ldflags = "" } = options;
  const source = `${projectRoot}${directory}`;
  const version = await go(["version"], source, "no Go to build it with");
  const hash = createHash("sha256").update(version);
  if (what !== "." || ldflags !== "") hash.update(`${what} ${ldflags}`);
  for (const file of readdirSync(source).sort()) {
    if (/\.go$|^go\.(mod|sum)$/.test(file)) hash.update(file).update(readFileSync(`${source}/${file}`));
  }
  const cache = `${projectRoot}.cache/go`;
  const program = `${cache}/${directory.replaceAll("/", "-")}-${hash.digest("hex").slice(0, 16)}`;
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const flags = ["-buildvcs=false", "-trimpath", ...(ldflags === "" ? [] : [`-ldflags=${ldflags}`])];
  // Two may build the same at once: whoever looks sees a whole program or none.
  const unfinished = `${program}.${randomUUID()}`;
  await go(["build", ...flags, "-o", unfinished, what], source, `go build in ${directory} failed`, options);
  renameSync(unfinished, program);
  return program;
}

function go(args: readonly string[], cwd: string, failure: string, options: GoBuild = {}): Promise<string> {
  const { cgo = false, timeoutMs: timeout = BUILD_TIMEOUT_MS } = options;
  // The toolchain that is there: none is downloaded.
  const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", CGO_ENABLED: cgo ? "1" : "0" };
  return new Promise((resolve, reject) => {
    execFile("go", [...args], { cwd, env, timeout }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const late = error.killed === true ? `not done after ${timeout / 1000} s` : "";
      const last = late || stderr.trim().split("\n").slice(-2).join("; ");
      reject(new BenchError("SKIP", `${failure}: ${last === "" ? error.message : last}`, { cause: error }));
    });
  });
}
