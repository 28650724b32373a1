import { formatEndpoint, type FlowTuple } from "./flows.ts";

/**
 * - `opening`: not connected yet (TCP) or not answered yet (UDP).
 * - `open`: answered at least once.
 * - `ended`: closed by us after all was well.
 * - `broken`: refused, reset, closed by the server, timed out or damaged: see `err`.
 */
export type ConnectionState = "opening" | "open" | "ended" | "broken";

/** What is known of one connection. Times are milliseconds since the report's start. */
export interface ConnectionRecord {
  readonly id: number;
  readonly flow: FlowTuple;
  readonly state: ConnectionState;
  /** Name of the server that answered; of several (UDP only), the last. */
  readonly host?: string;
  readonly startedMs: number;
  readonly connectedMs?: number;
  readonly endedMs?: number;
  /** `ECONNRESET`, `ECONNREFUSED`, `ETIMEDOUT`, `EOF` (closed by the server), `EDAMAGED` (not what was sent). */
  readonly err?: string;
  /** Packets. */
  readonly sent: number;
  readonly received: number;
  /** Packets that were due while the one before was not answered, and were not sent. */
  readonly dropped: number;
  /** Packets sent again (UDP, batch only). */
  readonly retransmits: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** 1 once the connection broke. */
  readonly breaks: number;
  /** How often another server answered than before (UDP only: TCP would be reset). */
  readonly serverChanges: number;
  /** Longest wait for an answer, the present one included. */
  readonly longestGapMs: number;
}

export interface Totals {
  readonly connections: number;
  /** Answered, and not broken. */
  readonly good: number;
  readonly broken: number;
  readonly opening: number;
  /** Good connections per server name. */
  readonly byServer: Readonly<Record<string, number>>;
  /** Broken connections per server name; `` (empty) for those that no server had answered. */
  readonly brokenByServer: Readonly<Record<string, number>>;
  /** Broken connections per `err`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly serverChanges: number;
  readonly longestGapMs: number;
  readonly sent: number;
  readonly received: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface TrafficReport extends Totals {
  /** ISO 8601. */
  readonly started: string;
  readonly durationMs: number;
  readonly target: string;
  readonly protocol: "tcp" | "udp";
  readonly packetSize: number;
  readonly records: readonly ConnectionRecord[];
}

/** Sums over records. */
export function totalsOf(records: Iterable<ConnectionRecord>): Totals {
  const byServer: Record<string, number> = {};
  const brokenByServer: Record<string, number> = {};
  const errors: Record<string, number> = {};
  const sums = { connections: 0, good: 0, broken: 0, opening: 0, serverChanges: 0, longestGapMs: 0 };
  const traffic = { sent: 0, received: 0, bytesSent: 0, bytesReceived: 0 };
  for (const record of records) {
    sums.connections += 1;
    if (record.state === "broken") {
      sums.broken += 1;
      count(brokenByServer, record.host ?? "");
      count(errors, record.err ?? "unknown");
    } else if (record.state === "opening") {
      sums.opening += 1;
    } else {
      sums.good += 1;
      count(byServer, record.host ?? "");
    }
    sums.serverChanges += record.serverChanges;
    sums.longestGapMs = Math.max(sums.longestGapMs, record.longestGapMs);
    traffic.sent += record.sent;
    traffic.received += record.received;
    traffic.bytesSent += record.bytesSent;
    traffic.bytesReceived += record.bytesReceived;
  }
  return { ...sums, ...traffic, byServer, brokenByServer, errors };
}

function count(into: Record<string, number>, key: string): void {
  into[key] = (into[key] ?? 0) + 1;
}

const NS_PER_MS = 1e6;

/**
 * The report with ctraffic's names and units (main.go `statistics`, `connstats`: durations in nanoseconds), so that what
 * reads ctraffic's JSON reads ours. Rate is KB/s in total, as ctraffic's flag.
 */
export function toCtraffic(report: TrafficReport, rateKBps: number): Record<string, unknown> {
  const sum = (field: "dropped" | "retransmits") => report.records.reduce((total, record) => total + record[field], 0);
  return {
    Started: report.started,
    Duration: Math.round(report.durationMs * NS_PER_MS),
    Rate: rateKBps,
    Connections: report.connections,
    PacketSize: report.packetSize,
    FailedConnections: report.broken,
    Sent: report.sent,
    Received: report.received,
    Dropped: sum("dropped"),
    Retransmits: sum("retransmits"),
    FailedConnects: report.records.filter((r) => r.state === "broken" && r.connectedMs === undefined).length,
    ConnStats: report.records.map((record) => connStats(record, report.durationMs)),
  };
}

function connStats(record: ConnectionRecord, durationMs: number): Record<string, unknown> {
  const { flow } = record;
  return {
    Started: Math.round(record.startedMs * NS_PER_MS),
    Connect: Math.round((record.connectedMs ?? 0) * NS_PER_MS),
    Ended: Math.round((record.endedMs ?? durationMs) * NS_PER_MS),
    Err: record.err ?? "",
    Sent: record.sent,
    Received: record.received,
    Dropped: record.dropped,
    Retransmits: record.retransmits,
    Local: formatEndpoint(flow.src, flow.srcPort),
    Remote: formatEndpoint(flow.dst, flow.dstPort),
    ...(record.host === undefined ? {} : { Host: record.host }),
    Bytes: record.bytesReceived,
    Breaks: record.breaks,
    ServerChanges: record.serverChanges,
    LongestGap: Math.round(record.longestGapMs * NS_PER_MS),
  };
}
