import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { VppClient } from "vpp-api-ts";
import { BenchError } from "./errors.ts";

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5000;

/** A process that was started for the bench, with the API socket that it serves. */
export interface Served {
  readonly socket: string;
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** Starts `command` with a directory in which it is to serve `api.sock`; ready when that answers. @throws BenchError PEER */
export async function serve(
  command: string,
  argsFor: (directory: string) => readonly string[],
  label: string,
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const child = spawn(command, [...argsFor(directory)], { stdio: "ignore" });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new BenchError("PEER", `${label} did not start: ${error.message}`)));
    child.once("exit", (code, signal) => reject(new BenchError("PEER", `${label} ended (${code ?? signal})`)));
  });
  failed.catch(() => undefined);
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const socket = join(directory, "api.sock");
  const client = new VppClient({ socket, name: "bench-start", probe: false });
  try {
    await Promise.race([client.connect({ deadlineMs: START_DEADLINE_MS }), failed]);
    return { socket, pid: child.pid!, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.close();
  }
}

/** SIGTERM, and SIGKILL where that does not help. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await exit;
  clearTimeout(killer);
}

/** @throws BenchError SKIP where there is no socket, or what serves it is not VPP but a Node process */
export async function connectToRealVpp(socket: string | undefined, name: string): Promise<VppClient> {
  if (socket === undefined) {
    throw new BenchError("SKIP", "needs a real VPP: VPPLB_VPP_API=SOCKET, --vpp SOCKET, or VPPLB_VPP_COMMAND=COMMAND");
  }
  const client = new VppClient({ socket, name, probe: false, queue: 100_000 });
  try {
    await client.connect({ deadlineMs: 5000 });
  } catch (error) {
    throw new BenchError("SKIP", `no VPP at ${socket}: ${(error as Error).message}`, { cause: error });
  }
  if (programOf(client.pid).startsWith("node")) {
    client.close();
    throw new BenchError("SKIP", `${socket} is served by the embedded dataplane: ratios are of a real VPP only`);
  }
  return client;
}

/** Name of a process's program; "" where it cannot be seen (another pid namespace). */
function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}
