import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { frameMemory, type FrameMemory, type Interface, type Port } from "../../src/dataplane/model.ts";

/** A port that keeps what is sent. */
export class MemoryPort implements Port {
  readonly maxFrameBytes: number;
  readonly sent: Uint8Array[] = [];
  #queued: { memory: FrameMemory; offset: number; length: number }[] = [];

  constructor(maxFrameBytes = 65535) {
    this.maxFrameBytes = maxFrameBytes;
  }

  transmit(memory: FrameMemory, offset: number, length: number): boolean {
    this.#queued.push({ memory, offset, length });
    return true;
  }

  flush(): number {
    for (const { memory, offset, length } of this.#queued) this.sent.push(memory.bytes.slice(offset, offset + length));
    this.#queued = [];
    return 0;
  }

  close(): void {
    this.#queued = [];
  }

  /** What was sent since the last call. */
  take(): Uint8Array[] {
    return this.sent.splice(0);
  }
}

/** A dataplane without sockets, with a clock that the test sets. */
export class Bench {
  timeS = 0;
  readonly dp = new Dataplane({ clock: () => this.timeS });
  readonly ports = new Map<Interface, MemoryPort>();
  readonly #memory = frameMemory(new Uint8Array(1 << 17));

  host(name: string, mac: string, up = true): Interface {
    const port = new MemoryPort();
    const iface = this.dp.addInterface({ kind: "host", name: `host-${name}`, mac: macOf(mac), port });
    this.ports.set(iface, port);
    if (up) this.dp.setAdminUp(iface.swIfIndex, true);
    return iface;
  }

  loopback(mac: string): Interface {
    const iface = this.dp.addInterface({ kind: "loopback", name: "loop0", mac: macOf(mac) });
    this.dp.setAdminUp(iface.swIfIndex, true);
    return iface;
  }

  /** Feeds one frame and flushes. */
  feed(iface: Interface, frame: Uint8Array, checksumPending = false): void {
    this.feedAll(iface, [frame], checksumPending);
  }

  /** Feeds several frames as one burst. */
  feedAll(iface: Interface, frames: readonly Uint8Array[], checksumPending = false): void {
    this.dp.graph.beginBurst();
    let at = 256;
    for (const frame of frames) {
      this.#memory.bytes.set(frame, at);
      const trace = this.dp.trace.armed ? this.dp.trace.begin("af-packet-input") : undefined;
      this.dp.graph.input(iface, this.#memory, at, frame.length, checksumPending, trace);
      at += frame.length + 256;
      if (at + 70000 > this.#memory.bytes.length) {
        this.dp.graph.flush();
        at = 256;
      }
    }
    this.dp.graph.flush();
  }

  /** The memory before the headroom of the latest burst's first frame. */
  memoryBefore(): Uint8Array {
    return this.#memory.bytes.slice(0, 256 - 64);
  }

  /** 64 bytes behind the latest burst's first frame. */
  memoryBehind(length: number): Uint8Array {
    return this.#memory.bytes.slice(256 + length, 256 + length + 64);
  }

  sent(iface: Interface): Uint8Array[] {
    return this.ports.get(iface)!.take();
  }

  error(node: string, reason: string): number {
    return this.dp.errors.all().find((counter) => counter.node === node && counter.reason === reason)?.count ?? 0;
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

export function macOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
}

/** An IPv4 address as a number. */
export function ip4(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** An ip46 address: IPv6 as it is, IPv4 as twelve zero bytes and the address. */
export function ip46(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (!text.includes(":")) bytes.set(text.split(".").map(Number), 12);
  else {
    const [head = "", tail = ""] = text.split("::");
    const words = (part: string) => (part === "" ? [] : part.split(":").map((word) => parseInt(word, 16)));
    words(head).forEach((word, i) => bytes.set([word >> 8, word & 255], i * 2));
    const last = words(tail);
    last.forEach((word, i) => bytes.set([word >> 8, word & 255], 16 - (last.length - i) * 2));
  }
  return bytes;
}

/** Internet checksum of bytes whose field is zero, written independently of the code under test. */
export function referenceChecksum(bytes: Uint8Array): number {
  let sum = 0n;
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt((bytes[i]! << 8) | (bytes[i + 1] ?? 0));
  while (sum > 0xffffn) sum = (sum >> 16n) + (sum & 0xffffn);
  return Number(~sum & 0xffffn);
}

export interface Ip4Options {
  readonly src: string;
  readonly dst: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  readonly payload?: Uint8Array;
  readonly id?: number;
}

/** An Ethernet frame with an IPv4 packet. */
export function ip4Frame(dstMac: string, srcMac: string, options: Ip4Options): Uint8Array {
  const payload = options.payload ?? new Uint8Array(8);
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  header[0] = 0x45;
  view.setUint16(2, 20 + payload.length);
  view.setUint16(4, options.id ?? 0);
  view.setUint16(6, options.dontFragment === true ? 0x4000 : 0);
  header[8] = options.ttl ?? 64;
  header[9] = options.protocol ?? 17;
  view.setUint32(12, ip4(options.src));
  view.setUint32(16, ip4(options.dst));
  view.setUint16(10, referenceChecksum(header));
  return Uint8Array.from([...macOf(dstMac), ...macOf(srcMac), 8, 0, ...header, ...payload]);
}

/** UDP header and data, checksum 0 (none). */
export function udp(srcPort: number, dstPort: number, data: Uint8Array = new Uint8Array(4)): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, srcPort);
  view.setUint16(2, dstPort);
  view.setUint16(4, bytes.length);
  bytes.set(data, 8);
  return bytes;
}

export function echoRequest(id: number, sequence: number, data = new Uint8Array(16)): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 8;
  view.setUint16(4, id);
  view.setUint16(6, sequence);
  bytes.set(data, 8);
  view.setUint16(2, referenceChecksum(bytes));
  return bytes;
}

export function arpFrame(
  dstMac: string,
  srcMac: string,
  opcode: 1 | 2,
  sender: { mac: string; ip: string },
  target: { mac: string; ip: string },
): Uint8Array {
  const arp = new Uint8Array(28);
  const view = new DataView(arp.buffer);
  view.setUint32(0, 0x00010800);
  view.setUint16(4, 0x0604);
  view.setUint16(6, opcode);
  arp.set(macOf(sender.mac), 8);
  view.setUint32(14, ip4(sender.ip));
  arp.set(macOf(target.mac), 18);
  view.setUint32(24, ip4(target.ip));
  return Uint8Array.from([...macOf(dstMac), ...macOf(srcMac), 8, 6, ...arp]);
}
