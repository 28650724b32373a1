import { TrafficClient, type ConnectionRecord, type HeldConnections } from "../traffic/index.ts";
import { FlowPicker, type FlowSources } from "./flow-picker.ts";
import type { HeldFlow } from "./judge.ts";
import { waitFor } from "./processes.ts";
import { SETTING, vipAddress, type Family } from "./setting.ts";

/** VIP addresses that a batch spreads over. */
const ADDRESSES_PER_BATCH = 4;
/** A packet each so often on every held connection. */
const PACKETS_PER_SECOND = 2;
/** Longer than a TCP that retransmits needs to get over a dataplane's restart. */
const ANSWER_TIMEOUT_MS = 20_000;
/** A lost SYN is sent again after 1, 3 and 7 s: a machine that is busy with other things is no fault of the dataplane. */
const CONNECT_TIMEOUT_MS = 12_000;

/** Where a crowd's connections come from. */
export interface CrowdOptions {
  /** Descriptor of the network namespace. */
  readonly netns: number;
  readonly sources: FlowSources;
  /** Of the dataplane's sticky table, or a smaller power of two. */
  readonly stickyBuckets: number;
}

/** All TCP connections of one client of the demo: opened in batches, then held with traffic on them until the end. */
export class Crowd {
  readonly #netns: number;
  readonly #batches: HeldConnections[][] = [];
  readonly #picker: FlowPicker;
  #nextAddress = 0;

  constructor({ netns, sources, stickyBuckets }: CrowdOptions) {
    this.#netns = netns;
    this.#picker = new FlowPicker(stickyBuckets, sources);
  }

  /** Opens fresh connections, no flow twice, and resolves when each was answered or broke. */
  async open(count: Readonly<Record<Family, number>>, signal: AbortSignal): Promise<HeldFlow[]> {
    const batches: Promise<HeldConnections>[] = [];
    for (const family of [4, 6] as const) {
      const each = Math.ceil(count[family] / ADDRESSES_PER_BATCH);
      for (let i = 0; i < ADDRESSES_PER_BATCH; i++) batches.push(this.#hold(family, each, signal));
    }
    const held = await Promise.all(batches);
    const number = this.#batches.push(held);
    return held.flatMap((one) => one.records().map((record) => toHeldFlow(record, number)));
  }

  #hold(family: Family, count: number, signal: AbortSignal): Promise<HeldConnections> {
    const address = vipAddress(family, this.#nextAddress++ * 37);
    const client = new TrafficClient({
      target: { address, port: SETTING.port },
      netns: this.#netns,
      packetSize: 256,
      rate: 100,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
    });
    const sources = this.#picker.pick(family, address, count);
    return client.hold(count, { sources, packetRate: PACKETS_PER_SECOND, signal });
  }

  /** Every connection so far, always in the same order. */
  flows(): HeldFlow[] {
    return this.#batches.flatMap((batch, index) =>
      batch.flatMap((held) => held.records()).map((record) => toHeldFlow(record, index + 1)),
    );
  }

  #records(): ConnectionRecord[] {
    return this.#batches.flat().flatMap((held) => held.records());
  }

  /**
   * Resolves when every connection that is not broken has been answered beyond all that it has sent so far: a packet has
   * gone there and back since.
   */
  async settle(signal: AbortSignal): Promise<void> {
    const sent = this.#records().map((record) => record.sent);
    const waiting = () =>
      this.#records().filter((record, index) => record.state === "open" && record.received <= sent[index]!).length;
    await waitFor("every held connection to be answered or to break", () => (waiting() === 0 ? true : undefined), {
      deadlineMs: ANSWER_TIMEOUT_MS + 5000,
      everyMs: 50,
      signal,
    });
  }

  /** Longest wait for an answer on any connection that is open, in ms. */
  longestGapMs(): number {
    const open = this.#records().filter((record) => record.state === "open");
    return Math.round(open.reduce((longest, record) => Math.max(longest, record.longestGapMs), 0));
  }

  /** Ends the connections that this server answers, as a client that is done. @returns how many */
  finish(server: string): number {
    const toServer = (record: ConnectionRecord) => record.host === server;
    return this.#batches.flat().reduce((sum, held) => sum + held.stopWhere(toServer), 0);
  }

  close(): void {
    for (const held of this.#batches.flat()) held.stop();
  }
}

function toHeldFlow(record: ConnectionRecord, batch: number): HeldFlow {
  return {
    batch,
    flow: record.flow,
    server: record.host,
    broken: record.state === "broken",
    closed: record.state === "ended",
    changedServer: record.serverChanges > 0,
  };
}
