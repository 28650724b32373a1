import { BAD, EMPTY, type MemifLink, type ReceiveQueue } from "../../memif/index.ts";
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

/** Packets of one memory. */
class PacketList {
  readonly offsets = new Int32Array(BURST);
  readonly lengths = new Int32Array(BURST);
  count = 0;

  add(offset: number, length: number): void {
    this.offsets[this.count] = offset;
    this.lengths[this.count] = length;
    this.count += 1;
  }
}

/** What the port needs of whoever made it. */
export interface PortOwner {
  /** Memory of all ports for packets while they are in the graph. */
  readonly arena: FrameMemory;
  /** The peer has broken the protocol. */
  fault(): void;
  adminChanged(up: boolean): void;
  closed(): void;
}

/**
 * A memif interface's edge of the graph. Packets are copied out of the shared memory before anything looks at them: the
 * peer can change it at any moment. What is sent is copied into it by `flush`, until when it is the graph's.
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
  /** Where the packets of the burst are in the arena. */
  readonly #received = new PacketList();
  /** What waits for `flush`: all of it in one memory, the last that was sent from. */
  readonly #waiting = new PacketList();
  #from: FrameMemory | undefined;
  #lost = 0;

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
    this.#waiting.count = 0;
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
    if (this.#link?.transmit[0] === undefined) return false;
    const waiting = this.#waiting;
    if (memory !== this.#from || waiting.count === BURST) {
      this.#send();
      this.#from = memory;
    }
    waiting.add(offset, length);
    return true;
  }

  flush(): number {
    this.#send();
    const queue = this.#link?.transmit[0];
    queue?.flush();
    if (queue?.fault !== undefined) this.#fail();
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  adminChanged(up: boolean): void {
    this.#owner.adminChanged(up);
  }

  close(): void {
    this.#iface = undefined;
    this.disconnect();
    this.#owner.closed();
  }

  /**
   * Runs at most a burst through the graph; false where nothing could be read. One step for all packets, then the next:
   * the reads of memory that another core has written overlap.
   */
  #burst(iface: Interface, queue: ReceiveQueue, ring: number): boolean {
    const { bad } = queue;
    const isEmpty = !this.#receive(queue);
    this.#badDescriptors.count += queue.bad - bad;
    if (isEmpty) return false;
    const { graph, trace } = this.#dataplane;
    const { arena } = this.#owner;
    const { offsets, lengths, count } = this.#received;
    graph.beginBurst();
    for (let i = 0; i < count; i += 1) {
      const traced = trace.armed ? this.#beginTrace(iface, ring) : undefined;
      try {
        graph.input(iface, arena, offsets[i]!, lengths[i]!, false, traced);
      } catch (error) {
        countInputError(this.#dataplane, iface, error);
      }
    }
    graph.flush();
    return true;
  }

  /** Copies at most a burst into the arena and gives the slots back; false where there was nothing. */
  #receive(queue: ReceiveQueue): boolean {
    const { arena } = this.#owner;
    const end = arena.bytes.length - MAX_FRAME_BYTES;
    const received = this.#received;
    received.count = 0;
    let at = HEADROOM;
    let slots = 0;
    for (; slots < BURST && at <= end; slots += 1) {
      const length = queue.read(arena, at, MAX_FRAME_BYTES);
      if (length === EMPTY) break;
      if (length === BAD) continue;
      received.add(at, length);
      at += ((length + 7) & ~7) + HEADROOM;
    }
    if (slots > 0) queue.release();
    return slots > 0;
  }

  /** Copies what waits into the ring. */
  #send(): void {
    const { offsets, lengths, count } = this.#waiting;
    if (count === 0) return;
    this.#waiting.count = 0;
    const queue = this.#link?.transmit[0];
    const memory = this.#from;
    if (queue === undefined || memory === undefined) return;
    for (let i = 0; i < count; i += 1) {
      if (queue.send(memory, offsets[i]!, lengths[i]!)) continue;
      this.#noFreeSlots.count += 1;
      this.#lost += 1;
    }
    if (queue.fault !== undefined) this.#fail();
  }

  /** Ends the connection, but not from within the graph. */
  #fail(): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    setImmediate(() => this.#owner.fault());
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
