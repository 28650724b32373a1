/**
 * Host-interfaces without a kernel: each has one Ethernet peer that answers ARP and ICMP echo. Frames are handed over
 * when the graph flushes, the answers in a later turn of the event loop, as from a wire.
 */
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import type { HostInterfaces } from "../../src/dataplane/cli/index.ts";
import { frameMemory, type FrameMemory, type Interface, type Port } from "../../src/dataplane/model.ts";

export interface Peer {
  readonly mac: string;
  readonly address: string;
}

const HEADROOM = 128;

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

function addressBytes(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export class PeerPort implements Port {
  readonly maxFrameBytes = 9014;
  readonly #dp: Dataplane;
  readonly #peer: Peer;
  readonly #sent: Buffer[] = [];
  /** Every frame that left here. */
  readonly seen: Buffer[] = [];
  iface: Interface | undefined;
  #sequence = 0;

  constructor(dp: Dataplane, peer: Peer) {
    this.#dp = dp;
    this.#peer = peer;
  }

  transmit(memory: FrameMemory, offset: number, length: number): boolean {
    this.#sent.push(Buffer.from(memory.bytes.subarray(offset, offset + length)));
    return true;
  }

  flush(): number {
    const frames = this.#sent.splice(0);
    this.seen.push(...frames);
    for (const frame of frames) {
      const answer = this.#answer(frame);
      if (answer !== undefined) setImmediate(() => this.receive([answer]));
    }
    return 0;
  }

  close(): void {
    this.iface = undefined;
  }

  /** A burst that comes in here, traced where tracing is armed. */
  receive(frames: readonly Buffer[]): void {
    const { iface } = this;
    if (iface === undefined) return;
    const { graph, trace } = this.#dp;
    graph.beginBurst();
    for (const [packet, frame] of frames.entries()) {
      const bytes = new Uint8Array(HEADROOM + frame.length);
      bytes.set(frame, HEADROOM);
      const traced = trace.armed ? trace.begin("af-packet-input") : undefined;
      if (traced !== undefined) {
        trace.record(traced, "af-packet-input", {
          ...{ kind: "af-packet-input", hwIfIndex: iface.hwIfIndex, block: 0, sequence: this.#sequence, packet },
          ...{
            status: 1,
            length: frame.length,
            snapLength: frame.length,
            mac: 92,
            net: 106,
            seconds: 0,
            nanoseconds: 0,
          },
        });
      }
      graph.input(iface, frameMemory(bytes), HEADROOM, frame.length, false, traced);
      graph.flush();
    }
    this.#sequence += 1;
  }

  #answer(frame: Buffer): Buffer | undefined {
    const own = addressBytes(this.#peer.address);
    const type = frame.readUInt16BE(12);
    if (type === 0x0806 && frame.readUInt16BE(20) === 1 && frame.subarray(38, 42).equals(own)) {
      const reply = Buffer.from(frame);
      reply.set(frame.subarray(6, 12), 0);
      reply.set(macBytes(this.#peer.mac), 6);
      reply.writeUInt16BE(2, 20);
      reply.set(macBytes(this.#peer.mac), 22);
      reply.set(own, 28);
      reply.set(frame.subarray(22, 32), 32);
      return reply;
    }
    const toUs = frame.subarray(0, 6).equals(macBytes(this.#peer.mac));
    if (type !== 0x0800 || !toUs || frame[23] !== 1 || frame[34] !== 8) return undefined;
    const reply = Buffer.from(frame);
    reply.set(frame.subarray(6, 12), 0);
    reply.set(frame.subarray(0, 6), 6);
    reply.set(frame.subarray(26, 30), 30);
    reply.set(frame.subarray(30, 34), 26);
    reply[22] = 64;
    reply.writeUInt16BE(0, 24);
    reply.writeUInt16BE(checksum(reply.subarray(14, 34)), 24);
    reply[34] = 0;
    reply.writeUInt16BE(0, 36);
    reply.writeUInt16BE(checksum(reply.subarray(34)), 36);
    return reply;
  }
}

/** Host-interfaces by device name; a device without a peer does not exist. */
export class SimulatedHosts implements HostInterfaces {
  readonly ports = new Map<string, PeerPort>();
  readonly #peers: ReadonlyMap<string, Peer>;

  constructor(peers: Readonly<Record<string, Peer>>) {
    this.#peers = new Map(Object.entries(peers));
  }

  create(
    dp: Dataplane,
    { hostIfName, mac }: { hostIfName: string; mac?: Uint8Array },
  ): { retval: number; swIfIndex: number } {
    const peer = this.#peers.get(hostIfName);
    if (peer === undefined) return { retval: -71, swIfIndex: 0xffffffff };
    const known = dp.byName(`host-${hostIfName}`);
    if (known !== undefined) return { retval: -79, swIfIndex: known.swIfIndex };
    const port = new PeerPort(dp, peer);
    const name = `host-${hostIfName}`;
    const iface = dp.addInterface({ kind: "host", name, hostIfName, port, ...(mac === undefined ? {} : { mac }) });
    port.iface = iface;
    this.ports.set(hostIfName, port);
    return { retval: 0, swIfIndex: iface.swIfIndex };
  }

  delete(dp: Dataplane, hostIfName: string): number {
    const known = dp.byName(`host-${hostIfName}`);
    return known === undefined ? -71 : dp.removeInterface(known.swIfIndex);
  }
}
