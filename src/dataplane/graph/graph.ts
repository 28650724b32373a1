import type { Dataplane } from "../dataplane.ts";
import { DpoKind, type Adjacency, type LbDpo, type LoadBalance } from "../fib/types.ts";
import { frameMemory } from "../model.ts";
import type { ErrorCounter, FrameMemory, Interface, Port, TracedPacket } from "../model.ts";
import type { TraceData } from "../trace/trace.ts";
import { arpInput, sendArpRequest, sendGratuitousArp, sourceAddress4 } from "./arp.ts";
import { l2Input } from "./bridge.ts";
import { pushTags } from "../l2/ethernet-header.ts";
import { ETHERTYPE_VLAN } from "../l2/sub-interfaces.ts";
import { TAG_BYTES, tagsOf } from "../l2/tag-rewrite.ts";
import { completeL4Checksum } from "./checksum.ts";
import { HEADROOM, Packet, snapshot, type Nodes } from "./context.ts";
import { makeCounters, type Counters } from "./counters.ts";
import { ethernetInput } from "./ethernet.ts";
import { forward, rewrite } from "./forward.ts";
import { icmp4Error, ip4Local } from "./icmp4.ts";
import { icmp6Error, ip6Local, sourceAddress6 } from "./icmp6.ts";
import { ip4Input, ip4Lookup } from "./ip4.ts";
import { ip6Input, ip6Lookup } from "./ip6.ts";
import { lbInput } from "./lb-node.ts";
import { sendSolicitation, sendUnsolicitedAdvertisement } from "./nd.ts";
import { resolve, Throttle } from "./resolve.ts";

/** Memory for packets made here: two halves, so that one stays intact while the other is filled again. */
const ARENA_BYTES = 1 << 20;
/** ICMP errors a second; VPP limits them by sender and receiver. */
const ERRORS_PER_S = 1000;
/** A packet that comes back through loopbacks more often than this is in a loop. */
const MAX_NESTING = 8;
const ETHERNET_BYTES = 14;
/** Bytes before a received frame that may be overwritten. */
const RX_HEADROOM = 64;

/** Waits for an echo reply; returns true if it was the one. */
export type EchoListener = (reply: { ip: Uint8Array; icmpOffset: number; rx: Interface }) => boolean;

/**
 * The packet graph. Frames come in by `input`, run through the nodes one at a time, and leave by their interfaces'
 * ports, whose queues `flush` empties: frame memory belongs to the graph from `input` until then.
 */
export class Graph implements Nodes {
  readonly dp: Dataplane;
  readonly counters: Counters;
  lbTime = -1;
  readonly #packet: Packet;
  readonly #dirty: Interface[] = [];
  #lastDirty: Interface | undefined;
  readonly #throttle = new Throttle();
  readonly #echoListeners = new Set<EchoListener>();
  #arena = frameMemory(new Uint8Array(ARENA_BYTES));
  #arenaAt = 0;
  #nesting = 0;
  #complaints = ERRORS_PER_S;
  #complaintsAtS = 0;

  constructor(dp: Dataplane) {
    this.dp = dp;
    this.counters = makeCounters(dp.errors);
    this.#packet = new Packet(this.#arena, undefined as unknown as Interface);
  }

  /** Begins a burst: time is read once for all its packets. */
  beginBurst(): void {
    this.lbTime = -1;
    this.#nesting = 0;
  }

  /**
   * A frame that an interface received, in `memory` from `offset`, with at least 64 bytes before it that may be
   * overwritten. `checksumPending`: the sender left the TCP or UDP checksum to hardware.
   */
  input(
    iface: Interface,
    memory: FrameMemory,
    offset: number,
    length: number,
    checksumPending = false,
    trace: TracedPacket | undefined = undefined,
  ): void {
    const p = this.#packet;
    p.memory = memory;
    p.bytes = memory.bytes;
    p.view = memory.view;
    p.start = offset;
    p.end = offset + length;
    p.floor = offset - RX_HEADROOM;
    p.rx = iface;
    p.flowHash = 0;
    p.local = false;
    p.trace = trace;
    iface.counters.rxPackets += 1;
    iface.counters.rxBytes += length;
    if (!iface.adminUp) return this.drop(p, this.counters.rxDown);
    if (checksumPending) {
      const header = ETHERNET_BYTES + TAG_BYTES * tagsOf(p.bytes, offset, p.end);
      completeL4Checksum(p.bytes, offset + header, p.end);
    }
    ethernetInput(this, p);
  }

  /** Hands everything queued to the kernel. After it, the memory of all frames given to `input` is the caller's. */
  flush(): void {
    for (const iface of this.#dirty) {
      const lost = iface.port?.flush() ?? 0;
      iface.counters.txError += lost;
    }
    this.#dirty.length = 0;
    this.#lastDirty = undefined;
  }

  /** Takes memory that the kernel can read for packets made here; before any interface with a socket sends. */
  useArena(memory: FrameMemory): void {
    this.flush();
    this.#arena = memory;
    this.#arenaAt = 0;
  }

  allocate(length: number, rx: Interface): Packet {
    const half = this.#arena.bytes.length / 2;
    const needed = HEADROOM + length;
    if (needed > half) throw new RangeError(`packet of ${length} bytes is longer than the arena`);
    const endOfHalf = this.#arenaAt < half ? half : 2 * half;
    if (this.#arenaAt + needed > endOfHalf) {
      this.flush();
      this.#arenaAt = endOfHalf % (2 * half);
    }
    const packet = new Packet(this.#arena, rx);
    packet.floor = this.#arenaAt;
    packet.start = this.#arenaAt + HEADROOM;
    packet.end = packet.start + length;
    this.#arenaAt += needed;
    return packet;
  }

  output(p: Packet, iface: Interface): void {
    // A sub-interface sends by what it is on, whatever its own state.
    const hardware = iface.sup ?? iface;
    if (p.trace !== undefined)
      this.record(p, `${hardware.name}-output`, { kind: "frame", swIfIndex: iface.swIfIndex, data: snapshot(p) });
    if (!hardware.adminUp || !hardware.linkUp) return this.drop(p, this.counters.interfaceDown, hardware);
    countSent(iface, p);
    if (hardware !== iface) countSent(hardware, p);
    if (hardware.port !== undefined) this.#transmit(p, hardware, hardware.port);
    else if (hardware.kind === "loopback") this.#loop(p, hardware);
    else this.drop(p, this.counters.outputDeleted, hardware);
  }

  outputUntagged(p: Packet, iface: Interface): void {
    if (iface.sub !== undefined) p.start = pushTags(p.bytes, p.start, iface.sub);
    this.output(p, iface);
  }

  drop(p: Packet, counter: ErrorCounter, iface: Interface = p.rx): void {
    counter.count += 1;
    iface.counters.drops += 1;
    if (p.trace === undefined) return;
    this.record(p, "error-drop", { kind: "rx", swIfIndex: iface.swIfIndex });
    this.record(p, "drop", { kind: "drop", swIfIndex: iface.swIfIndex, node: counter.node, reason: counter.reason });
  }

  record(p: Packet, node: string, data: TraceData): void {
    if (p.trace !== undefined) this.dp.trace.record(p.trace, node, data);
  }

  /** Asks for the neighbour of a new adjacency, once, so that it is there when traffic comes (ip_neighbor_probe). */
  probe(adjacency: Adjacency): void {
    const { iface, nextHop } = adjacency;
    if (!iface.adminUp || !iface.linkUp) return;
    if (typeof nextHop === "number") {
      const source = sourceAddress4(iface, nextHop);
      if (source !== undefined && nextHop !== 0) sendArpRequest(this, iface, source, nextHop);
    } else {
      const source = sourceAddress6(iface, nextHop);
      if (source !== undefined) sendSolicitation(this, iface, source, nextHop);
    }
    this.flush();
  }

  /** An interface came up: neighbours that routes wait for are asked for. */
  interfaceUp(iface: Interface): void {
    for (const adjacency of this.dp.fib.adjacencies.pool)
      if (adjacency.iface === iface && adjacency.kind === DpoKind.incomplete) this.probe(adjacency);
  }

  /** Gratuitous ARP or unsolicited advertisement of an address (`arping gratuitous`). */
  advertise(iface: Interface, address: number | Uint8Array): void {
    if (typeof address === "number") sendGratuitousArp(this, iface, address);
    else sendUnsolicitedAdvertisement(this, iface, address);
    this.flush();
  }

  /** Asks for an address without any adjacency (`arping`). */
  ask(iface: Interface, target: number | Uint8Array): boolean {
    if (typeof target === "number") {
      const source = sourceAddress4(iface, target);
      if (source === undefined) return false;
      sendArpRequest(this, iface, source, target);
    } else {
      const source = sourceAddress6(iface, target);
      if (source === undefined) return false;
      sendSolicitation(this, iface, source, target);
    }
    this.flush();
    return true;
  }

  /** Sends an IP packet made by `ping` and its like: it is looked up in the table of `iface`. */
  sendIp(iface: Interface, packet: Uint8Array): void {
    this.beginBurst();
    const p = this.allocate(packet.length, iface);
    p.bytes.set(packet, p.start);
    p.local = true;
    if (packet[0]! >> 4 === 4) ip4Lookup(this, p);
    else ip6Lookup(this, p);
    this.flush();
  }

  /** Hears of every echo reply to an own address. Returns the function that ends it. */
  onEchoReply(listener: EchoListener): () => void {
    this.#echoListeners.add(listener);
    return () => this.#echoListeners.delete(listener);
  }

  /** Offers an echo reply to the listeners. */
  echoReply(p: Packet, icmp: number): boolean {
    if (this.#echoListeners.size === 0) return false;
    const reply = { ip: p.bytes.slice(p.start, p.end), icmpOffset: icmp - p.start, rx: p.rx };
    return [...this.#echoListeners].some((listener) => listener(reply));
  }

  /** Whether one more ICMP error may be sent in this second. */
  mayComplain(): boolean {
    const now = this.dp.now();
    if (now - this.#complaintsAtS >= 1) {
      this.#complaintsAtS = now;
      this.#complaints = ERRORS_PER_S;
    }
    this.#complaints -= 1;
    return this.#complaints >= 0;
  }

  #transmit(p: Packet, iface: Interface, port: Port): void {
    if (p.trace !== undefined)
      this.record(p, `${iface.name}-tx`, {
        kind: "tx",
        hwIfIndex: iface.hwIfIndex,
        length: p.end - p.start,
        data: snapshot(p),
      });
    // A tag comes on top of the device's MTU (net/packet/af_packet.c packet_extra_vlan_len_allowed).
    const isTagged = p.view.getUint16(p.start + 12) === ETHERTYPE_VLAN;
    if (p.end - p.start > port.maxFrameBytes + (isTagged ? TAG_BYTES : 0)) {
      iface.counters.txError += 1;
      this.counters.txOversize.count += 1;
      return;
    }
    if (port.transmit(p.memory, p.start, p.end - p.start)) {
      if (iface !== this.#lastDirty) this.#addDirty(iface);
    } else iface.counters.txError += 1;
  }

  #addDirty(iface: Interface): void {
    this.#lastDirty = iface;
    if (!this.#dirty.includes(iface)) this.#dirty.push(iface);
  }

  /** A loopback hands back what it is given: to its bridge domain as a BVI, to ethernet-input otherwise. */
  #loop(p: Packet, iface: Interface): void {
    if (this.#nesting >= MAX_NESTING) return this.drop(p, this.counters.blackholed, iface);
    this.#nesting += 1;
    p.rx = iface;
    p.local = false;
    if (iface.l2 !== undefined || iface.xconnect !== undefined) l2Input(this, p);
    else {
      iface.counters.rxPackets += 1;
      iface.counters.rxBytes += p.end - p.start;
      ethernetInput(this, p);
    }
    this.#nesting -= 1;
  }

  ethernetInput(p: Packet): void {
    ethernetInput(this, p);
  }

  l2Input(p: Packet): void {
    l2Input(this, p);
  }

  ip4Input(p: Packet): void {
    ip4Input(this, p);
  }

  ip4Lookup(p: Packet): void {
    ip4Lookup(this, p);
  }

  ip6Input(p: Packet): void {
    ip6Input(this, p);
  }

  ip6Lookup(p: Packet): void {
    ip6Lookup(this, p);
  }

  forward(p: Packet, lb: LoadBalance, isIp4: boolean, node: string): void {
    forward(this, p, lb, isIp4, node);
  }

  lbInput(p: Packet, dpo: LbDpo, isIp4: boolean): void {
    lbInput(this, p, dpo, isIp4);
  }

  rewrite(p: Packet, adjacency: Adjacency, isIp4: boolean): void {
    rewrite(this, p, adjacency, isIp4);
  }

  forwardTo(p: Packet, adjacency: Adjacency): void {
    const isIp4 = adjacency.proto === 4;
    if (adjacency.kind === DpoKind.rewrite) rewrite(this, p, adjacency, isIp4);
    else this.resolve(p, adjacency, isIp4);
  }

  resolve(p: Packet, adjacency: Adjacency, isIp4: boolean): void {
    resolve(this, this.#throttle, p, adjacency, isIp4);
  }

  ip4Local(p: Packet): void {
    ip4Local(this, p);
  }

  ip6Local(p: Packet): void {
    ip6Local(this, p);
  }

  arpInput(p: Packet): void {
    arpInput(this, p);
  }

  icmp4Error(p: Packet, type: number, code: number, data: number): void {
    icmp4Error(this, p, type, code, data);
  }

  icmp6Error(p: Packet, type: number, code: number, data: number, dropped?: ErrorCounter): void {
    icmp6Error(this, p, type, code, data, dropped);
  }
}

function countSent({ counters }: Interface, p: Packet): void {
  counters.txPackets += 1;
  counters.txBytes += p.end - p.start;
}
