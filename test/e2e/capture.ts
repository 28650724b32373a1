import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { AF_PACKET, ETH_P_ALL, MSG_DONTWAIT, SOCK_RAW } from "../../src/sys/constants.ts";
import { interfaceIndex } from "../../src/sys/ioctl.ts";
import { libc } from "../../src/sys/libc.ts";
import { PacketRing, TP_STATUS_VLAN_VALID } from "../../src/sys/packet-ring.ts";
import { packetAddress } from "../../src/sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setBufferSize } from "../../src/sys/sockets.ts";

const ETHERNET_BYTES = 14;
const POLL_MS = 2;

/** Every frame that a device of a namespace sends or receives, until it is closed. */
export class Capture {
  readonly frames: Buffer[] = [];
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(65_536);
  #open = true;

  constructor(namespace: Namespace, device: string) {
    this.#fd = namespace.run(() => {
      const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
      setBufferSize(fd, "receive", 32 << 20);
      bindSocket(fd, packetAddress(interfaceIndex(device), ETH_P_ALL), device);
      return fd;
    });
    void this.#run();
  }

  async #run(): Promise<void> {
    while (this.#open) {
      this.#drain();
      await sleep(POLL_MS);
    }
    closeFd(this.#fd);
  }

  #drain(): void {
    for (;;) {
      const length = Number(libc().recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT));
      if (length <= 0) return;
      this.frames.push(Buffer.from(this.#buffer.subarray(0, length)));
    }
  }

  /** Takes what has come so far. */
  close(): void {
    if (!this.#open) return;
    this.#drain();
    this.#open = false;
  }
}

/**
 * IDs of VLANs of the frames that come in at a device, by their sender; 0 for untagged ones. The kernel takes a tag off
 * before any plain socket sees it; only the ring tells.
 */
export class TagCapture {
  readonly #ids = new Map<string, Map<number, number>>();
  readonly #ring: PacketRing;
  #open = true;

  constructor(namespace: Namespace, device: string) {
    this.#ring = namespace.run(() => new PacketRing(device));
    void this.#run();
  }

  async #run(): Promise<void> {
    while (this.#open) {
      this.#drain();
      await sleep(POLL_MS);
    }
    this.#ring.close();
  }

  #drain(): void {
    const ring = this.#ring;
    while (ring.nextBlock() > 0) {
      while (ring.nextFrame()) {
        const { offset, status } = ring.frame;
        const sender = Buffer.from(ring.bytes.subarray(offset + 6, offset + 12)).toString("hex");
        const id = (status & TP_STATUS_VLAN_VALID) === 0 ? 0 : ring.vlanTag() & 0xfff;
        const ids = this.#ids.get(sender) ?? new Map<number, number>();
        this.#ids.set(sender, ids.set(id, (ids.get(id) ?? 0) + 1));
      }
      ring.releaseBlock();
    }
  }

  /** Frames of each VLAN that a MAC address sent. */
  of(mac: string): ReadonlyMap<number, number> {
    return this.#ids.get(mac.replaceAll(":", "")) ?? new Map<number, number>();
  }

  /** Takes what has come so far. */
  close(): void {
    if (!this.#open) return;
    this.#drain();
    this.#open = false;
  }
}

/** The IPv4 packets to a destination in 10.2.0.0/16, as they are on the wire. */
export function plain(frames: readonly Buffer[]): Buffer[] {
  return frames.filter(isIp4).flatMap((frame) => {
    const packet = ip4Packet(frame);
    return packet[16] === 10 && packet[17] === 2 ? [packet] : [];
  });
}

/** What is inside GRE over IPv4, without outer fragments. */
export function insideGre(frames: readonly Buffer[]): Buffer[] {
  return frames.filter(isIp4).flatMap((frame) => {
    const packet = ip4Packet(frame);
    // Protocol 47; the flags word 0 and the EtherType of IPv4 (RFC 2784).
    return packet[9] === 47 && packet.readUInt32BE(20) === 0x0800 ? [packet.subarray(24)] : [];
  });
}

function isIp4(frame: Buffer): boolean {
  return frame.length >= ETHERNET_BYTES + 20 && frame.readUInt16BE(12) === 0x0800;
}

/** Without the padding of a short frame. */
function ip4Packet(frame: Buffer): Buffer {
  return frame.subarray(ETHERNET_BYTES, ETHERNET_BYTES + frame.readUInt16BE(ETHERNET_BYTES + 2));
}
