import type { Connection } from "./connection.ts";
import type { ConnectionRecord, TrafficReport } from "./record.ts";

const TICK_MS = 5;

/** What happened to held connections since the step before. */
export interface HeldStep {
  readonly durationMs: number;
  /** Connections that were open when the step began and broke in it. */
  readonly broke: readonly ConnectionRecord[];
  /** Connections that another server answers now (UDP). */
  readonly changed: readonly ConnectionRecord[];
  readonly longestGapMs: number;
  readonly alive: number;
  readonly byServer: Readonly<Record<string, number>>;
}

/** What `HeldConnections` needs of the run that opened them. */
export interface HeldRun {
  readonly connections: readonly Connection[];
  nowMs(): number;
  report(): TrafficReport;
  cancelOpening(): void;
}

interface StepStart {
  readonly atMs: number;
  readonly alive: ReadonlySet<number>;
  readonly servers: ReadonlyMap<number, string | undefined>;
}

/** Connections that stay open with traffic on them, until `stop` or the signal. */
export class HeldConnections {
  readonly #run: HeldRun;
  readonly #intervalMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.stop();
  #nextMs: number;
  /** Index of the connection whose packet is due next: they take turns over the interval. */
  #turn = 0;
  #step: StepStart;

  constructor(run: HeldRun, packetRate: number, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#intervalMs = 1000 / Math.min(1000, Math.max(0.01, packetRate));
    this.#nextMs = run.nowMs();
    this.#step = this.#startStep();
    this.#timer = setInterval(() => this.#send(), TICK_MS);
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get alive(): number {
    return this.#run.connections.reduce((n, connection) => n + (connection.currentState === "open" ? 1 : 0), 0);
  }

  get broken(): number {
    return this.#run.connections.reduce((n, connection) => n + (connection.currentState === "broken" ? 1 : 0), 0);
  }

  /** Alive connections per server. */
  get byServer(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const connection of this.#run.connections) {
      if (connection.currentState !== "open") continue;
      const name = connection.server ?? "";
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  records(): ConnectionRecord[] {
    return this.#run.connections.map((connection) => connection.record());
  }

  report(): TrafficReport {
    return this.#run.report();
  }

  /** What happened since the last call (or since they were opened), and starts the next step. */
  step(): HeldStep {
    const { atMs, alive, servers } = this.#step;
    const held = this.#run.connections.filter((connection) => alive.has(connection.id));
    const result: HeldStep = {
      durationMs: this.#run.nowMs() - atMs,
      broke: held.filter((c) => c.currentState === "broken").map((c) => c.record()),
      changed: held.filter((c) => c.server !== servers.get(c.id)).map((c) => c.record()),
      longestGapMs: held.reduce((longest, c) => Math.max(longest, c.stepGapMs()), 0),
      alive: this.alive,
      byServer: this.byServer,
    };
    this.#step = this.#startStep();
    return result;
  }

  /** Closes what is open and gives the report. Idempotent. */
  stop(): TrafficReport {
    clearInterval(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#run.cancelOpening();
    for (const connection of this.#run.connections) connection.stop();
    return this.#run.report();
  }

  /** Closes those open connections that it says; the others go on. @returns how many */
  stopWhere(which: (record: ConnectionRecord) => boolean): number {
    const chosen = this.#run.connections.filter((one) => one.currentState === "open" && which(one.record()));
    for (const connection of chosen) connection.stop();
    return chosen.length;
  }

  #startStep(): StepStart {
    const open = this.#run.connections.filter((connection) => connection.currentState === "open");
    for (const connection of open) connection.newStep();
    return {
      atMs: this.#run.nowMs(),
      alive: new Set(open.map((connection) => connection.id)),
      servers: new Map(open.map((connection) => [connection.id, connection.server])),
    };
  }

  /** Sends for as many connections as the time since the last tick pays for; after a pause it does not catch up. */
  #send(): void {
    const { connections } = this.#run;
    const now = this.#run.nowMs();
    if (connections.length === 0) return;
    const gapMs = this.#intervalMs / connections.length;
    if (now - this.#nextMs > this.#intervalMs) this.#nextMs = now - this.#intervalMs;
    while (this.#nextMs <= now) {
      connections[this.#turn % connections.length]?.due();
      this.#turn = (this.#turn + 1) % connections.length;
      this.#nextMs += gapMs;
    }
  }
}
