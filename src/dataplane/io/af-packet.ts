import { interfaceMtu } from "../../sys/ioctl.ts";
import { PacketRing, PacketSender, TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID } from "../../sys/packet-ring.ts";
import type { Dataplane } from "../dataplane.ts";
import { frameMemory, type FrameMemory, type Interface, type Port } from "../model.ts";
import { countInputError } from "./input-error.ts";
import type { PollSource } from "./poll-loop.ts";

const ETHERNET_BYTES = 14;
const MACS_BYTES = 12;
const TAG_BYTES = 4;
const INPUT_NODE = "af-packet-input";
/** Device MTU and lost frames are looked at this often. */
const REFRESH_MS = 1000;

/**
 * A host-interface's device: frames run through the graph from where the kernel put them, and leave from there. A block
 * goes back to the kernel after everything that refers to it has been sent.
 */
export class AfPacketPort implements Port, PollSource {
  readonly fd: number;
  maxFrameBytes: number;
  readonly #dataplane: Dataplane;
  readonly #ring: PacketRing;
  readonly #sender: PacketSender;
  readonly #memory: FrameMemory;
  readonly #refresh: NodeJS.Timeout;
  #iface: Interface | undefined;
  #lost = 0;
  #received = 0;
  #stop: () => void = () => {};

  /** @throws SysError: ENODEV for an unknown device, EPERM without the right to raw sockets */
  constructor(dataplane: Dataplane, device: string) {
    this.#dataplane = dataplane;
    this.maxFrameBytes = interfaceMtu(device) + ETHERNET_BYTES;
    this.#ring = new PacketRing(device);
    this.#sender = new PacketSender(this.#ring.fd);
    this.fd = this.#ring.fd;
    this.#memory = frameMemory(this.#ring.bytes, this.#ring.address);
    this.#refresh = setInterval(() => this.#look(), REFRESH_MS).unref();
  }

  /** The interface that receives (before it, frames wait), and what ends the watch of the descriptor. */
  attach(iface: Interface, stop: () => void): void {
    this.#iface = iface;
    this.#stop = stop;
  }

  get device(): string {
    return this.#ring.device;
  }

  /** Index of the block that comes next, as `show hardware-interfaces` has it. */
  get nextBlock(): number {
    return this.#ring.block;
  }

  poll(): boolean {
    const iface = this.#iface;
    const ring = this.#ring;
    if (iface === undefined) return false;
    const count = ring.nextBlock();
    if (count === 0) return false;
    const { graph, trace } = this.#dataplane;
    graph.beginBurst();
    this.#received += count;
    const { frame } = ring;
    for (let packet = 0; ring.nextFrame(); packet += 1) {
      if (frame.wireLength > frame.length) {
        this.#refuse(iface);
        continue;
      }
      if ((frame.status & TP_STATUS_VLAN_VALID) !== 0) this.#restoreTag();
      const pending = (frame.status & TP_STATUS_CSUMNOTREADY) !== 0;
      const traced = trace.armed ? this.#beginTrace(iface, packet) : undefined;
      try {
        graph.input(iface, this.#memory, frame.offset, frame.length, pending, traced);
      } catch (error) {
        countInputError(this.#dataplane, iface, error);
      }
    }
    graph.flush();
    ring.releaseBlock();
    return true;
  }

  clearError(): void {
    if (this.#iface !== undefined) this.#ring.takeError();
  }

  transmit(memory: FrameMemory, offset: number, length: number): boolean {
    if (memory.addressHigh === 0 && memory.addressLow === 0) return false;
    this.#sender.push(memory.addressLow, memory.addressHigh, offset, length);
    if (this.#sender.full) this.#lost += this.#sender.send();
    return true;
  }

  flush(): number {
    const lost = this.#lost + this.#sender.send();
    this.#lost = 0;
    return lost;
  }

  /** Ends the watch, closes socket and ring. */
  close(): void {
    this.#stop();
    clearInterval(this.#refresh);
    this.#iface = undefined;
    this.#sender.close();
    this.#ring.close();
  }

  /** The kernel keeps the outermost tag beside the frame: it goes back in, into the headroom. */
  #restoreTag(): void {
    const { frame, bytes } = this.#ring;
    const tag = this.#ring.vlanTag();
    const from = frame.offset;
    frame.offset -= TAG_BYTES;
    frame.length += TAG_BYTES;
    frame.wireLength += TAG_BYTES;
    bytes.copyWithin(frame.offset, from, from + MACS_BYTES);
    for (let i = 0; i < TAG_BYTES; i += 1) bytes[from + MACS_BYTES - TAG_BYTES + i] = (tag >>> (24 - 8 * i)) & 0xff;
  }

  /** A frame that was cut: offloads of the sender make frames longer than a block. */
  #refuse(iface: Interface): void {
    const { counters } = this.#dataplane.graph;
    iface.counters.rxPackets += 1;
    iface.counters.rxError += 1;
    iface.counters.drops += 1;
    counters.rxTruncated.count += 1;
  }

  #beginTrace(iface: Interface, packet: number): ReturnType<Dataplane["trace"]["begin"]> {
    const { trace } = this.#dataplane;
    const traced = trace.begin(INPUT_NODE);
    if (traced === undefined) return undefined;
    const { frame } = this.#ring;
    trace.record(traced, INPUT_NODE, {
      kind: "af-packet-input",
      hwIfIndex: iface.hwIfIndex,
      block: this.#ring.block,
      sequence: this.#ring.blockSequence,
      packet,
      status: frame.status,
      length: frame.wireLength,
      snapLength: frame.length,
      ...this.#ring.frameDetails(),
    });
    return traced;
  }

  #look(): void {
    try {
      this.maxFrameBytes = interfaceMtu(this.device) + ETHERNET_BYTES;
      if (this.#received > 0 && this.#iface !== undefined) this.#iface.counters.rxMiss += this.#ring.takeDropped();
      this.#received = 0;
    } catch {
      // The device is gone: nothing comes or goes until the interface is deleted.
    }
  }
}
