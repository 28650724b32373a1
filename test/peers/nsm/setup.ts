import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { GoMesh, type Options } from "./peer.ts";

const BUILD_TIMEOUT_MS = 330_000;
export const TEST_TIMEOUT_MS = 60_000;

/** In a suite's `before`: the program of the Go peers; the suite is skipped where it cannot be built. */
export async function buildPeers(context: Mocha.Context): Promise<string> {
  context.timeout(BUILD_TIMEOUT_MS);
  try {
    return await buildGo("test/peers/nsm");
  } catch (error) {
    if (!BenchError.is(error, "SKIP")) throw error;
    console.log(`      skipped: ${error.message}`);
    return context.skip();
  }
}

/** Go peers on sockets of a folder; all end with the work. */
export async function inGoMesh(
  program: string,
  work: (mesh: GoMesh, signal: AbortSignal) => Promise<void>,
  common: Options = {},
): Promise<void> {
  const abort = new AbortController();
  const mesh = new GoMesh(program, mkdtempSync(join(tmpdir(), "vpplb-gonsm-")), common);
  try {
    await work(mesh, abort.signal);
  } finally {
    abort.abort();
    await mesh.end();
    rmSync(mesh.folder, { recursive: true, force: true });
  }
}
