import { flowHash } from "../maglev/index.ts";
import { DemoError } from "./errors.ts";
import { SETTING, type Family } from "./setting.ts";

/** Whose address a family's flows come from. */
export type FlowSources = Readonly<Record<Family, string>>;

/** Below the kernel's own range, so that nobody else is given one. */
const FIRST_SOURCE_PORT = 10_000;
/** Above it the kernel picks for others. */
const LAST_SOURCE_PORT = 32_767;

/**
 * Picks source ports so that each flow has a bucket of the sticky table for itself: a bucket holds 4 flows
 * (plugins/lb/lbhash.h), VPP forwards a flow that finds it full without remembering it, and such a flow breaks when its
 * slot moves. The demo does not resize a table that is not its own, and flows of an earlier run may still be there.
 */
export class FlowPicker {
  readonly #taken: Uint8Array;
  readonly #sources: FlowSources;
  #nextPort = FIRST_SOURCE_PORT;

  /** @param stickyBuckets of the dataplane, or a smaller power of two: the larger table holds the same flows apart */
  constructor(stickyBuckets: number, sources: FlowSources) {
    this.#sources = sources;
    this.#taken = new Uint8Array(stickyBuckets);
  }

  /** Source ports, each used once, for so many flows to an address of a VIP. */
  pick(family: Family, dst: string, count: number): { address: string; port: number }[] {
    const address = this.#sources[family];
    const picked: { address: string; port: number }[] = [];
    while (picked.length < count) {
      const port = this.#nextPort++;
      if (port > LAST_SOURCE_PORT)
        throw new DemoError("SETUP", "no source port is left that the sticky table has room for");
      const hash = flowHash({ src: address, dst, protocol: "tcp", srcPort: port, dstPort: SETTING.port });
      const bucket = hash & (this.#taken.length - 1);
      if (this.#taken[bucket] !== 0) continue;
      this.#taken[bucket] = 1;
      picked.push({ address, port });
    }
    return picked;
  }
}
