import {
  AF_PACKET,
  ETH_P_ALL,
  MAP_POPULATE,
  MSG_DONTWAIT,
  PACKET_ADD_MEMBERSHIP,
  PACKET_IGNORE_OUTGOING,
  PACKET_MR_PROMISC,
  PACKET_QDISC_BYPASS,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
  SO_ERROR,
} from "./constants.ts";
import { interfaceIndex } from "./ioctl.ts";
import { errno, libc } from "./libc.ts";
import { mapMemory, type Mapping } from "./mmap.ts";
import { packetAddress } from "./sockaddr.ts";
import { bindSocket, closeFd, getSocketOption, openSocket, setBufferSize, setSocketOption } from "./sockets.ts";

/* linux/if_packet.h */
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_RESERVE = 12;
const TPACKET_V3 = 2;
const STATUS_USER = 1;

/** Bits of a frame's status. */
export const TP_STATUS_CSUMNOTREADY = 1 << 3;
export const TP_STATUS_VLAN_VALID = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID = 1 << 6;

/* struct tpacket_block_desc, in 32-bit words. */
const BLOCK_STATUS = 2;
const BLOCK_PACKETS = 3;
const BLOCK_FIRST = 4;
const BLOCK_SEQUENCE = 6;

/* struct tpacket3_hdr, in 32-bit words. */
const FRAME_NEXT = 0;
const FRAME_SEC = 1;
const FRAME_NSEC = 2;
const FRAME_SNAPLEN = 3;
const FRAME_LEN = 4;
const FRAME_STATUS = 5;
const FRAME_OFFSETS = 6;
/* tpacket_hdr_variant1 */
const FRAME_VLAN_TCI = 8;
const FRAME_VLAN_TPID = 9;

const ETHERTYPE_VLAN = 0x8100;

const SEND_BUFFER_BYTES = 4 << 20;

export interface PacketRingOptions {
  /** A power of two of pages; a longer frame is cut. Default 64 KiB. */
  readonly blockBytes?: number;
  /** Default 64. The memory is the kernel's and counts as ours: blockBytes * blocks. */
  readonly blocks?: number;
  /** Writable bytes before each frame, for headers to be prepended in place. Default 64. */
  readonly headroom?: number;
  /** A block with frames is handed over after this at the latest: the latency. Default 1, the least. */
  readonly timeoutMs?: number;
}

/** The header of the frame that the ring stands at. */
export interface RingFrame {
  /** Of the Ethernet header within `bytes`. */
  offset: number;
  /** Bytes there. */
  length: number;
  /** Bytes on the wire: more than `length` where the frame was cut. */
  wireLength: number;
  status: number;
}

/**
 * All frames of a network device, received into a ring shared with the kernel (AF_PACKET, TPACKET_V3): no system call
 * per frame, nor per block while there are more. A block's frames belong to us from `nextBlock` until `releaseBlock`,
 * and may be changed and sent from where they are. The socket also sends: see {@link PacketSender}.
 */
export class PacketRing {
  readonly fd: number;
  readonly device: string;
  readonly bytes: Uint8Array;
  readonly address: bigint;
  readonly frame: RingFrame = { offset: 0, length: 0, wireLength: 0, status: 0 };
  readonly blockBytes: number;
  readonly #words: Uint32Array;
  readonly #memory: Mapping;
  readonly #blocks: number;
  #block = 0;
  #left = 0;
  #at = 0;
  #open = true;

  /** @throws SysError ENODEV where there is no such device, EPERM without CAP_NET_RAW */
  constructor(device: string, options: PacketRingOptions = {}) {
    const { blockBytes = 65536, blocks = 64, headroom = 64, timeoutMs = 1 } = options;
    const index = interfaceIndex(device);
    this.device = device;
    this.blockBytes = blockBytes;
    this.#blocks = blocks;
    this.fd = openSocket(AF_PACKET, SOCK_RAW, 0);
    try {
      setSocketOption(this.fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
      setSocketOption(this.fd, SOL_PACKET, PACKET_RESERVE, headroom);
      // tpacket_req3: block size and count, frame size and count (only checked in V3), timeout, private area, features.
      const request = Uint32Array.of(blockBytes, blocks, 2048, (blockBytes / 2048) * blocks, timeoutMs, 0, 0);
      setSocketOption(this.fd, SOL_PACKET, PACKET_RX_RING, new Uint8Array(request.buffer));
      this.#memory = mapMemory(blockBytes * blocks, { fd: this.fd, flags: MAP_POPULATE });
      setSocketOption(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      setSocketOption(this.fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
      setBufferSize(this.fd, "send", SEND_BUFFER_BYTES);
      // packet_mreq: a bridge's members take frames for any address.
      const promiscuous = new Uint8Array(16);
      new DataView(promiscuous.buffer).setInt32(0, index, true);
      promiscuous[4] = PACKET_MR_PROMISC;
      setSocketOption(this.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous);
      bindSocket(this.fd, packetAddress(index, ETH_P_ALL), device);
    } catch (error) {
      this.#memoryOrUndefined()?.close();
      closeFd(this.fd);
      throw error;
    }
    this.bytes = this.#memory.bytes;
    this.address = this.#memory.address;
    this.#words = new Uint32Array(this.#memory.buffer);
  }

  /** Index of the block that `nextBlock` gave. */
  get block(): number {
    return this.#block;
  }

  /** Its sequence number (the low half). */
  get blockSequence(): number {
    return this.#words[((this.#block * this.blockBytes) >> 2) + BLOCK_SEQUENCE]!;
  }

  /** Seconds and nanoseconds of the present frame's arrival, its MAC and network offsets (for packet traces). */
  frameDetails(): { seconds: number; nanoseconds: number; mac: number; net: number } {
    const at = this.#frameWord;
    const offsets = this.#words[at + FRAME_OFFSETS]!;
    return {
      seconds: this.#words[at + FRAME_SEC]!,
      nanoseconds: this.#words[at + FRAME_NSEC]!,
      mac: offsets & 0xffff,
      net: offsets >>> 16,
    };
  }

  #frameWord = 0;

  /** Frames in the next block, which is now ours; 0 where the kernel has none for us. */
  nextBlock(): number {
    const base = (this.#block * this.blockBytes) >> 2;
    if ((this.#words[base + BLOCK_STATUS]! & STATUS_USER) === 0) return 0;
    this.#left = this.#words[base + BLOCK_PACKETS]!;
    this.#at = this.#block * this.blockBytes + this.#words[base + BLOCK_FIRST]!;
    return this.#left;
  }

  /** Puts the block's next frame into `frame`; false after the last. */
  nextFrame(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const word = this.#at >> 2;
    this.#frameWord = word;
    const words = this.#words;
    const { frame } = this;
    frame.offset = this.#at + (words[word + FRAME_OFFSETS]! & 0xffff);
    frame.length = words[word + FRAME_SNAPLEN]!;
    frame.wireLength = words[word + FRAME_LEN]!;
    frame.status = words[word + FRAME_STATUS]!;
    this.#at += words[word + FRAME_NEXT]!;
    return true;
  }

  /**
   * The tag that the kernel took off the present frame (its status has TP_STATUS_VLAN_VALID): EtherType in the upper 16
   * bits, priority and id in the lower.
   */
  vlanTag(): number {
    const at = this.#frameWord;
    const hasType = (this.frame.status & TP_STATUS_VLAN_TPID_VALID) !== 0;
    const type = hasType ? this.#words[at + FRAME_VLAN_TPID]! & 0xffff : ETHERTYPE_VLAN;
    return type * 0x10000 + (this.#words[at + FRAME_VLAN_TCI]! & 0xffff);
  }

  /** Gives the block back to the kernel: whatever refers to its frames must have been sent. */
  releaseBlock(): void {
    this.#words[((this.#block * this.blockBytes) >> 2) + BLOCK_STATUS] = 0;
    this.#block = this.#block + 1 === this.#blocks ? 0 : this.#block + 1;
  }

  /** Frames that the kernel had no room for since the last call. */
  takeDropped(): number {
    const statistics = getSocketOption(this.fd, SOL_PACKET, PACKET_STATISTICS, 12);
    return new DataView(statistics.slice().buffer).getUint32(4, true);
  }

  /** The socket's pending error (ENETDOWN where the device went down), which this clears; 0 for none. */
  takeError(): number {
    return new DataView(getSocketOption(this.fd, SOL_SOCKET, SO_ERROR).slice().buffer).getInt32(0, true);
  }

  /** Unmaps the ring and closes the socket; idempotent. No view of `bytes` may be used after it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#memory.close();
    closeFd(this.fd);
  }

  /** The mapping, if the constructor got that far. */
  #memoryOrUndefined(): Mapping | undefined {
    return this.#memory as Mapping | undefined;
  }
}

/* struct mmsghdr is 64 bytes on 64-bit Linux (see messages.ts), an iovec 16. */
const MMSGHDR_WORDS = 16;
const IOVEC_WORDS = 4;

/** Sends frames of a packet socket from where they are in memory, up to `capacity` per system call. */
export class PacketSender {
  readonly capacity: number;
  readonly #fd: number;
  readonly #memory: Mapping;
  readonly #words: Uint32Array;
  readonly #iovecs: number;
  #count = 0;

  constructor(fd: number, capacity = 256) {
    this.#fd = fd;
    this.capacity = capacity;
    this.#iovecs = capacity * MMSGHDR_WORDS;
    this.#memory = mapMemory((this.#iovecs + capacity * IOVEC_WORDS) * 4);
    this.#words = new Uint32Array(this.#memory.buffer);
    const { view, address } = this.#memory;
    for (let i = 0; i < capacity; i += 1) {
      view.setBigUint64(i * 64 + 16, address + BigInt((this.#iovecs + i * IOVEC_WORDS) * 4), true);
      view.setBigUint64(i * 64 + 24, 1n, true);
    }
  }

  get full(): boolean {
    return this.#count === this.capacity;
  }

  /** Queues `length` bytes at address high:low + offset. The memory stays as it is until `send`. */
  push(addressLow: number, addressHigh: number, offset: number, length: number): void {
    const at = this.#iovecs + this.#count * IOVEC_WORDS;
    const low = addressLow + offset;
    const words = this.#words;
    words[at] = low;
    words[at + 1] = low > 0xffffffff ? addressHigh + 1 : addressHigh;
    words[at + 2] = length;
    this.#count += 1;
  }

  /** Sends what was queued; returns how many frames the kernel did not take. A full buffer loses the rest, as a wire does. */
  send(): number {
    let at = 0;
    let lost = 0;
    while (at < this.#count) {
      const messages = at === 0 ? this.#memory.address : this.#memory.address + BigInt(at * 64);
      const sent = libc().sendmmsg(this.#fd, messages, this.#count - at, MSG_DONTWAIT);
      if (sent > 0) {
        at += sent;
        continue;
      }
      const error = errno();
      if (error === EINTR) continue;
      if (error === EAGAIN) {
        lost += this.#count - at;
        break;
      }
      lost += 1;
      at += 1;
    }
    this.#count = 0;
    return lost;
  }

  close(): void {
    this.#memory.close();
  }
}

const EINTR = 4;
const EAGAIN = 11;
