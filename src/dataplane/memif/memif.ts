/** memif interfaces of a dataplane: what plugins/memif/memif.c does, over the protocol of src/memif. */
import { MAX_QUEUES, MemifError, MemifMaster, MemifSlave } from "../../memif/index.ts";
import type { MemifHandlers, MemifLink, PeerNames } from "../../memif/index.ts";
import { mapMemory, type Mapping } from "../../sys/mmap.ts";
import type { Dataplane } from "../dataplane.ts";
import { frameMemory, type FrameMemory, type Interface } from "../model.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";
import { MemifPort } from "./port.ts";
import { INVALID_ARGUMENT, MemifSockets, type MemifSocket, type Refusal } from "./sockets.ts";

/** vnet/error.h. */
const UNIMPLEMENTED = -9;
const SYSCALL_ERROR_4 = -14;
const SUBIF_ALREADY_EXISTS = -68;

/** 256 packets of 2,048 bytes and what they need besides; longer ones make shorter bursts. */
const ARENA_BYTES = 1 << 19;
const MAX_RING_SIZE = 16384;
export const MODE_ETHERNET = 0;

export interface MemifArguments {
  readonly id: number;
  readonly socketId: number;
  readonly isMaster: boolean;
  /** MEMIF_MODE_API_*; only Ethernet is there. */
  readonly mode: number;
  /** A power of two; more than 16,384 counts as that, as in the protocol. */
  readonly ringSize: number;
  readonly bufferSize: number;
  readonly rxQueues: number;
  readonly txQueues: number;
  /** Only shown: packets are copied in any case. */
  readonly zeroCopy: boolean;
  readonly secret: string;
  /** Default: a random one. */
  readonly mac?: Uint8Array;
}

/** What the last connection agreed on; it stays when the connection ends, as in VPP. */
export interface MemifRun {
  ringSize: number;
  bufferSize: number;
  s2mRings: number;
  m2sRings: number;
}

/** One interface, as `show memif` and `memif_dump` have it. */
export interface MemifInterface {
  readonly instance: number;
  readonly args: MemifArguments;
  readonly socket: MemifSocket;
  readonly port: MemifPort;
  readonly side: MemifMaster | MemifSlave;
  iface: Interface;
  readonly run: MemifRun;
  peer: PeerNames | undefined;
  /** Why the last connection ended; cleared when there is one. */
  localReason: string | undefined;
  remoteReason: string | undefined;
}

export class MemifMain {
  readonly sockets: MemifSockets;
  readonly interfaces = new Pool<MemifInterface>();
  readonly #dataplane: Dataplane;
  #arena: FrameMemory | undefined;
  #mapping: Mapping | undefined;

  constructor(dataplane: Dataplane) {
    this.#dataplane = dataplane;
    this.sockets = new MemifSockets(dataplane.runtimeDirectory);
  }

  of(swIfIndex: number): MemifInterface | undefined {
    for (const each of this.interfaces) if (each.iface.swIfIndex === swIfIndex) return each;
    return undefined;
  }

  /** memif_create_if. Where it is refused, `swIfIndex` is what VPP's reply has. */
  create(args: MemifArguments): { swIfIndex: number } & Partial<Refusal> {
    const socket = this.sockets.get(args.socketId);
    const refusal = this.#refusal(args, socket);
    if (refusal !== undefined || socket === undefined) return { swIfIndex: 0, ...refusal };
    try {
      this.sockets.use(socket, args.isMaster);
    } catch (error) {
      if (!(error instanceof MemifError)) throw error;
      // VPP has made the interface by then, and deletes it.
      const swIfIndex = this.#dataplane.interfaces.nextIndex;
      this.#dataplane.abandoned.add(swIfIndex);
      return { swIfIndex, retval: SYSCALL_ERROR_4, reason: error.message };
    }
    try {
      return { swIfIndex: this.#make(args, socket).iface.swIfIndex };
    } catch (error) {
      this.sockets.release(socket);
      if (!MemifError.is(error, "OPTION")) throw error;
      return { swIfIndex: 0, retval: INVALID_ARGUMENT, reason: error.message };
    }
  }

  /** memif_delete_if; -2 unless it is a memif. */
  delete(swIfIndex: number): number {
    if (this.of(swIfIndex) === undefined) return RV.INVALID_SW_IF_INDEX;
    return this.#dataplane.removeInterface(swIfIndex);
  }

  #refusal(args: MemifArguments, socket: MemifSocket | undefined): Refusal | undefined {
    if (socket === undefined) return { retval: INVALID_ARGUMENT, reason: "unknown socket id" };
    if (socket.references > 0 && socket.isListener !== args.isMaster) {
      const reason = "socket file cannot be used by both master and slave";
      return { retval: SUBIF_ALREADY_EXISTS, reason };
    }
    for (const each of this.interfaces) {
      if (each.socket !== socket || each.args.id !== args.id) continue;
      return { retval: SUBIF_ALREADY_EXISTS, reason: "interface already exists" };
    }
    if (args.mode !== MODE_ETHERNET) {
      return { retval: UNIMPLEMENTED, reason: "only mode ethernet: this dataplane has no interfaces without it" };
    }
    return undefined;
  }

  #make(args: MemifArguments, socket: MemifSocket): MemifInterface {
    const name = `memif${socket.id}/${args.id}`;
    // The port calls back only when the interface is complete.
    const later: { memif?: MemifInterface } = {};
    const memif = (): MemifInterface => later.memif!;
    const port = new MemifPort(this.#dataplane, name, {
      arena: this.#useArena(),
      fault: () => memif().side.fail(memif().port.link?.fault ?? new MemifError("RING", "broken ring")),
      adminChanged: (up) => adminChanged(memif(), up),
      closed: () => this.#closed(memif()),
    });
    const side = makeSide(args, socket, name, {
      connected: (link, peer) => connected(memif(), link, peer),
      disconnected: (error) => disconnected(memif(), error),
    });
    const iface = this.#dataplane.addInterface({
      ...{ kind: "memif", name, port, linkUp: false },
      ...(args.mac === undefined ? {} : { mac: args.mac }),
    });
    later.memif = this.interfaces.add((instance) => ({
      ...{ instance, args, socket, port, side, iface },
      run: { ringSize: 1, bufferSize: 0, s2mRings: 0, m2sRings: 0 },
      ...{ peer: undefined, localReason: undefined, remoteReason: undefined },
    }));
    port.attach(iface);
    // A master can be connected to whatever its admin state.
    if (side instanceof MemifMaster) side.start();
    return later.memif;
  }

  #closed(memif: MemifInterface): void {
    memif.side.stop();
    this.interfaces.remove(memif.instance);
    this.sockets.release(memif.socket);
    if (this.interfaces.size > 0) return;
    this.#mapping?.close();
    this.#mapping = undefined;
    this.#arena = undefined;
  }

  #useArena(): FrameMemory {
    if (this.#arena === undefined) {
      this.#mapping = mapMemory(ARENA_BYTES);
      this.#arena = frameMemory(this.#mapping.bytes, this.#mapping.address);
    }
    return this.#arena;
  }
}

function makeSide(
  args: MemifArguments,
  { listener, filename }: MemifSocket,
  interfaceName: string,
  handlers: MemifHandlers,
): MemifMaster | MemifSlave {
  const common = { id: args.id, interfaceName, secret: args.secret };
  if (listener !== undefined) return new MemifMaster(listener, common, handlers);
  const slave = {
    ...{ ...common, socketPath: filename, bufferSize: args.bufferSize },
    ringSize: Math.min(args.ringSize, MAX_RING_SIZE),
    receiveQueues: Math.min(args.rxQueues, MAX_QUEUES),
    transmitQueues: Math.min(args.txQueues, MAX_QUEUES),
  };
  return new MemifSlave(slave, handlers);
}

/** A slave connects while its interface is up; what is connected stays so. */
function adminChanged({ side }: MemifInterface, up: boolean): void {
  if (side instanceof MemifMaster) return;
  if (up) side.start();
  else side.pause();
}

function connected(memif: MemifInterface, link: MemifLink, peer: PeerNames): void {
  const { run, args } = memif;
  const isMaster = memif.side instanceof MemifMaster;
  run.s2mRings = isMaster ? link.receive.length : link.transmit.length;
  run.m2sRings = isMaster ? link.transmit.length : link.receive.length;
  // VPP's master does not note these two.
  if (!isMaster) {
    run.ringSize = link.transmit[0]!.ring.size;
    run.bufferSize = args.bufferSize;
  }
  memif.peer = peer;
  memif.localReason = undefined;
  memif.remoteReason = undefined;
  memif.port.connect(link);
}

function disconnected(memif: MemifInterface, error: MemifError): void {
  const isTold = error.code === "REJECTED";
  // An attempt that nobody answered leaves no trace in VPP.
  if (error.code !== "CONNECT") {
    memif.localReason = isTold ? "disconnect received" : error.reason;
    memif.remoteReason = isTold ? error.reason : undefined;
  }
  memif.peer = undefined;
  memif.port.disconnect();
  if (!memif.iface.adminUp && memif.side instanceof MemifSlave) memif.side.pause();
}

const mains = new WeakMap<Dataplane, MemifMain>();

/** The memif part of a dataplane, made at first use. */
export function memifOf(dataplane: Dataplane): MemifMain {
  const known = mains.get(dataplane);
  if (known !== undefined) return known;
  const main = new MemifMain(dataplane);
  mains.set(dataplane, main);
  return main;
}
