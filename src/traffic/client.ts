import { isIP } from "node:net";
import type { Connection, ConnectionOptions } from "./connection.ts";
import { TrafficError } from "./errors.ts";
import { formatEndpoint, type FlowSource } from "./flows.ts";
import { HeldConnections } from "./held.ts";
import { MAX_PACKET_BYTES, NAME_BYTES } from "./protocol.ts";
import { totalsOf, type TrafficReport } from "./record.ts";
import { TcpConnection } from "./tcp.ts";
import { UdpConnection } from "./udp.ts";

export interface TrafficClientOptions {
  readonly target: { readonly address: string; readonly port: number };
  /** Default `tcp`. */
  readonly protocol?: "tcp" | "udp";
  /** Descriptor of the network namespace to connect from. Default: this process's. */
  readonly netns?: number;
  /** Bytes per packet, 64..65507. Default 1024. */
  readonly packetSize?: number;
  /** New connections per second. Default 200. */
  readonly rate?: number;
  /** Default 3,000: a lost SYN is sent again after 1 s, and once more after 2 s. */
  readonly connectTimeoutMs?: number;
  /** Without an answer for so long a connection counts as broken. Default 5,000; `hold` 10,000. */
  readonly answerTimeoutMs?: number;
  /** UDP batches: default 2. */
  readonly retransmits?: number;
  /** Default `reset`. */
  readonly close?: "reset" | "fin";
  /** Connections open at a time. Default 2,000. */
  readonly maxOpen?: number;
}

export interface BatchOptions {
  /** Connection i comes from `sources[i]`. Default: the kernel chooses. */
  readonly sources?: readonly FlowSource[];
  readonly rate?: number;
  readonly signal?: AbortSignal;
}

export interface HoldOptions extends BatchOptions {
  /** Packets per second and connection. Default 5. */
  readonly packetRate?: number;
  /** All must be open (or broken) by then. Default 30,000 more than opening takes at the rate. */
  readonly openTimeoutMs?: number;
}

export type BatchReport = TrafficReport;

/** More connections than this are refused: the source ports of one address end there. */
export const MAX_CONNECTIONS = 60_000;
const TICK_MS = 5;

/** Opens connections to one target. One client may do several batches, one after another or at once. */
export class TrafficClient {
  readonly #options: TrafficClientOptions;

  /** @throws TrafficError OPTION */
  constructor(options: TrafficClientOptions) {
    const { target, packetSize = 1024, rate = 200 } = options;
    if (isIP(target.address) === 0) {
      throw new TrafficError("OPTION", `target "${target.address}" is not an IP address`);
    }
    inRange("target port", target.port, 1, 65_535);
    inRange("packet size", packetSize, NAME_BYTES, MAX_PACKET_BYTES);
    inRange("rate", rate, 0.1, 100_000);
    this.#options = options;
  }

  /**
   * Opens `count` connections at the rate, exchanges one packet on each and closes it. Resolves when every one has ended;
   * an aborted batch resolves too, with what there is (`ECANCELED`).
   * @throws TrafficError LIMIT
   */
  async connectBatch(count: number, options: BatchOptions = {}): Promise<BatchReport> {
    const run = new Run(this.#options, count, { ...options, once: true });
    await run.opened;
    return run.report();
  }

  /**
   * Opens `count` connections at the rate and keeps them open with traffic until `stop`. Resolves when each has been
   * answered or has broken. @throws TrafficError LIMIT
   */
  async hold(count: number, options: HoldOptions = {}): Promise<HeldConnections> {
    const rate = options.rate ?? this.#options.rate ?? 200;
    const deadline = AbortSignal.timeout(options.openTimeoutMs ?? Math.ceil((count * 1000) / rate) + 30_000);
    const run = new Run(this.#options, count, { ...options, once: false });
    const held = new HeldConnections(run, options.packetRate ?? 5, options.signal);
    const cancel = () => run.cancelOpening();
    deadline.addEventListener("abort", cancel, { once: true });
    await run.opened;
    deadline.removeEventListener("abort", cancel);
    held.step();
    return held;
  }
}

function inRange(what: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) {
    throw new TrafficError("OPTION", `${what} ${value} is not ${least} to ${most}`);
  }
}

/** The opening of a number of connections at a rate, and their report. */
export class Run {
  readonly connections: Connection[] = [];
  /** Every connection has left `opening` (held) or has come to its end (once). */
  readonly opened: Promise<void>;
  readonly #client: TrafficClientOptions;
  readonly #options: BatchOptions & { readonly once: boolean };
  readonly #count: number;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  readonly #maxOpen: number;
  readonly #rate: number;
  readonly #counted = new Set<number>();
  #pending = 0;
  #settled = 0;
  #cancelled = false;
  #timer: NodeJS.Timeout | undefined;
  #done: () => void = () => undefined;

  constructor(client: TrafficClientOptions, count: number, options: BatchOptions & { readonly once: boolean }) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_CONNECTIONS) {
      throw new TrafficError("LIMIT", `${count} connections: 1 to ${MAX_CONNECTIONS} at a time`);
    }
    if (options.sources !== undefined && options.sources.length < count) {
      throw new TrafficError("OPTION", `${count} connections need as many sources, ${options.sources.length} given`);
    }
    this.#client = client;
    this.#options = options;
    this.#count = count;
    this.#rate = options.rate ?? client.rate ?? 200;
    this.#maxOpen = client.maxOpen ?? 2000;
    inRange("rate", this.#rate, 0.1, 100_000);
    this.opened = new Promise((resolve) => (this.#done = resolve));
    const cancel = () => this.cancelOpening();
    options.signal?.addEventListener("abort", cancel, { once: true });
    void this.opened.then(() => options.signal?.removeEventListener("abort", cancel));
    if (options.signal?.aborted) this.cancelOpening();
    else this.#pace();
  }

  nowMs(): number {
    return performance.now() - this.#startMs;
  }

  /** No further connection; those that are not open yet are cancelled. */
  cancelOpening(): void {
    this.#cancelled = true;
    clearTimeout(this.#timer);
    for (const connection of this.connections) if (connection.currentState === "opening") connection.stop();
    this.#checkDone();
  }

  report(): TrafficReport {
    const records = this.connections.map((connection) => connection.record());
    const { target, protocol = "tcp", packetSize = 1024 } = this.#client;
    return {
      started: this.#startedAt.toISOString(),
      durationMs: this.nowMs(),
      target: formatEndpoint(target.address, target.port),
      protocol,
      packetSize,
      ...totalsOf(records),
      records,
    };
  }

  /** Opens what is due by now, never more than `maxOpen` unsettled at a time. */
  #pace(): void {
    const due = Math.min(this.#count, 1 + Math.floor((this.nowMs() * this.#rate) / 1000));
    while (this.connections.length < due && this.#pending < this.#maxOpen) this.#open();
    if (this.connections.length < this.#count) this.#timer = setTimeout(() => this.#pace(), TICK_MS);
  }

  #open(): void {
    const id = this.connections.length;
    const { target, protocol = "tcp", netns, packetSize = 1024, retransmits = 2, close = "reset" } = this.#client;
    const { once, sources } = this.#options;
    const options: ConnectionOptions = {
      id,
      target,
      source: sources?.[id] ?? {},
      netns,
      packetSize,
      once,
      connectTimeoutMs: this.#client.connectTimeoutMs ?? 3000,
      answerTimeoutMs: this.#client.answerTimeoutMs ?? (once ? 5000 : 10_000),
      retransmits,
      close,
      now: () => this.nowMs(),
      onState: (connection) => this.#changed(connection),
    };
    const connection = protocol === "tcp" ? new TcpConnection(options) : new UdpConnection(options);
    this.connections.push(connection);
    this.#pending += 1;
    connection.start();
  }

  #changed(connection: Connection): void {
    const settled = this.#options.once ? connection.currentState !== "open" : !this.#counted.has(connection.id);
    if (!settled) return;
    this.#counted.add(connection.id);
    this.#pending -= 1;
    this.#settled += 1;
    this.#checkDone();
  }

  #checkDone(): void {
    const expected = this.#cancelled ? this.connections.length : this.#count;
    if (this.#settled >= expected) this.#done();
  }
}
