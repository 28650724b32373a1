/** How a slave lays out its one region: slave-to-master rings, master-to-slave rings, then buffers in the same order. */
import { MemifError } from "./errors.ts";
import { MAX_LOG2_RING_SIZE, ringBytes } from "./ring.ts";
import type { OwnBuffers } from "./receive-queue.ts";

export interface LayoutOptions {
  readonly s2mRings: number;
  readonly m2sRings: number;
  readonly log2RingSize: number;
  /** Bytes of each buffer. */
  readonly bufferSize: number;
}

export interface RingPlace {
  readonly s2m: boolean;
  readonly index: number;
  /** Of the ring within the region. */
  readonly offset: number;
  readonly buffers: OwnBuffers;
}

export interface Layout {
  readonly size: number;
  readonly rings: readonly RingPlace[];
}

/** @throws MemifError OPTION for more than a descriptor's 32-bit offset can reach */
export function layOut(options: LayoutOptions): Layout {
  const { s2mRings, m2sRings, log2RingSize, bufferSize } = options;
  const count = s2mRings + m2sRings;
  const eachRing = ringBytes(log2RingSize);
  const eachBuffers = bufferSize * 2 ** log2RingSize;
  const size = count * (eachRing + eachBuffers);
  if (log2RingSize > MAX_LOG2_RING_SIZE || size > 2 ** 32) {
    throw new MemifError("OPTION", `a region of ${size} bytes`, { hint: "choose fewer or smaller rings or buffers" });
  }
  const rings = Array.from({ length: count }, (_, i) => ({
    s2m: i < s2mRings,
    index: i < s2mRings ? i : i - s2mRings,
    offset: i * eachRing,
    buffers: { offset: count * eachRing + i * eachBuffers, size: bufferSize },
  }));
  return { size, rings };
}
