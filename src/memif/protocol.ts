/**
 * Messages of memif's control channel, protocol version 2 (VPP: plugins/memif/memif.h). Every message is one packet of 128
 * bytes on a SOCK_SEQPACKET unix socket, little-endian and packed; ADD_REGION and ADD_RING carry a descriptor each.
 */
import { MemifError } from "./errors.ts";

export const MESSAGE_BYTES = 128;
/** Major and minor: 2.0. */
export const VERSION = 0x0200;
/** At the start of every ring. */
export const COOKIE = 0x3e31f20;
export const SECRET_BYTES = 24;
const NAME_BYTES = 32;
const REASON_BYTES = 96;

/** The modes of VPP; only Ethernet is spoken here. */
export const MODES = ["ethernet", "ip", "punt/inject"] as const;
export const MODE_ETHERNET = 0;

export interface Hello {
  readonly type: "hello";
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The highest index, as are the next two. */
  readonly maxRegion: number;
  readonly maxM2sRing: number;
  readonly maxS2mRing: number;
  readonly maxLog2RingSize: number;
  readonly name: string;
}

export interface Init {
  readonly type: "init";
  readonly version: number;
  readonly id: number;
  /** Index into {@link MODES}. */
  readonly mode: number;
  /** All 24 bytes, padded with zeroes. */
  readonly secret: Uint8Array;
  readonly name: string;
}

export interface AddRegion {
  readonly type: "add-region";
  readonly index: number;
  /** Bytes; never more than 2^53. */
  readonly size: number;
}

export interface AddRing {
  readonly type: "add-ring";
  /** Slave to master; false: master to slave. */
  readonly s2m: boolean;
  readonly index: number;
  readonly region: number;
  /** Of the ring within the region. */
  readonly offset: number;
  readonly log2RingSize: number;
  readonly privateHeaderBytes: number;
}

export type Message =
  | { readonly type: "ack" }
  | Hello
  | Init
  | AddRegion
  | AddRing
  | { readonly type: "connect"; readonly interfaceName: string }
  | { readonly type: "connected"; readonly interfaceName: string }
  | { readonly type: "disconnect"; readonly code: number; readonly reason: string };

const TYPES = [
  undefined,
  "ack",
  "hello",
  "init",
  "add-region",
  "add-ring",
  "connect",
  "connected",
  "disconnect",
] as const satisfies readonly (Message["type"] | undefined)[];

const FLAG_S2M = 1;

function putText(bytes: Uint8Array, at: number, room: number, text: string): void {
  // Cut, and always ended by a zero byte.
  bytes.set(new TextEncoder().encode(text).subarray(0, room - 1), at);
}

function getText(bytes: Uint8Array, at: number, room: number): string {
  const field = bytes.subarray(at, at + room);
  const end = field.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  // What a peer says of itself ends in logs and on terminals.
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, "?");
}

/** The 24 bytes of a secret. @throws MemifError OPTION when it does not fit: VPP takes 23 bytes */
export function secretBytes(secret: string): Uint8Array {
  const text = new TextEncoder().encode(secret);
  if (text.length >= SECRET_BYTES || text.includes(0)) {
    throw new MemifError("OPTION", "secret too long", {
      hint: `a memif secret has at most ${SECRET_BYTES - 1} bytes and no zero byte, this has ${text.length}`,
    });
  }
  const out = new Uint8Array(SECRET_BYTES);
  out.set(text);
  return out;
}

/** The 128 bytes of a message. Texts are cut to what fits. */
export function encodeMessage(message: Message): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, TYPES.indexOf(message.type), true);
  switch (message.type) {
    case "ack":
      break;
    case "hello":
      putText(bytes, 2, NAME_BYTES, message.name);
      view.setUint16(34, message.minVersion, true);
      view.setUint16(36, message.maxVersion, true);
      view.setUint16(38, message.maxRegion, true);
      view.setUint16(40, message.maxM2sRing, true);
      view.setUint16(42, message.maxS2mRing, true);
      view.setUint8(44, message.maxLog2RingSize);
      break;
    case "init":
      view.setUint16(2, message.version, true);
      view.setUint32(4, message.id, true);
      view.setUint8(8, message.mode);
      bytes.set(message.secret.subarray(0, SECRET_BYTES), 9);
      putText(bytes, 33, NAME_BYTES, message.name);
      break;
    case "add-region":
      view.setUint16(2, message.index, true);
      view.setBigUint64(4, BigInt(message.size), true);
      break;
    case "add-ring":
      view.setUint16(2, message.s2m ? FLAG_S2M : 0, true);
      view.setUint16(4, message.index, true);
      view.setUint16(6, message.region, true);
      view.setUint32(8, message.offset, true);
      view.setUint8(12, message.log2RingSize);
      view.setUint16(13, message.privateHeaderBytes, true);
      break;
    case "connect":
    case "connected":
      putText(bytes, 2, NAME_BYTES, message.interfaceName);
      break;
    case "disconnect":
      view.setUint32(2, message.code, true);
      putText(bytes, 6, REASON_BYTES, message.reason);
  }
  return bytes;
}

/**
 * Takes shorter messages too, as VPP does: what is missing is zero.
 * @throws MemifError PROTOCOL for a longer one, an unknown type, or a region size beyond all memory
 */
export function decodeMessage(received: Uint8Array): Message {
  if (received.length > MESSAGE_BYTES) {
    throw new MemifError("PROTOCOL", `message of ${received.length} bytes`, {
      hint: "the peer does not speak memif protocol version 2",
    });
  }
  const bytes = new Uint8Array(MESSAGE_BYTES);
  bytes.set(received);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const number = view.getUint16(0, true);
  const type = TYPES[number];
  switch (type) {
    case "ack":
      return { type };
    case "hello":
      return decodeHello(view, bytes);
    case "init":
      return {
        type,
        version: view.getUint16(2, true),
        id: view.getUint32(4, true),
        mode: view.getUint8(8),
        secret: bytes.slice(9, 9 + SECRET_BYTES),
        name: getText(bytes, 33, NAME_BYTES),
      };
    case "add-region":
      return { type, index: view.getUint16(2, true), size: safeSize(view.getBigUint64(4, true)) };
    case "add-ring":
      return {
        type,
        s2m: (view.getUint16(2, true) & FLAG_S2M) !== 0,
        index: view.getUint16(4, true),
        region: view.getUint16(6, true),
        offset: view.getUint32(8, true),
        log2RingSize: view.getUint8(12),
        privateHeaderBytes: view.getUint16(13, true),
      };
    case "connect":
    case "connected":
      return { type, interfaceName: getText(bytes, 2, NAME_BYTES) };
    case "disconnect":
      return { type, code: view.getUint32(2, true), reason: getText(bytes, 6, REASON_BYTES) };
    case undefined:
      throw new MemifError("PROTOCOL", `unknown message type (0x${number.toString(16)})`);
  }
}

function decodeHello(view: DataView, bytes: Uint8Array): Hello {
  return {
    type: "hello",
    minVersion: view.getUint16(34, true),
    maxVersion: view.getUint16(36, true),
    maxRegion: view.getUint16(38, true),
    maxM2sRing: view.getUint16(40, true),
    maxS2mRing: view.getUint16(42, true),
    maxLog2RingSize: view.getUint8(44),
    name: getText(bytes, 2, NAME_BYTES),
  };
}

function safeSize(size: bigint): number {
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new MemifError("PROTOCOL", `region of ${size} bytes`);
  return Number(size);
}
