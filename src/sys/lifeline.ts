import { Socket } from "node:net";

/**
 * Environment variable with the number of a descriptor whose other end the parent holds: a process that is given one ends,
 * as at SIGTERM, when its parent is gone. Unlike prctl's PR_SET_PDEATHSIG it is not bound to the parent's thread, and it
 * reaches a program behind `unshare`.
 */
export const LIFELINE = "VPPLB_LIFELINE_FD";

/** Options of child_process.spawn for a child that ends when we are gone, even by kill -9; its descriptor 3 is the lifeline. */
export function withLifeline(stdio: readonly ["ignore" | "inherit", "pipe" | "inherit", "pipe" | "inherit"]) {
  return { stdio: [...stdio, "pipe" as const], env: { ...process.env, [LIFELINE]: "3" } };
}

/**
 * Calls `lost` when the process that holds the other end is gone. Does not keep this process alive.
 * @returns undefined where this process was given none
 */
export function watchLifeline(lost: () => void): { close(): void } | undefined {
  const fd = Number(process.env[LIFELINE]);
  // What we start ourselves has no such descriptor.
  delete process.env[LIFELINE];
  if (!Number.isInteger(fd) || fd < 3) return undefined;
  const socket = new Socket({ fd, readable: true, writable: false });
  // A parent that died with unread bytes of ours resets instead of ending.
  socket.on("error", () => undefined).once("close", lost);
  socket.resume().unref();
  return {
    close() {
      socket.off("close", lost).destroy();
    },
  };
}
