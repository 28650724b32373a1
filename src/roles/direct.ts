import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLbYaml } from "../config/index.ts";
import { Controller, ControllerError, type ControllerApi } from "../controller/index.ts";
import { copyState } from "../history/index.ts";

export interface DirectOptions {
  /** VPP's API socket. */
  readonly socket: string;
  /** What is ours in VPP. It is read where it exists, and written only where `write` is given. */
  readonly journal: string;
  /** The journal itself is used, not a copy: for `apply`. Default false. */
  readonly write?: boolean;
  /** Default 5,000. */
  readonly connectTimeoutMs?: number;
}

const POLL_MS = 10;
/** Not a controller's name: none need be warned of what is gone in a moment. */
const ONE_COMMAND = "vpplb-cli";

/**
 * The controller's API on a VPP for one command, where no controller runs: nothing is desired until `apply`, and nothing
 * is written by anything else.
 * @throws ControllerError NO_VPP where VPP does not answer in time
 */
export async function withDirectVpp<T>(
  options: DirectOptions,
  signal: AbortSignal,
  use: (api: ControllerApi) => Promise<T>,
): Promise<T> {
  const folder = options.write === true ? undefined : await mkdtemp(join(tmpdir(), "vpplb-"));
  try {
    const journal = folder === undefined ? options.journal : join(folder, "state");
    if (folder !== undefined) copyReadable(options.journal, journal);
    const controller = await Controller.start({
      socket: options.socket,
      name: ONE_COMMAND,
      journal,
      parse: parseLbYaml,
    });
    try {
      await connected(controller, options.connectTimeoutMs ?? 5000, signal);
      return await use(controller);
    } finally {
      await controller.close();
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** Who may not read what is ours sees VPP as if nothing were. */
function copyReadable(from: string, to: string): void {
  try {
    copyState(from, to);
  } catch (error) {
    if (!["ENOENT", "EACCES", "EPERM"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
  }
}

async function connected(controller: Controller, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const { state, socket, error } = controller.status().vpp;
    if (state === "ready") return;
    if (performance.now() > deadline) {
      throw new ControllerError(
        "NO_VPP",
        `no VPP answers (${error ?? state}): start VPP or \`vpplb dataplane --api ${socket}\`, or name its socket with --vpp`,
      );
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
