/** Starts what the suites are about: the embedded dataplane or a real VPP, each in a network namespace of its own. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Namespace } from "../../src/kernel/namespace.ts";
import { createNetns, spawnInNetns } from "../../src/sys/netns.ts";
import { BareClient, DEADLINE_MS } from "./client.ts";

export interface Subject {
  readonly api: string;
  readonly cli: string;
  readonly pid: number;
  /** Kills the process and removes its directory and namespace. */
  stop(): Promise<void>;
}

const ENTRY = fileURLToPath(new URL("dataplane-process.ts", import.meta.url));

/** Why no namespace can be had here, or undefined. */
export function namespacesMissing(): string | undefined {
  try {
    createNetns().close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Prepare = (namespace: Namespace) => Promise<void>;

/** The host's device that recordings and random calls use: `rec0`, the other end `rec1`. */
export async function addRec0(namespace: Namespace): Promise<void> {
  await namespace.addVeth({ name: "rec0", peer: { name: "rec1" } });
}

/** The embedded dataplane in a process of its own. */
export function startEmbedded(prepare: Prepare = addRec0): Promise<Subject> {
  return start(process.execPath, ["--import", "tsx", "--conditions", "source", ENTRY], prepare);
}

/** A real VPP, by a command that takes a directory and serves `api.sock` and `cli.sock` in it, in the foreground. */
export function startVpp(command: string, prepare: Prepare = addRec0): Promise<Subject> {
  return start(command, [], prepare);
}

async function start(command: string, args: string[], prepare: Prepare): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), "vpplb-conformance-"));
  const namespace = await Namespace.create("conformance");
  await prepare(namespace);
  const child = spawnInNetns(namespace.netns, command, [...args, directory], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  namespace.close();
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const api = join(directory, "api.sock");
  try {
    await answering(api, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { api, cli: join(directory, "cli.sock"), pid: child.pid!, stop };
}

/** Waits until the API answers. */
async function answering(api: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 3 * DEADLINE_MS;
  for (;;) {
    try {
      (await BareClient.connect(api)).close();
      return;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
