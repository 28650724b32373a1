import { openEpoll, type Epoll } from "../sys/epoll.ts";
import { closeFd } from "../sys/sockets.ts";
import { MemifError } from "./errors.ts";
import type { ReceiveQueue } from "./receive-queue.ts";
import type { Region } from "./region.ts";
import type { TransmitQueue } from "./transmit-queue.ts";

/** Looks at the rings after asking to be woken: see `sleep`. */
const LOOKS_BEFORE_SLEEP = 64;

export interface LinkParts {
  readonly regions: readonly Region[];
  readonly receive: readonly ReceiveQueue[];
  readonly transmit: readonly TransmitQueue[];
}

/** The shared memory of an established connection. Whoever polls it tells when he sleeps, so that the peer wakes him. */
export class MemifLink {
  readonly regions: readonly Region[];
  readonly receive: readonly ReceiveQueue[];
  readonly transmit: readonly TransmitQueue[];
  readonly #epoll: Epoll;
  #open = true;

  /** Takes over regions and the queues' eventfds, also where it throws. @throws SysError */
  constructor(parts: LinkParts) {
    this.regions = parts.regions;
    this.receive = parts.receive;
    this.transmit = parts.transmit;
    try {
      this.#epoll = openEpoll();
      for (const queue of this.receive) {
        queue.fill();
        queue.ring.setMasked(false);
        this.#epoll.addEdge(queue.interruptFd);
      }
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Readable when the peer wants us to look; `wake` makes it unreadable again. */
  get fd(): number {
    return this.#epoll.fd;
  }

  /** What is wrong with the peer, if anything is: then close. */
  get fault(): MemifError | undefined {
    for (const queue of this.receive) if (queue.fault !== undefined) return queue.fault;
    for (const queue of this.transmit) if (queue.fault !== undefined) return queue.fault;
    return undefined;
  }

  /** From now on we look by ourselves: the peer need not wake us. */
  wake(): void {
    if (!this.#open) return;
    const woken = this.#epoll.take();
    for (const queue of this.receive) {
      queue.ring.setMasked(true);
      if (woken > 0) queue.interrupts += 1;
    }
  }

  /**
   * Asks to be woken by `fd`.
   * @returns false where packets have come meanwhile: look again
   */
  sleep(): boolean {
    if (!this.#open) return true;
    for (const queue of this.receive) queue.ring.setMasked(false);
    // VPP reads our flag without a fence after it has written its head: it may still see the old flag while we do not yet
    // see the new head. Half a microsecond later we do.
    for (let look = 0; look < LOOKS_BEFORE_SLEEP; look += 1) {
      for (const queue of this.receive) {
        if (!queue.isReady) continue;
        for (const each of this.receive) each.ring.setMasked(true);
        return false;
      }
    }
    return true;
  }

  /** Unmaps and closes everything; idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const closed = new MemifError("CLOSED", "link is closed");
    for (const queue of [...this.receive, ...this.transmit]) queue.fault ??= closed;
    this.#free();
  }

  #free(): void {
    // Not yet there where the constructor failed.
    (this.#epoll as Epoll | undefined)?.close();
    for (const { interruptFd } of [...this.receive, ...this.transmit]) closeFd(interruptFd);
    for (const region of this.regions) region.close();
  }
}
