import { onesComplementSum } from "../../src/kernel/gre-header.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { AF_INET, AF_INET6, IPPROTO_GRE, IPPROTO_RAW, SOCK_NONBLOCK, SOCK_RAW } from "../../src/sys/constants.ts";
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

/** A load-balancer by l3dsr: what the namespace routes to its TUN device leaves for `server`, marked with `dscp`. */
export async function openDscpMarker(namespace: Namespace, server: string, dscp: number): Promise<Encapsulator> {
  const tun = namespace.run(() => openTun({ name: "mark%d" }));
  await namespace.setLink(tun.name, { up: true });
  const raw = namespace.run(() => openSocket(AF_INET, SOCK_RAW, IPPROTO_RAW));
  const to = inetAddress(server);
  const packet = new Uint8Array(65536);
  const view = new DataView(packet.buffer);
  const self: Encapsulator = {
    device: tun.name,
    sent: 0,
    close() {
      watch.close();
      closeFd(raw);
      tun.close();
    },
  };
  const watch = watchReadable(tun.fd, () => {
    for (let length; (length = readSome(tun.fd, packet, packet.length)) > 0;) {
      if ((packet[0] ?? 0) >> 4 !== 4 || packet[9] !== 6) continue;
      packet[1] = dscp << 2;
      packet.set(to.subarray(4, 8), 16);
      const header = ((packet[0] ?? 0) & 15) * 4;
      // The TCP checksum covers the addresses, the protocol and the length; the kernel redoes the IP header's.
      view.setUint16(header + 16, 0);
      const sum =
        onesComplementSum(packet, 12, 8) + 6 + (length - header) + onesComplementSum(packet, header, length - header);
      view.setUint16(header + 16, ~((sum & 0xffff) + Math.floor(sum / 0x10000)) & 0xffff);
      if (libc().sendto(raw, packet, length, 0, to, to.length) === length) self.sent++;
    }
  });
  return self;
}
