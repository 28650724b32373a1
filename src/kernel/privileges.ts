import { spawn, spawnSync } from "node:child_process";
import { withLifeline } from "../sys/lifeline.ts";
import { createNetns } from "../sys/netns.ts";
import { KernelError } from "./errors.ts";
import { Namespace } from "./namespace.ts";

/** Set in the environment of a process that was started again within a user namespace. */
const MARK = "VPPLB_IN_USER_NAMESPACE";

/** The command that gives an unprivileged user namespaces of his own: user, network and mount, himself as root. */
const UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"] as const;

export type NetAdmin =
  /** Namespaces and devices can be made here. */
  | { readonly kind: "allowed"; readonly userNamespace: boolean }
  /** Not here, but in a user namespace: see `runInUserNamespace`. */
  | { readonly kind: "user-namespace"; readonly command: readonly string[] }
  /** Neither; `reason` says why and what would help. */
  | { readonly kind: "refused"; readonly reason: string };

/** Finds out whether this process may make network namespaces and devices, or how it could. */
export function ensureNetAdmin(): NetAdmin {
  try {
    createNetns().close();
    return { kind: "allowed", userNamespace: process.env[MARK] !== undefined };
  } catch (error) {
    const reason = (error as Error).message;
    if (process.env[MARK] !== undefined) return { kind: "refused", reason };
    const [command, ...args] = UNSHARE;
    const probe = spawnSync(command, [...args, "true"], { timeout: 5000, encoding: "utf8" });
    if (probe.error !== undefined) {
      const help = "run as root, or install util-linux, whose `unshare` makes a user namespace";
      return { kind: "refused", reason: `${reason}; no user namespace either: ${probe.error.message}; ${help}` };
    }
    if (probe.status !== 0) {
      const help =
        "run as root, or let users make namespaces: sysctl kernel.unprivileged_userns_clone=1, " +
        "user.max_user_namespaces > 0, kernel.apparmor_restrict_unprivileged_userns=0; in a container, --privileged";
      return { kind: "refused", reason: `${reason}; no user namespace either: ${probe.stderr.trim()}; ${help}` };
    }
    return { kind: "user-namespace", command: UNSHARE };
  }
}

/**
 * Runs this same program again, with its arguments, in a user namespace of its own, and hands on signals. A process
 * with threads, as Node is from its start, cannot enter one itself (unshare(2): EINVAL).
 * @returns its exit code (128 + n after signal n)
 * @throws KernelError NOT_FOUND where unshare cannot be started
 */
export function runInUserNamespace(): Promise<number> {
  const [command, ...args] = UNSHARE;
  const argv = [...args, "--", process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { stdio, env } = withLifeline(["inherit", "inherit", "inherit"]);
  const child = spawn(command, argv, { stdio, env: { ...env, [MARK]: "1" } });
  // From a terminal the child gets the signal as well; the second one is as harmless as a second ctrl-C.
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(KernelError.from(`start ${command}`, cause)));
    child.once("close", (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve(code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGTERM" ? 15 : 9));
    });
  });
}

/** In a fresh user namespace the own network namespace is new too: sets its loopback up. */
export async function prepareUserNamespace(): Promise<void> {
  if (process.env[MARK] === undefined) return;
  const own = Namespace.own();
  try {
    await own.setLink("lo", { up: true });
  } finally {
    own.close();
  }
}
