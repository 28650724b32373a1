import { StatsReader, total, type Stat } from "vpp-api-ts";
import { vipKey, type ObservedState, type RouteCounters } from "../bridge/index.ts";
import type { VppSession } from "./link.ts";
import { parseInterfaceCounters, type InterfaceCounters } from "./show-interface.ts";

/** Packets of a VIP since VPP made it. VPP counts those of no port of a prefix on its first VIP (plugins/lb/node.c). */
export interface VipCounters {
  readonly existingSession: number;
  readonly firstPacket: number;
  readonly untracked: number;
  readonly noServer: number;
}

/** VPP's own counters: they begin anew with VPP, and those of an object with the object. */
export interface VppCounters {
  /** When they were read, Unix time in ms. */
  readonly atMs: number;
  /** `segment`: VPP's statistics segment, which needs no answer of VPP. `cli`: what VPP prints. */
  readonly source: "segment" | "cli";
  /** When VPP started, Unix time in s; where it is known. */
  readonly startedAtS?: number;
  /** By key of the VIP. */
  readonly vips: ReadonlyMap<string, VipCounters>;
  readonly interfaces: ReadonlyMap<string, InterfaceCounters>;
  /** Of routes that streams and flows are made of, by prefix. */
  readonly routes?: ReadonlyMap<string, RouteCounters>;
  /** Packet buffers by pool; the segment alone tells. */
  readonly buffers: ReadonlyMap<string, { readonly used: number; readonly available: number }>;
  /** Bytes of the main heap. */
  readonly heap?: { readonly used: number; readonly total: number };
  readonly workers?: number;
}

/** lb's counters by VIP index (plugins/lb/lb.c:1398). */
const LB = {
  existingSession: "packet from existing sessions",
  firstPacket: "first session packet",
  untracked: "untracked packet",
  noServer: "no server configured",
} as const;

const INTERFACE = {
  rx: "/if/rx",
  tx: "/if/tx",
  drops: "/if/drops",
  punts: "/if/punt",
  rxErrors: "/if/rx-error",
  txErrors: "/if/tx-error",
  rxMisses: "/if/rx-miss",
  rxNoBuffer: "/if/rx-no-buf",
} as const;

const NAMES: ReadonlySet<string> = new Set([
  ...Object.values(LB),
  ...Object.values(INTERFACE),
  "/if/names",
  "/sys/boottime",
  "/sys/num_worker_threads",
  "/mem/main heap/used",
  "/mem/main heap/total",
]);
const BUFFERS = /^\/buffer-pools\/(.+)\/(used|available)$/;

/** How long a VPP without a segment that we can read is not asked for it again. */
const RETRY_MS = 60_000;

/** Reads VPP's counters: from its statistics segment where it is to be had, else from its CLI. */
export class CounterReader {
  #reader: { readonly session: VppSession; readonly stats: StatsReader } | undefined;
  #noSegment: { readonly session: VppSession; readonly untilMs: number } | undefined;

  /** @throws what the port throws, where VPP has to be asked */
  async read(session: VppSession, observed: ObservedState | undefined): Promise<VppCounters> {
    const stats = await this.#open(session);
    if (stats !== undefined) {
      try {
        return fromSegment(await stats.read((name) => NAMES.has(name) || BUFFERS.test(name)), observed);
      } catch {
        this.close();
      }
    }
    return fromCli(session, observed);
  }

  close(): void {
    this.#reader?.stats.close();
    this.#reader = undefined;
  }

  async #open(session: VppSession): Promise<StatsReader | undefined> {
    if (this.#reader?.session === session) return this.#reader.stats;
    this.close();
    const none = this.#noSegment;
    if (none?.session === session && performance.now() < none.untilMs) return undefined;
    try {
      const stats = await StatsReader.open({ pid: session.incarnation.pid, attempts: 20 });
      this.#reader = { session, stats };
      return stats;
    } catch {
      this.#noSegment = { session, untilMs: performance.now() + RETRY_MS };
      return undefined;
    }
  }
}

function fromSegment(stats: ReadonlyMap<string, Stat>, observed: ObservedState | undefined): VppCounters {
  const scalar = (name: string): number | undefined => {
    const stat = stats.get(name);
    return stat?.type === "scalar" ? stat.value : undefined;
  };
  const vips = (observed?.vips ?? []).map((vip): [string, VipCounters] => {
    const count = (name: string) => total(stats.get(name), vip.index).packets;
    return [
      vipKey(vip),
      {
        existingSession: count(LB.existingSession),
        firstPacket: count(LB.firstPacket),
        untracked: count(LB.untracked),
        noServer: count(LB.noServer),
      },
    ];
  });
  const [startedAtS, workers] = [scalar("/sys/boottime"), scalar("/sys/num_worker_threads")];
  const heap = (what: string) => total(stats.get(`/mem/main heap/${what}`), 0).packets;
  return {
    atMs: Date.now(),
    source: "segment",
    ...(startedAtS === undefined ? {} : { startedAtS }),
    vips: new Map(vips),
    interfaces: interfacesOf(stats),
    buffers: buffersOf(stats),
    ...(stats.has("/mem/main heap/total") ? { heap: { used: heap("used"), total: heap("total") } } : {}),
    ...(workers === undefined ? {} : { workers }),
  };
}

function interfacesOf(stats: ReadonlyMap<string, Stat>): Map<string, InterfaceCounters> {
  const names = stats.get("/if/names");
  const found = new Map<string, InterfaceCounters>();
  if (names?.type !== "names") return found;
  for (const [index, name] of names.names.entries()) {
    if (name === "") continue;
    const of = (stat: string) => total(stats.get(stat), index);
    const [rx, tx] = [of(INTERFACE.rx), of(INTERFACE.tx)];
    found.set(name, {
      rxPackets: rx.packets,
      rxBytes: rx.bytes,
      txPackets: tx.packets,
      txBytes: tx.bytes,
      drops: of(INTERFACE.drops).packets,
      punts: of(INTERFACE.punts).packets,
      rxErrors: of(INTERFACE.rxErrors).packets,
      txErrors: of(INTERFACE.txErrors).packets,
      rxMisses: of(INTERFACE.rxMisses).packets,
      rxNoBuffer: of(INTERFACE.rxNoBuffer).packets,
    });
  }
  return found;
}

function buffersOf(stats: ReadonlyMap<string, Stat>): VppCounters["buffers"] {
  const pools = new Map<string, { used: number; available: number }>();
  for (const [name, stat] of stats) {
    const [, pool, what] = BUFFERS.exec(name) ?? [];
    if (pool === undefined || stat.type !== "scalar") continue;
    const before = pools.get(pool) ?? { used: 0, available: 0 };
    pools.set(pool, { ...before, [what === "used" ? "used" : "available"]: stat.value });
  }
  return pools;
}

/** The VIPs' counters are those of the last look at VPP: `show lb vips verbose` is long. */
async function fromCli({ port, incarnation }: VppSession, observed: ObservedState | undefined): Promise<VppCounters> {
  const text = await port.cli("show interface");
  const { startedAtMs } = incarnation;
  return {
    atMs: Date.now(),
    source: "cli",
    ...(startedAtMs === undefined ? {} : { startedAtS: Math.round(startedAtMs / 1000) }),
    vips: new Map((observed?.vips ?? []).map((vip) => [vipKey(vip), vip.counters])),
    interfaces: parseInterfaceCounters(text),
    buffers: new Map(),
  };
}
