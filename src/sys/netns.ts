import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { access, closeSync, fstatSync, openSync } from "node:fs";
import { CLONE_NEWNET } from "./constants.ts";
import { SysError } from "./errors.ts";
import { errno, libc, must } from "./libc.ts";

/** A network namespace, held by a descriptor: it lives while the descriptor (or a process in it) does. */
export interface Netns {
  readonly fd: number;
  /** The namespace's inode number, as /proc/PID/ns/net shows it. */
  readonly inode: number;
  /** A path by which other processes of this host can open it while we live. */
  readonly path: string;
  /** Runs `fn` inside; see `inNetns`. */
  run<T>(fn: () => T): T;
  close(): void;
}

const own = "/proc/thread-self/ns/net";
let home: number | undefined;
/** Where this thread is now; module state is per thread. */
let current: number | undefined;

/** Whether a hop has been tried. */
let hops = false;

/**
 * libuv starts its pool threads, all of them, at the first use of the pool, and a thread inherits the namespace of its
 * creator: use the pool once before the first hop, or every later fs and dns call may run somewhere else.
 */
function homeFd(): number {
  if (home === undefined) {
    access("/", () => undefined);
    home = openSync(own, "r");
    current = home;
  }
  return home;
}

/** A hop must be able to return: in a user namespace without a network namespace of its own it could not. */
function mustReturn(): void {
  if (hops) return;
  must("setns", libc().setns(homeFd(), CLONE_NEWNET), "own network namespace");
  hops = true;
}

/** Whether this thread is in the namespace already: that asks for no privilege. */
function isCurrent(fd: number): boolean {
  try {
    return fstatSync(fd).ino === fstatSync(current ?? homeFd()).ino;
  } catch {
    return false; // closed: setns will say so
  }
}

function enter(fd: number): void {
  must("setns", libc().setns(fd, CLONE_NEWNET), `namespace ${fd}`);
  current = fd;
}

function leave(back: number): void {
  if (libc().setns(back, CLONE_NEWNET) < 0) {
    // Everything after this would act on the wrong namespace: no way to go on.
    process.stderr.write(`fatal: cannot return to the own network namespace (errno ${errno()})\n`);
    process.abort();
  }
  current = back;
}

/**
 * Runs `fn` with this thread in the namespace and returns to where it was; about 10 us. Sockets that `fn` opens stay in
 * the namespace, and so do child processes and workers that it starts. `fn` must not be asynchronous: the thread's other
 * work would run in the namespace.
 * @throws SysError EPERM without CAP_SYS_ADMIN, unless it is there already; TypeError where `fn` returns a promise
 */
export function inNetns<T>(namespace: number | Netns, fn: () => T): T {
  const fd = typeof namespace === "number" ? namespace : namespace.fd;
  const back = current ?? homeFd();
  const there = isCurrent(fd);
  if (!there) {
    mustReturn();
    enter(fd);
  }
  let result: T;
  try {
    result = fn();
  } finally {
    if (!there) leave(back);
  }
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new TypeError("inNetns: the function must not be asynchronous");
  }
  return result;
}

function handle(fd: number): Netns {
  let open = true;
  const self: Netns = {
    fd,
    inode: fstatSync(fd).ino,
    path: `/proc/${process.pid}/fd/${fd}`,
    run(fn) {
      if (!open) throw new SysError("setns", 9, { hint: "this namespace handle is closed" });
      return inNetns(fd, fn);
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
  return self;
}

/**
 * Opens an existing namespace: by path (/run/netns/NAME, /proc/PID/ns/net), by process, or this thread's own ("self").
 * @throws SysError ENOENT where there is none
 */
export function openNetns(which: string | { pid: number } | "self"): Netns {
  homeFd();
  const path = typeof which === "object" ? `/proc/${which.pid}/ns/net` : which === "self" ? own : which;
  try {
    return handle(openSync(path, "r"));
  } catch (cause) {
    const value = cause as NodeJS.ErrnoException;
    const hint = value.code === "ENOENT" ? "there is no such network namespace" : undefined;
    throw new SysError("open", -(value.errno ?? -2), { what: path, cause, ...(hint === undefined ? {} : { hint }) });
  }
}

/**
 * A new, empty network namespace that has no name: it is gone with its last descriptor, whatever happens to us.
 * Its loopback is down. @throws SysError EPERM without CAP_SYS_ADMIN
 */
export function createNetns(): Netns {
  mustReturn();
  const back = current ?? homeFd();
  must("unshare", libc().unshare(CLONE_NEWNET), "CLONE_NEWNET");
  try {
    return handle(openSync(own, "r"));
  } finally {
    leave(back);
  }
}

/** Starts a program inside a namespace; arguments and options as for child_process.spawn. */
export function spawnInNetns(
  namespace: number | Netns,
  command: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): ChildProcess {
  return inNetns(namespace, () => spawn(command, args, options));
}
