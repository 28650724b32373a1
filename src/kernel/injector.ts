import { AF_PACKET, SOCK_NONBLOCK, SOCK_RAW } from "../sys/constants.ts";
import { SysError } from "../sys/errors.ts";
import { libc } from "../sys/libc.ts";
import { SendBatch, type ReceiveBatch } from "../sys/messages.ts";
import { packetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket } from "../sys/sockets.ts";
import { openTun } from "../sys/tun.ts";
import { KernelError } from "./errors.ts";
import type { Namespace } from "./namespace.ts";
import { parseMac } from "./prefix.ts";

export type InjectorKind = "tun" | "veth";

/** Hands IP packets to a namespace's IP stack, as if they had come in by `device`. */
export interface Injector {
  readonly kind: InjectorKind;
  readonly device: string;
  /** One IP packet: `length` bytes at `skip` in slot `i`. False where the kernel did not take it. */
  inject(batch: ReceiveBatch, i: number, skip: number, length: number): boolean;
  /** Sends what `inject` put aside; how many of it the kernel did not take. */
  flush(): number;
  close(): Promise<void>;
}

const MTU = 65535;
const OUTSIDE_MAC = "02:fe:47:52:45:01";
const INSIDE_MAC = "02:fe:47:52:45:02";
const ETHERNET = 14;

/**
 * @param kind "auto" takes a TUN device where /dev/net/tun may be opened, else a veth pair
 * @throws KernelError
 */
export async function openInjector(
  namespace: Namespace,
  device: string,
  kind: InjectorKind | "auto",
): Promise<Injector> {
  if (kind === "veth") return openVethInjector(namespace, device);
  try {
    return await openTunInjector(namespace, device);
  } catch (error) {
    const cause = KernelError.is(error) ? error.cause : error;
    if (kind === "auto" && SysError.is(cause) && cause.syscall === "open") return openVethInjector(namespace, device);
    throw error;
  }
}

/** Strict and loose reverse path filters drop packets of clients that are not routed to this device. */
function prepare(namespace: Namespace, device: string): void {
  namespace.sysctl(`net/ipv4/conf/${device}/rp_filter`, 0);
  // No link-local address, and no neighbour discovery into nowhere.
  for (const [setting, value] of [
    ["addr_gen_mode", 1],
    ["disable_ipv6", 0],
  ] as const) {
    try {
      namespace.sysctl(`net/ipv6/conf/${device}/${setting}`, value);
    } catch (error) {
      // A kernel without IPv6; or /proc/sys of a container: IPv4 works all the same.
      if (!KernelError.is(error, "NOT_FOUND", "PERMISSION")) throw error;
    }
  }
}

async function openTunInjector(namespace: Namespace, device: string): Promise<Injector> {
  let tun;
  try {
    tun = namespace.run(() => openTun({ name: device }));
  } catch (cause) {
    throw KernelError.from(`create TUN device ${device}`, cause);
  }
  const { fd, name, close } = tun;
  try {
    prepare(namespace, name);
    await namespace.setLink(name, { up: true, mtu: MTU });
  } catch (error) {
    close();
    throw error;
  }
  return {
    kind: "tun",
    device: name,
    inject: (batch, i, skip, length) => libc().write(fd, batch.address(i) + BigInt(skip), length) === length,
    flush: () => 0,
    close: () => Promise.resolve(close()),
  };
}

/** Where there is no /dev/net/tun: frames written to one end of a veth pair come in by the other. */
async function openVethInjector(namespace: Namespace, device: string): Promise<Injector> {
  const outside = `${device.slice(0, 13)}-w`;
  await namespace.addVeth({
    name: device,
    mac: INSIDE_MAC,
    mtu: MTU,
    up: false,
    peer: { name: outside, mac: OUTSIDE_MAC, mtu: MTU, up: false },
  });
  let fd = -1;
  try {
    prepare(namespace, device);
    prepare(namespace, outside);
    await namespace.setLink(outside, { up: true });
    await namespace.setLink(device, { up: true });
    const index = namespace.index(outside);
    fd = namespace.run(() => openSocket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0));
    bindSocket(fd, packetAddress(index, 0), outside);
  } catch (error) {
    if (fd >= 0) closeFd(fd);
    await namespace.deleteLink(device);
    throw KernelError.from(`create veth injector ${device}`, error);
  }
  return vethInjector(namespace, device, fd);
}

function vethInjector(namespace: Namespace, device: string, fd: number): Injector {
  const frames = new SendBatch(32, MTU + ETHERNET);
  const header = new Uint8Array(ETHERNET);
  header.set(parseMac(INSIDE_MAC), 0);
  header.set(parseMac(OUTSIDE_MAC), 6);
  let refused = 0;
  const flush = (): void => {
    if (frames.filled > 0) refused += frames.send(fd).dropped;
  };
  return {
    kind: "veth",
    device,
    inject(batch, i, skip, length) {
      if (length > MTU) return false;
      if (frames.next() < 0) flush();
      const to = frames.next();
      const from = batch.offset(i) + skip;
      const v6 = (batch.bytes[from] ?? 0) >> 4 === 6;
      header[12] = v6 ? 0x86 : 0x08;
      header[13] = v6 ? 0xdd : 0x00;
      frames.bytes.set(header, to);
      frames.bytes.set(batch.bytes.subarray(from, from + length), to + ETHERNET);
      frames.push(ETHERNET + length);
      return true;
    },
    flush() {
      flush();
      const count = refused;
      refused = 0;
      return count;
    },
    async close() {
      closeFd(fd);
      frames.close();
      await namespace.deleteLink(device);
    },
  };
}
