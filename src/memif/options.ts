import { MemifError } from "./errors.ts";
import type { MemifLink } from "./link.ts";
import { secretBytes } from "./protocol.ts";
import { MAX_LOG2_RING_SIZE } from "./ring.ts";

export const DEFAULT_RING_SIZE = 1024;
export const DEFAULT_BUFFER_SIZE = 2048;
/** Queues in each direction; more would only be polled by the same thread. */
export const MAX_QUEUES = 16;
/** Regions that a slave may give: VPP has one, and one for each of its buffer pools. */
export const MAX_REGIONS = 32;

/** What both roles have. */
export interface MemifOptions {
  /** Tells the interfaces of one socket apart. */
  readonly id: number;
  /** At most 23 bytes; default: none. A master with a secret accepts nobody without it; one without accepts any. */
  readonly secret?: string;
  /** What the peer shows as `remote-name`: at most 31 bytes. Default "vpplb". */
  readonly name?: string;
  /** What the peer shows as `remote-interface`: at most 31 bytes. Default "memif" and the id. */
  readonly interfaceName?: string;
  /** A silent peer is given up during the handshake after this. Default 5,000. */
  readonly handshakeTimeoutMs?: number;
}

/** What a slave decides, as it owns the memory. */
export interface SlaveOptions extends MemifOptions {
  /** The listener's socket; `@name` is an abstract one, in another network namespace `@name,netns_name=/path`. */
  readonly socketPath: string;
  /** Slots of a ring, a power of two from 1 to 16,384. Default 1,024. */
  readonly ringSize?: number;
  /** Bytes of a buffer; longer packets take several. Default 2,048. */
  readonly bufferSize?: number;
  /** Queues from the master. Default 1, at most 16; fewer where the master takes fewer. */
  readonly receiveQueues?: number;
  /** Queues to the master. */
  readonly transmitQueues?: number;
  /** The first wait after a connection that failed or ended, doubled each time. Default 50. */
  readonly minRetryMs?: number;
  /** The longest. Default 2,000. */
  readonly maxRetryMs?: number;
}

export interface MasterOptions extends MemifOptions {
  /** Takes regions that their owner may shrink, which ends this process. Default false. */
  readonly allowUnsealed?: boolean;
}

/** How an interface tells what happens. Called from the event loop, never from within a call of the interface. */
export interface MemifHandlers {
  /** The link is up: packets can be sent and received until `disconnected`. */
  connected(link: MemifLink, peer: PeerNames): void;
  /** The link is down and its memory is gone; or a slave's attempt failed (`wasConnected` false). It is tried again. */
  disconnected(error: MemifError, wasConnected: boolean): void;
}

export interface PeerNames {
  readonly remoteName: string;
  readonly remoteInterfaceName: string;
}

/** With all defaults filled in. */
export interface Identity {
  readonly id: number;
  readonly secret: Uint8Array;
  readonly hasSecret: boolean;
  readonly name: string;
  readonly interfaceName: string;
  readonly handshakeTimeoutMs: number;
}

/** @throws MemifError OPTION */
export function identityOf(options: MemifOptions): Identity {
  const { id, secret = "", name = "vpplb", interfaceName = `memif${options.id}`, handshakeTimeoutMs = 5000 } = options;
  inRange("id", id, 0, 0xffffffff);
  inRange("handshakeTimeoutMs", handshakeTimeoutMs, 1, 3_600_000);
  return { id, secret: secretBytes(secret), hasSecret: secret !== "", name, interfaceName, handshakeTimeoutMs };
}

/** @throws MemifError OPTION */
export function shapeOf(options: SlaveOptions): {
  log2RingSize: number;
  bufferSize: number;
  receiveQueues: number;
  transmitQueues: number;
} {
  const { ringSize = DEFAULT_RING_SIZE, bufferSize = DEFAULT_BUFFER_SIZE } = options;
  const { receiveQueues = 1, transmitQueues = 1 } = options;
  const log2RingSize = Math.log2(ringSize);
  if (!Number.isInteger(log2RingSize) || log2RingSize < 0 || log2RingSize > MAX_LOG2_RING_SIZE) {
    throw new MemifError("OPTION", `ring size ${ringSize}`, { hint: "a power of two from 1 to 16384" });
  }
  inRange("bufferSize", bufferSize, 1, 65535);
  inRange("receiveQueues", receiveQueues, 1, MAX_QUEUES);
  inRange("transmitQueues", transmitQueues, 1, MAX_QUEUES);
  return { log2RingSize, bufferSize, receiveQueues, transmitQueues };
}

export function inRange(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new MemifError("OPTION", `${what} ${value}`, { hint: `${what} is a whole number from ${min} to ${max}` });
}
