import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

const RUN_NETNS = "/run/netns";

/**
 * Network namespaces that a process is in or that have a name under /run/netns, as far as this process sees them: a path
 * to each by its inode's number. Those that only a descriptor holds are not among them.
 * @throws an error of the file system, where not all could be looked at
 */
export function namespacesInUse(): Map<string, string> {
  const paths = new Map<string, string>();
  for (const pid of list("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const path = `/proc/${pid}/ns/net`;
    const inode = /^net:\[(\d+)\]$/.exec(linkOf(path) ?? "")?.[1];
    if (inode !== undefined && !paths.has(inode)) paths.set(inode, path);
  }
  for (const name of list(RUN_NETNS)) {
    const path = join(RUN_NETNS, name);
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    if (inode !== undefined) paths.set(String(inode), path);
  }
  return paths;
}

/**
 * Whether what is at a path of `namespacesInUse` stays there: a name, or a process of which every thread is in the
 * namespace. One that only does something in it for a moment has its other threads elsewhere.
 */
export function isLivedIn(path: string): boolean {
  const match = /^(\/proc\/\d+)\/ns\/net$/.exec(path);
  if (match === null) return true;
  const threads = tryList(`${match[1]}/task`).map((thread) => linkOf(`${match[1]}/task/${thread}/ns/net`));
  return threads.length > 0 && threads.every((link) => link !== undefined && link === linkOf(path));
}

function tryList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** undefined: the process has ended, or we may not look. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
