import { createRequire } from "node:module";
import type * as NetlinkModule from "netlink";
import { inNetns, type Netns } from "../sys/netns.ts";
import { KernelError } from "./errors.ts";
import { NETLINK_ROUTE } from "./netlink.ts";

/* linux/rtnetlink.h */
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV6_IFADDR = 9;

/**
 * Calls back when a device or an address of a namespace comes, goes or changes, also when the kernel could not tell what
 * (its queue was full): look then. Until the signal fires.
 * @throws KernelError UNSUPPORTED, PERMISSION
 */
export function watchDevices(namespace: number | Netns, onChange: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  let socket: NetlinkModule.RawNetlinkSocket;
  try {
    const { RawNetlinkSocket } = createRequire(import.meta.url)("netlink") as typeof NetlinkModule;
    socket = inNetns(namespace, () => new RawNetlinkSocket(NETLINK_ROUTE));
  } catch (cause) {
    throw KernelError.from("watch network devices", cause);
  }
  // An exception in this library's callbacks ends the process.
  const tell = () => {
    try {
      onChange();
    } catch {
      // Whoever looks tells of it.
    }
  };
  socket.on("message", tell);
  socket.on("truncatedMessage", tell);
  socket.on("error", tell);
  for (const group of [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]) socket.addMembership(group);
  socket.unref();
  signal.addEventListener("abort", () => socket.close(), { once: true });
}
