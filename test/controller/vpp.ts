import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A VPP in a process of its own, to be stopped and killed. */
export interface TestVpp {
  readonly socket: string;
  /** Of the test's files; removed with it. */
  readonly directory: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same socket, empty. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const START_MS = 20_000;
/** Instead of a command: the embedded dataplane, whatever VPPLB_VPP_COMMAND says. */
export const EMBEDDED = "embedded";

/**
 * The embedded dataplane, or what VPPLB_VPP_COMMAND names: a command that takes a directory, makes `api.sock` in it and
 * stays in the foreground.
 */
export async function startVpp(command = process.env["VPPLB_VPP_COMMAND"]): Promise<TestVpp> {
  const directory = mkdtempSync(join(tmpdir(), "vpplb-test-"));
  const socket = join(directory, "api.sock");
  let child = await launch(directory, socket, command);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  };
  return {
    socket,
    directory,
    get pid() {
      return child.pid!;
    },
    async kill(signal) {
      if (signal === "SIGSTOP" || signal === "SIGCONT") child.kill(signal);
      else await end(signal);
    },
    async restart() {
      await end("SIGKILL");
      child = await launch(directory, socket, command);
    },
    async close() {
      await end("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function launch(directory: string, socket: string, command: string | undefined): Promise<ChildProcess> {
  rmSync(socket, { force: true });
  const child =
    command === undefined || command === EMBEDDED
      ? spawnScript("dataplane-child.ts", [socket], "ignore")
      : spawn(command, [directory], { stdio: "ignore" });
  const deadline = Date.now() + START_MS;
  while (!(await accepts(socket))) {
    if (child.exitCode !== null) throw new Error(`the dataplane ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`no dataplane at ${socket} after ${START_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

/** A script of this folder in a process of its own; `ipc` where it takes messages. */
export function spawnScript(script: string, args: readonly string[], stdio: "ignore" | "ipc"): ChildProcess {
  const file = new URL(script, import.meta.url).pathname;
  return spawn(process.execPath, ["--conditions=source", "--import=tsx", file, ...args], {
    stdio: stdio === "ipc" ? ["ignore", "ignore", "inherit", "ipc"] : ["ignore", "ignore", "inherit"],
  });
}
