import { readlinkSync } from "node:fs";
import { closeFd, setNonBlocking } from "../sys/sockets.ts";
import { MemifError } from "./errors.ts";
import { MemifLink } from "./link.ts";
import { MAX_QUEUES, MAX_REGIONS } from "./options.ts";
import type { AddRegion, AddRing } from "./protocol.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { Region } from "./region.ts";
import { Ring } from "./ring.ts";
import { TransmitQueue } from "./transmit-queue.ts";

interface OfferedRing {
  readonly message: AddRing;
  readonly fd: number;
}

/** What a slave has given so far: regions and rings in the order of their indexes. Owns their descriptors. */
export class Offer {
  readonly #allowUnsealed: boolean;
  #regions: Region[] = [];
  #s2m: OfferedRing[] = [];
  #m2s: OfferedRing[] = [];

  constructor(options: { readonly allowUnsealed: boolean }) {
    this.#allowUnsealed = options.allowUnsealed;
  }

  /** Takes the descriptor over, also where it throws. @throws MemifError, SysError */
  addRegion({ index, size }: AddRegion, fd: number | undefined): void {
    if (fd === undefined) throw new MemifError("REGION", "missing memory region fd");
    try {
      if (index !== this.#regions.length) throw new MemifError("REGION", "unexpected region index");
      if (index >= MAX_REGIONS) throw new MemifError("REGION", "too many regions");
      this.#regions.push(Region.map(fd, size, { allowUnsealed: this.#allowUnsealed }));
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Takes the descriptor over, also where it throws. @throws MemifError, SysError */
  addRing(message: AddRing, fd: number | undefined): void {
    if (fd === undefined) throw new MemifError("RING", "missing ring interrupt fd");
    try {
      const rings = message.s2m ? this.#s2m : this.#m2s;
      if (message.privateHeaderBytes !== 0) throw new MemifError("RING", "private headers not supported");
      if (message.index !== rings.length) throw new MemifError("RING", "unexpected ring index");
      if (message.index >= MAX_QUEUES) throw new MemifError("RING", "too many rings");
      checkEventFd(fd);
      rings.push({ message, fd });
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** The link over what was given, which now owns it. @throws MemifError, SysError */
  connect(): MemifLink {
    const regions = this.#regions;
    const ringOf = ({ message }: OfferedRing): Ring => {
      const region = regions[message.region];
      if (region === undefined) throw new MemifError("RING", "ring in an unknown region");
      const ring = new Ring(region, message.region, message.offset, message.log2RingSize);
      if (!ring.hasCookie) throw new MemifError("RING", `wrong cookie on ring ${message.index}`);
      return ring;
    };
    if (this.#s2m.length === 0 || this.#m2s.length === 0) throw new MemifError("RING", "no rings");
    const receive = this.#s2m.map((each) => new ReceiveQueue(ringOf(each), regions, each.fd));
    const transmit = this.#m2s.map((each) => new TransmitQueue(ringOf(each), regions, each.fd));
    this.#forget();
    return new MemifLink({ regions, receive, transmit });
  }

  /** Closes what nobody took; idempotent. */
  close(): void {
    for (const { fd } of [...this.#s2m, ...this.#m2s]) closeFd(fd);
    for (const region of this.#regions) region.close();
    this.#forget();
  }

  #forget(): void {
    this.#regions = [];
    this.#s2m = [];
    this.#m2s = [];
  }
}

/** Anything else might block us when it is written to: a pipe, a terminal, a file of a dead file system. */
function checkEventFd(fd: number): void {
  const target = readlinkSync(`/proc/self/fd/${fd}`);
  if (target !== "anon_inode:[eventfd]") throw new MemifError("RING", "interrupt descriptor is no eventfd");
  setNonBlocking(fd);
}
