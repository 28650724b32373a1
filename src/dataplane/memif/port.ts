import { BAD, EMPTY, type Memory, type MemifLink, type ReceiveQueue } from "../../memif/index.ts";
import type { Dataplane } from "../dataplane.ts";
import { countInputError } from "../io/input-error.ts";
import type { PollSource } from "../io/poll-loop.ts";
import { loopOf } from "../io/shared-loop.ts";
import type { ErrorCounter, FrameMemory, Interface, Port, TracedPacket } from "../model.ts";

const INPUT_NODE = "memif-input";
/** Packets of one queue that run through the graph in a row, as VPP's frame. */
const BURST = 256;
/** Before each packet, for headers: what the graph is promised. */
const HEADROOM = 64;
/** ETHERNET_MAX_PACKET_BYTES (vnet/ethernet/ethernet.h). */
export const MAX_FRAME_BYTES = 9216;

/** What the port needs of whoever made it. */
export interface PortOwner {
  /** Memory of all ports for packets while they are in the graph. */
  readonly arena: FrameMemory & Memory;
  /** The peer has broken the protocol. */
  fault(): void;
  adminChanged(up: boolean): void;
  closed(): void;
}

/**
 * A memif interface's edge of the graph. Packets are copied out of the shared memory before anything looks at them: the
 * peer can change it at any moment. What is sent is copied into it at once.
 */
export class MemifPort implements Port, PollSource {
  readonly maxFrameBytes = MAX_FRAME_BYTES;
  readonly #dataplane: Dataplane;
  readonly #owner: PortOwner;
  readonly #badDescriptors: ErrorCounter;
  readonly #noFreeSlots: ErrorCounter;
  #iface: Interface | undefined;
  #link: MemifLink | undefined;
  #stop: () => void = () => {};
  #isFailing = false;
  /** The last memory that was sent from, in the form that copying needs. */
  #from: FrameMemory | undefined;
  #fromMemory: Memory | undefined;

  constructor(dataplane: Dataplane, name: string, owner: PortOwner) {
    this.#dataplane = dataplane;
    this.#owner = owner;
    this.#badDescriptors = dataplane.errors.register(INPUT_NODE, "bad descriptor");
    this.#noFreeSlots = dataplane.errors.register(`${name}-tx`, "no free tx slots");
  }

  attach(iface: Interface): void {
    this.#iface = iface;
  }

  get link(): MemifLink | undefined {
    return this.#link;
  }

  get linkUp(): boolean {
    return this.#link !== undefined;
  }

  /** Of the link: only while there is one is the port watched. */
  get fd(): number {
    return this.#link?.fd ?? -1;
  }

  connect(link: MemifLink): void {
    this.#link = link;
    this.#isFailing = false;
    this.#stop = loopOf(this.#dataplane).add(this);
    if (this.#iface !== undefined) this.#dataplane.setLinkUp(this.#iface.swIfIndex, true);
  }

  /** The link is gone, its memory too. */
  disconnect(): void {
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#stop();
    if (this.#iface !== undefined) this.#dataplane.setLinkUp(this.#iface.swIfIndex, false);
  }

  wake(): void {
    this.#link?.wake();
  }

  arm(): boolean {
    return this.#link?.sleep() ?? true;
  }

  /** Nothing to clear: the watched descriptor is ours. */
  clearError(): void {}

  poll(): boolean {
    const link = this.#link;
    const iface = this.#iface;
    if (link === undefined || iface === undefined) return false;
    let worked = false;
    const queues = link.receive;
    for (let i = 0; i < queues.length; i += 1) {
      const queue = queues[i]!;
      if (queue.look() > 0 && this.#burst(iface, queue, i)) worked = true;
      if (queue.fault !== undefined) this.#fail();
    }
    return worked;
  }

  transmit(memory: FrameMemory, offset: number, length: number): boolean {
    const queue = this.#link?.transmit[0];
    if (queue === undefined) return false;
    if (memory !== this.#from) this.#sendFrom(memory);
    if (queue.send(this.#fromMemory!, offset, length)) return true;
    this.#noFreeSlots.count += 1;
    if (queue.fault !== undefined) this.#fail();
    return false;
  }

  flush(): number {
    const queue = this.#link?.transmit[0];
    queue?.flush();
    if (queue?.fault !== undefined) this.#fail();
    return 0;
  }

  adminChanged(up: boolean): void {
    this.#owner.adminChanged(up);
  }

  close(): void {
    this.#iface = undefined;
    this.disconnect();
    this.#owner.closed();
  }

  /** Runs at most a burst through the graph; false where nothing could be read. */
  #burst(iface: Interface, queue: ReceiveQueue, ring: number): boolean {
    const { graph, trace } = this.#dataplane;
    const { arena } = this.#owner;
    const end = arena.bytes.length;
    const bad = queue.bad;
    let at = HEADROOM;
    let count = 0;
    graph.beginBurst();
    for (; count < BURST && at + MAX_FRAME_BYTES <= end; count += 1) {
      const length = queue.read(arena, at, MAX_FRAME_BYTES);
      if (length === EMPTY) break;
      if (length === BAD) continue;
      const traced = trace.armed ? this.#beginTrace(iface, ring) : undefined;
      try {
        graph.input(iface, arena, at, length, false, traced);
      } catch (error) {
        countInputError(this.#dataplane, iface, error);
      }
      at += ((length + 7) & ~7) + HEADROOM;
    }
    if (count > 0) queue.release();
    graph.flush();
    this.#badDescriptors.count += queue.bad - bad;
    return count > 0;
  }

  /** Ends the connection, but not from within the graph. */
  #fail(): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    setImmediate(() => this.#owner.fault());
  }

  #sendFrom(memory: FrameMemory): void {
    const { bytes } = memory;
    this.#from = memory;
    this.#fromMemory = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  }

  #beginTrace(iface: Interface, ring: number): TracedPacket | undefined {
    const { trace } = this.#dataplane;
    const traced = trace.begin(INPUT_NODE);
    if (traced !== undefined) {
      trace.record(traced, INPUT_NODE, { kind: "memif-input", hwIfIndex: iface.hwIfIndex, ring });
    }
    return traced;
  }
}
