import type { Namespace } from "../../src/kernel/namespace.ts";
import { AF_INET, AF_INET6, IPPROTO_GRE, SOCK_NONBLOCK, SOCK_RAW } from "../../src/sys/constants.ts";
import { SendBatch } from "../../src/sys/messages.ts";
import { watchReadable } from "../../src/sys/notifier.ts";
import { inetAddress } from "../../src/sys/sockaddr.ts";
import { closeFd, openSocket, readSome } from "../../src/sys/sockets.ts";
import { libc } from "../../src/sys/libc.ts";
import { openTun } from "../../src/sys/tun.ts";

/** A load-balancer of one server: what the namespace routes to its TUN device leaves as GRE to `server`. */
export interface Encapsulator {
  readonly device: string;
  sent: number;
  close(): void;
}

export async function openEncapsulator(namespace: Namespace, server: string): Promise<Encapsulator> {
  const v6 = server.includes(":");
  const tun = namespace.run(() => openTun({ name: "encap%d" }));
  await namespace.setLink(tun.name, { up: true });
  const raw = namespace.run(() => openSocket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_GRE));
  const batch = new SendBatch(32, 65536);
  const to = inetAddress(server);
  const packet = new Uint8Array(65536);
  const self: Encapsulator = { device: tun.name, sent: 0, close };
  const watch = watchReadable(tun.fd, () => {
    for (let burst = 0; burst < 16; burst++) {
      while (batch.next() >= 0) {
        const length = readSome(tun.fd, packet, packet.length);
        if (length <= 0) break;
        const at = batch.next();
        batch.bytes.set([0, 0, ...((packet[0] ?? 0) >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00])], at);
        batch.bytes.set(packet.subarray(0, length), at + 4);
        batch.push(length + 4, to);
      }
      if (batch.filled === 0) return;
      self.sent += batch.send(raw).sent;
    }
  });
  function close(): void {
    watch.close();
    closeFd(raw);
    batch.close();
    tun.close();
  }
  return self;
}

/** Sends one IP packet's payload of protocol 47, as it is, from `namespace`. */
export function sendGre(namespace: Namespace, server: string, payload: Uint8Array): void {
  const v6 = server.includes(":");
  const raw = namespace.run(() => openSocket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_GRE));
  const to = inetAddress(server);
  libc().sendto(raw, payload, payload.length, 0, to, to.length);
  closeFd(raw);
}
