import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemifListener, MemifMaster, MemifSlave } from "../../src/memif/index.ts";
import type { MasterOptions, MemifError, MemifHandlers, MemifLink, PeerNames } from "../../src/memif/index.ts";
import type { Memory, SlaveOptions } from "../../src/memif/index.ts";

export const DEADLINE_MS = 5000;

/** Waits until `check` gives something. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | null,
  timeoutMs = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false && value !== null) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function memory(size = 1 << 16): Memory {
  const buffer = new ArrayBuffer(size);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

/** What an interface told, in order. */
export class Told implements MemifHandlers {
  link: MemifLink | undefined;
  peer: PeerNames | undefined;
  readonly errors: { readonly error: MemifError; readonly wasConnected: boolean }[] = [];
  ups = 0;

  connected(link: MemifLink, peer: PeerNames): void {
    this.link = link;
    this.peer = peer;
    this.ups += 1;
  }

  disconnected(error: MemifError, wasConnected: boolean): void {
    this.link = undefined;
    this.errors.push({ error, wasConnected });
  }
}

/** A directory for sockets, removed by `close`. */
export function socketDirectory(): { readonly path: string; close(): void } {
  const path = mkdtempSync(join(tmpdir(), "memif-"));
  return { path, close: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Pair {
  readonly listener: MemifListener;
  readonly master: MemifMaster;
  readonly slave: MemifSlave;
  readonly atMaster: Told;
  readonly atSlave: Told;
  close(): void;
}

/** Both roles in this process, connected. */
export async function connectedPair(
  options: Partial<SlaveOptions> = {},
  masterOptions: Partial<MasterOptions> = {},
): Promise<Pair> {
  const directory = socketDirectory();
  const listener = MemifListener.open(join(directory.path, "m.sock"));
  const [atMaster, atSlave] = [new Told(), new Told()];
  const master = new MemifMaster(listener, { id: 7, ...masterOptions }, atMaster);
  const slave = new MemifSlave({ id: 7, socketPath: listener.path, minRetryMs: 5, ...options }, atSlave);
  const close = (): void => {
    slave.stop();
    listener.close();
    directory.close();
  };
  master.start();
  slave.start();
  try {
    await eventually("both ends are connected", () => atMaster.link && atSlave.link);
  } catch (error) {
    close();
    throw error;
  }
  return { listener, master, slave, atMaster, atSlave, close };
}

/** Sockets, memory files and event descriptors of this process, and its mappings: for a comparison before and after. */
export function resources(): { fds: number; memfdMappings: number } {
  const maps = readFileSync("/proc/self/maps", "utf8");
  const fds = readdirSync("/proc/self/fd").filter((fd) => /^(socket|anon_inode|\/memfd)/.test(target(fd)));
  return { fds: fds.length, memfdMappings: maps.match(/\/memfd:memif/g)?.length ?? 0 };
}

function target(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Resources once they no longer change: handles are closed a turn later. */
export async function settledResources(): Promise<ReturnType<typeof resources>> {
  let last = resources();
  for (let same = 0; same < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const now = resources();
    same = now.fds === last.fds && now.memfdMappings === last.memfdMappings ? same + 1 : 0;
    last = now;
  }
  return last;
}
