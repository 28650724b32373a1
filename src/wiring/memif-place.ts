import { mkdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { filePathOf, NsmError, PARAMETER, type Mechanism } from "@networkservicemesh/sdk-ts";
import type { JointSpec } from "./vpp-joint.ts";

/** Which side of a memif VPP is, and its socket as VPP names it. */
export type MemifPlace = Pick<JointSpec, "role" | "filename">;

/**
 * The endpoint listens: VPP connects to its socket.
 * @param vppPid 0: it cannot be seen @throws NsmError INVALID, NOT_FOUND, UNSUPPORTED
 */
export function slaveOf({ parameters }: Mechanism, vppPid: number): MemifPlace {
  const { [PARAMETER.inodeUrl]: url = "", [PARAMETER.socketFile]: name = "" } = parameters;
  const path = filePathOf(url);
  if (path === undefined) throw new NsmError("INVALID", "the endpoint named no memif socket (inodeURL file://...)");
  if (name !== "") return { role: "slave", filename: abstractName(name, path) };
  return { role: "slave", filename: reachable(path, vppPid) };
}

/**
 * The client connects: VPP listens, at an abstract name in the namespace that the client names, or at a file.
 * @param folder of such files; made where it is missing @throws NsmError INVALID
 */
export function masterOf({ parameters }: Mechanism, key: string, folder: string): MemifPlace {
  const path = filePathOf(parameters[PARAMETER.inodeUrl] ?? "");
  if (path !== undefined && isNamespace(path)) return { role: "master", filename: abstractName(key, path) };
  mkdirSync(folder, { recursive: true });
  return { role: "master", filename: join(folder, `${key}.sock`) };
}

/** As VPP names it (vppinfra/socket.c). */
function abstractName(name: string, netns: string): string {
  if (/[,\s]/.test(name) || name.length > 80)
    throw new NsmError("INVALID", `${JSON.stringify(name.slice(0, 100))} cannot name an abstract memif socket`);
  return `abstract:${name},netns_name=${netns}`;
}

function isNamespace(path: string): boolean {
  try {
    return statSync(path).dev === statSync("/proc/self/ns/net").dev;
  } catch {
    return false;
  }
}

/**
 * A path by which VPP's process reaches a socket file: its own, where it is the same file there, so that it is good
 * after a restart of ours; else through this process's descriptor.
 * @throws NsmError NOT_FOUND, UNSUPPORTED
 */
function reachable(path: string, vppPid: number): string {
  const wanted = inodeAt(path);
  if (wanted === undefined) throw new NsmError("NOT_FOUND", `there is no memif socket ${path}`);
  const candidates = [realPathOf(path), path].filter((each) => each !== undefined);
  const root = vppPid === 0 ? "" : `/proc/${vppPid}/root`;
  const found = candidates.find((each) => inodeAt(`${root}${each}`) === wanted);
  if (found === undefined)
    throw new NsmError("UNSUPPORTED", `VPP cannot reach the memif socket ${candidates.join(", ")}`);
  return found;
}

/** What a link under /proc/PID/fd leads to. */
function realPathOf(path: string): string | undefined {
  if (!path.startsWith("/proc/")) return path;
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function inodeAt(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isSocket() ? `${stat.dev}/${stat.ino}` : undefined;
  } catch {
    return undefined;
  }
}
