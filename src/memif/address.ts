import { statSync } from "node:fs";
import { AF_UNIX, SOCK_NONBLOCK, SOCK_SEQPACKET } from "../sys/constants.ts";
import { openNetns } from "../sys/netns.ts";
import { unixAddress } from "../sys/sockaddr.ts";
import { openSocket } from "../sys/sockets.ts";
import { MemifError } from "./errors.ts";

/** VPP's way to name the network namespace that an abstract name is in (vppinfra/socket.c). */
const NETNS = ",netns_name=";

/** A path as a socket address; `@name` and VPP's `abstract:name` are abstract. */
export function socketAddress(path: string): Uint8Array {
  return unixAddress(split(path).name.replace(/^(@|abstract:)/, "\0"));
}

export function isAbstract(path: string): boolean {
  return path.startsWith("@") || path.startsWith("abstract:");
}

/**
 * A socket for an address: abstract names belong to the network namespace in which the socket is made.
 * @throws MemifError OPTION: what is named is no network namespace; SysError
 */
export function socketFor(path: string): number {
  const open = () => openSocket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
  const { netns } = split(path);
  if (netns === undefined) return open();
  // Opened only if it is one: a pipe of that name would hold the process up.
  const stat = statSync(netns, { throwIfNoEntry: false });
  if (stat?.dev !== statSync("/proc/self/ns/net").dev)
    throw new MemifError("OPTION", `${netns} is no network namespace`, { hint: "abstract:NAME,netns_name=PATH" });
  const namespace = openNetns(netns);
  try {
    return namespace.run(open);
  } finally {
    namespace.close();
  }
}

function split(path: string): { readonly name: string; readonly netns?: string } {
  const at = isAbstract(path) ? path.indexOf(NETNS) : -1;
  return at < 0 ? { name: path } : { name: path.slice(0, at), netns: path.slice(at + NETNS.length) };
}
