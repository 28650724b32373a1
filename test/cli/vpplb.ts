import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/vpplb.js", import.meta.url));
const BUILT = existsSync(fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)));
const SOURCE = new URL("../../src/cli/main.ts", import.meta.url).href;
const FROM_SOURCE = [
  "--import=tsx",
  "--conditions=source",
  "--input-type=module",
  "-e",
  `const { main } = await import(${JSON.stringify(SOURCE)}); await main(["node", "vpplb", ...process.argv.slice(1)]);`,
  "--",
];

/** How to start the CLI: what was built, or the sources where nothing was. */
export const COMMAND: readonly string[] = [process.execPath, ...(BUILT ? [BIN] : FROM_SOURCE)];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  readonly ended: Promise<Ended>;
}

const DEADLINE_MS = 15_000;

/** Starts the CLI without a terminal. It is killed after 15 s unless `deadlineMs` says otherwise. */
export function start(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; deadlineMs?: number } = {},
): Started {
  const [node = "", ...first] = COMMAND;
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  if (options.env?.["VPPLB_CONTROL"] === undefined) delete env["VPPLB_CONTROL"];
  const child = spawn(node, [...first, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs ?? DEADLINE_MS);
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, ...texts });
    });
  });
  return { child, output: () => texts.stdout + texts.stderr, ended };
}

export function vpplb(args: readonly string[], options: Parameters<typeof start>[1] = {}): Promise<Ended> {
  return start(args, options).ended;
}

/** Waits until a process has printed something. */
export async function printed(started: Started, what: RegExp): Promise<void> {
  for (let i = 0; i < 1000 && !what.test(started.output()); i++) {
    if (started.child.exitCode !== null) throw new Error(`ended (${started.child.exitCode}):\n${started.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (!what.test(started.output())) throw new Error(`${what} not within 10 s:\n${started.output()}`);
}
