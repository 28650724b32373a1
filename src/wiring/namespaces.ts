import { statSync } from "node:fs";
import { filePathOf, NsmError } from "@networkservicemesh/sdk-ts";
import { Namespace } from "../kernel/namespace.ts";

/** A namespace in use; released once. */
export interface HeldNamespace {
  readonly namespace: Namespace;
  /** Device and inode: the same while it lives. */
  readonly inode: string;
  release(): void;
}

/** Namespaces by inode, each open once, however many interfaces are in it. */
export class NamespacePool {
  readonly #open = new Map<string, { readonly namespace: Namespace; users: number }>();

  get size(): number {
    return this.#open.size;
  }

  /** @param path of a network namespace @throws NsmError INVALID: it is none; NOT_FOUND; INTERNAL */
  take(path: string): HeldNamespace {
    const inode = inodeOf(path);
    const entry = this.#open.get(inode) ?? { namespace: open(path), users: 0 };
    entry.users += 1;
    this.#open.set(inode, entry);
    let held = true;
    return {
      namespace: entry.namespace,
      inode,
      release: () => {
        if (!held) return;
        held = false;
        entry.users -= 1;
        if (entry.users > 0) return;
        this.#open.delete(inode);
        entry.namespace.close();
      },
    };
  }

  /** @throws NsmError, also where the url is none of a file */
  takeUrl(url: string, what: string): HeldNamespace {
    const path = filePathOf(url);
    if (path === undefined)
      throw new NsmError("INVALID", `${what} names no network namespace: inodeURL is ${JSON.stringify(url)}`);
    return this.take(path);
  }
}

/** Only namespaces are opened: a pipe or a device that somebody names instead would hold this process up. */
function inodeOf(path: string): string {
  const nsfs = statSync("/proc/self/ns/net").dev;
  let found;
  try {
    found = statSync(path);
  } catch (error) {
    throw new NsmError("NOT_FOUND", `there is no network namespace ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (found.dev !== nsfs || !found.isFile()) throw new NsmError("INVALID", `${path} is no network namespace`);
  return `${found.dev}/${found.ino}`;
}

function open(path: string): Namespace {
  try {
    return Namespace.open(path);
  } catch (error) {
    throw NsmError.from(error, `network namespace ${path}`);
  }
}
