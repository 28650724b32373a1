import net from "node:net";
import { AF_INET, AF_INET6, IPPROTO_IPV6, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from "./constants.ts";
import { libc, must } from "./libc.ts";
import { inNetns, type Netns } from "./netns.ts";
import { inetAddress } from "./sockaddr.ts";
import { bindSocket, closeFd, openSocket, setSocketOption } from "./sockets.ts";

/*
 * Node opens a TCP socket only after it has "looked up" even an address in digits, by when a hop into a namespace is
 * over: `inNetns(ns, () => server.listen(port, "0.0.0.0"))` listens outside. So the sockets are opened here.
 */

const SO_REUSEADDR = 2;
const IPV6_V6ONLY = 26;

function open(address: string, type = SOCK_STREAM): number {
  const v6 = net.isIPv6(address);
  const fd = openSocket(v6 ? AF_INET6 : AF_INET, type);
  if (v6) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return fd;
}

/**
 * A listening TCP socket in a namespace, for `server.listen({ fd })` (which takes the descriptor over). An IPv6 one
 * takes IPv6 only.
 * @param options `backlog` defaults to 511, as Node's
 * @throws SysError EADDRINUSE, EADDRNOTAVAIL
 */
export function listenTcp(
  namespace: number | Netns,
  address: string,
  port: number,
  options: { backlog?: number } = {},
): number {
  return inNetns(namespace, () => {
    const fd = open(address);
    try {
      setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      bindSocket(fd, inetAddress(address, port), `${address} port ${port}`);
      must("listen", libc().listen(fd, options.backlog ?? 511), `${address} port ${port}`);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}

/**
 * Connects from a namespace; the socket behaves as net.connect's: "connect" or "error" follow.
 * @param options `localAddress` and `localPort` to bind to; by default the kernel chooses
 * @throws SysError EADDRNOTAVAIL where the local address is not in the namespace
 */
export function connectTcp(
  namespace: number | Netns,
  address: string,
  port: number,
  options: { localAddress?: string; localPort?: number } = {},
): net.Socket {
  const fd = inNetns(namespace, () => {
    const socket = open(address);
    try {
      const { localAddress, localPort = 0 } = options;
      if (localAddress !== undefined || localPort !== 0) {
        setSocketOption(socket, SOL_SOCKET, SO_REUSEADDR, 1);
        const from = localAddress ?? (net.isIPv6(address) ? "::" : "0.0.0.0");
        bindSocket(socket, inetAddress(from, localPort), from);
      }
      return socket;
    } catch (error) {
      closeFd(socket);
      throw error;
    }
  });
  const socket = new net.Socket({ fd });
  socket.connect({ host: address, port });
  return socket;
}

/**
 * A bound UDP socket in a namespace, for `dgram.createSocket(...).bind({ fd })` (which takes the descriptor over).
 * @throws SysError EADDRINUSE, EADDRNOTAVAIL
 */
export function bindUdp(namespace: number | Netns, address: string, port = 0): number {
  return inNetns(namespace, () => {
    const fd = open(address, SOCK_DGRAM);
    try {
      bindSocket(fd, inetAddress(address, port), `${address} port ${port}`);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}
