import net from "node:net";
import { POLLIN, SOCK_STREAM } from "./constants.ts";
import { SysError } from "./errors.ts";
import { openEventFd } from "./eventfd.ts";
import { pollMany } from "./poll.ts";
import { closeFd, duplicateFd, openSocketPair } from "./sockets.ts";

/** A descriptor being watched. The watch holds a duplicate: close it, then the descriptor. */
export interface Watch {
  /** No callback until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the watch; idempotent, also from within the callback. */
  close(): void;
}

export type NotifierKind = "libuv" | "timer";

/**
 * libuv's stream handle as far as it is used here. With an empty read buffer libuv reports UV_ENOBUFS without reading
 * (libuv: src/unix/stream.c, uv__read), which makes a Pipe handle a level-triggered notifier for any descriptor that
 * can be polled. This is not public API of Node: `checkNotifier` proves it, and a timer takes over where it fails.
 */
interface PipeHandle {
  open(fd: number): number;
  useUserBuffer(buffer: Uint8Array): void;
  onread: () => void;
  readStart(): number;
  readStop(): number;
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
}
type PipeConstructor = new (kind: number) => PipeHandle;

let pipe: PipeConstructor | null | undefined;

/** Finds the class of Node's pipe handles on a socket of our own; null where it has changed its shape. */
function pipeConstructor(): PipeConstructor | null {
  if (pipe !== undefined) return pipe;
  const [a, b] = openSocketPair(SOCK_STREAM);
  const socket = new net.Socket({ fd: a, readable: false, writable: false });
  try {
    const handle = (socket as unknown as { _handle?: PipeHandle })._handle;
    const complete =
      handle != null &&
      (["open", "useUserBuffer", "readStart", "readStop", "close", "ref", "unref"] as const).every(
        (name) => typeof handle[name] === "function",
      );
    pipe = complete ? (handle.constructor as PipeConstructor) : null;
  } catch {
    pipe = null;
  } finally {
    socket.destroy();
    closeFd(b);
  }
  return pipe;
}

function watchByLibuv(create: PipeConstructor, fd: number, callback: () => void, ref: boolean): Watch {
  const handle = new create(0);
  const duplicate = duplicateFd(fd);
  let open = true;
  let reading = false;
  const resume = (): void => {
    if (!open || reading) return;
    reading = true;
    handle.readStart();
  };
  try {
    // open() returns or throws, by Node's version; readStart() reads nothing yet, it only registers.
    const status = handle.open(duplicate);
    if (status) throw new SysError("uv_pipe_open", -status, { what: `descriptor ${fd}` });
  } catch (error) {
    handle.close();
    closeFd(duplicate);
    throw error;
  }
  handle.useUserBuffer(new Uint8Array(0));
  handle.onread = () => {
    if (open && reading) callback();
  };
  if (!ref) handle.unref();
  resume();
  return {
    resume,
    pause() {
      if (!open || !reading) return;
      reading = false;
      handle.readStop();
    },
    close() {
      if (!open) return;
      open = false;
      handle.close();
    },
  };
}

/* ---- the fallback: one timer polls every watched descriptor ---- */

const POLL_INTERVAL_MS = 5;

interface TimerWatch {
  fd: number;
  callback: () => void;
  active: boolean;
  ref: boolean;
}
const timerWatches = new Set<TimerWatch>();
let timer: NodeJS.Timeout | undefined;

function pollOnce(): void {
  const active = [...timerWatches].filter((watch) => watch.active);
  if (active.length === 0) return;
  const ready = pollMany(
    active.map((watch) => watch.fd),
    POLLIN,
  );
  for (const watch of active) if (ready.has(watch.fd) && watch.active) watch.callback();
}

function updateTimer(): void {
  const active = [...timerWatches].filter((watch) => watch.active);
  if (active.length === 0) {
    clearInterval(timer);
    timer = undefined;
    return;
  }
  timer ??= setInterval(pollOnce, POLL_INTERVAL_MS);
  if (active.some((watch) => watch.ref)) timer.ref();
  else timer.unref();
}

function watchByTimer(fd: number, callback: () => void, ref: boolean): Watch {
  const watch: TimerWatch = { fd: duplicateFd(fd), callback, active: true, ref };
  timerWatches.add(watch);
  updateTimer();
  const set = (active: boolean): void => {
    if (!timerWatches.has(watch)) return;
    watch.active = active;
    updateTimer();
  };
  return {
    pause: () => set(false),
    resume: () => set(true),
    close() {
      if (!timerWatches.delete(watch)) return;
      watch.active = false;
      closeFd(watch.fd);
      updateTimer();
    },
  };
}

/* ---- the choice ---- */

let chosen: NotifierKind | undefined;

function defaultKind(): NotifierKind {
  return chosen ?? (pipeConstructor() === null ? "timer" : "libuv");
}

/**
 * Calls back while the descriptor is readable (or has an error or hang-up), again and again: take what is there or
 * `pause` in the callback, or it spins. The descriptor becomes non-blocking. An idle watch costs no CPU.
 * @param options `via` forces a mechanism; `ref` false: does not keep the process alive (default true)
 * @throws SysError
 */
export function watchReadable(
  fd: number,
  callback: () => void,
  options: { via?: NotifierKind; ref?: boolean } = {},
): Watch {
  const { via = defaultKind(), ref = true } = options;
  const create = pipeConstructor();
  if (via === "libuv" && create !== null) return watchByLibuv(create, fd, callback, ref);
  return watchByTimer(fd, callback, ref);
}

/** One event goes in, one callback must come, and none after the drain. */
function proves(via: NotifierKind, deadlineMs: number): Promise<boolean> {
  const event = openEventFd();
  return new Promise((resolve) => {
    let calls = 0;
    const finish = (ok: boolean): void => {
      clearTimeout(deadline);
      watch.close();
      event.close();
      resolve(ok);
    };
    const deadline = setTimeout(() => finish(false), deadlineMs);
    const watch = watchReadable(
      event.fd,
      () => {
        calls++;
        if (calls > 1 || event.drain() !== 1n) return finish(false);
        setTimeout(() => finish(calls === 1), 2 * POLL_INTERVAL_MS);
      },
      { via },
    );
    event.signal();
  });
}

/**
 * Proves libuv's notifier with an eventfd, about 10 ms; run it once at start. Where it fails, later watches use the
 * timer (a latency of up to 5 ms).
 * @returns the mechanism that watches use from now on
 */
export async function checkNotifier(): Promise<NotifierKind> {
  if (pipeConstructor() === null || !(await proves("libuv", 1000))) chosen = "timer";
  else chosen = "libuv";
  return chosen;
}
