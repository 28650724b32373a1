import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIPv6, Socket, type Server, type SocketConstructorOpts } from "node:net";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../sys/constants.ts";
import { libc, must } from "../sys/libc.ts";
import { inNetns } from "../sys/netns.ts";
import { inetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setSocketOption } from "../sys/sockets.ts";
import type { FlowSource } from "./flows.ts";

/**
 * Sockets of Node in a network namespace. Node makes a socket's descriptor some time after `connect` was called, when
 * the thread has long left the namespace; so the descriptor is made here, during the hop, and handed to Node.
 */

const SO_REUSEADDR = 2;
const IPV6_V6ONLY = 26;
/** linux/in.h: the kernel picks the source port at connect, per destination, and not already at bind. */
const IP_BIND_ADDRESS_NO_PORT = 24;
const BACKLOG = 4096;

/** Runs `fn` in the namespace, or where we are. */
export function within<T>(netns: number | undefined, fn: () => T): T {
  return netns === undefined ? fn() : inNetns(netns, fn);
}

function familyOf(address: string): number {
  return isIPv6(address) ? AF_INET6 : AF_INET;
}

/** A TCP socket, bound as wanted, that is not connected: call `connect`. @throws SysError */
export function openTcp(target: string, source: FlowSource, netns: number | undefined): Socket {
  const fd = within(netns, () => openSocket(familyOf(target), SOCK_STREAM | SOCK_NONBLOCK));
  try {
    bindSource(fd, target, source);
    // manualStart: there is nothing to read before it is connected. Node's own option, missing in its types.
    return new Socket({ fd, manualStart: true } as SocketConstructorOpts);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** A UDP socket, bound as wanted; call `connect`. @throws SysError */
export function openUdp(target: string, source: FlowSource, netns: number | undefined): UdpSocket {
  const fd = within(netns, () => openSocket(familyOf(target), SOCK_DGRAM | SOCK_NONBLOCK));
  try {
    bindSource(fd, target, source);
    const socket = createSocket(isIPv6(target) ? "udp6" : "udp4");
    socket.bind({ fd });
    return socket;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function bindSource(fd: number, target: string, { address, port = 0 }: FlowSource): void {
  if (address === undefined && port === 0) return;
  const local = address ?? (isIPv6(target) ? "::" : "0.0.0.0");
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (port === 0) setSocketOption(fd, 0, IP_BIND_ADDRESS_NO_PORT, 1);
  bindSocket(fd, inetAddress(local, port), `${local} port ${port}`);
}

/** A listening TCP server's descriptor, for `server.listen({ fd })`. Without an address: any, of both families. */
function openListener(port: number, address: string | undefined, netns: number | undefined): number {
  return within(netns, () => {
    const any6 = address === undefined && hasIpv6();
    const local = address ?? (any6 ? "::" : "0.0.0.0");
    const fd = openSocket(familyOf(local), SOCK_STREAM | SOCK_NONBLOCK);
    try {
      setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      if (isIPv6(local)) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address === undefined ? 0 : 1);
      bindSocket(fd, inetAddress(local, port), `tcp ${local} port ${port}`);
      must("listen", libc().listen(fd, BACKLOG), `tcp ${local} port ${port}`);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  });
}

function hasIpv6(): boolean {
  const fd = libc().socket(AF_INET6, SOCK_STREAM, 0);
  if (fd >= 0) closeFd(fd);
  return fd >= 0;
}

/** Listens before it returns. `onConnection` gets half-open sockets: it ends them itself. @throws SysError */
export async function listenTcp(
  options: { port: number; address?: string; netns?: number; maxConnections: number },
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  const fd = openListener(options.port, options.address, options.netns);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  server.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ fd, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server;
}
