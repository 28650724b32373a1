import { createHash } from "node:crypto";
import type { DiffInput } from "./kind.ts";
import { vipId } from "./keys.ts";
import { prepare } from "./prepare.ts";
import { isOurVip } from "./vip.ts";
import type { ObservedVip } from "./types.ts";

/** What decides which server a new flow of a VIP or a stream gets: replicas that agree in it send a flow the same way. */
export interface TableDigest {
  /** Key of the VIP, or `stream NAME (IPv4)`. */
  readonly vip: string;
  /** Slots. */
  readonly size: number;
  readonly srcIpSticky: boolean;
  /** `weighted`: VPP has weights (26.10). Both make the same table where all weights are 1. */
  readonly algorithm: "plain" | "weighted";
  /** Those that take new flows, by address; a weight is 1 where VPP has none. */
  readonly servers: readonly { readonly address: string; readonly weight: number }[];
  /** Equal exactly where the tables and their hash are. */
  readonly digest: string;
}

/** Digests of the tables of our VIPs and streams as VPP has them, by name. Pure. */
export function tableDigests(input: DiffInput): TableDigest[] {
  const prepared = prepare(input);
  const { weights } = prepared.observed.features;
  return prepared.observed.vips
    .filter((vip) => isOurVip(vip, prepared))
    .map((vip) => digestOf(vip, weights))
    .sort((a, b) => (a.vip < b.vip ? -1 : 1));
}

/** A VIP that VPP shows unchanged is the same object. */
const known = new WeakMap<ObservedVip, TableDigest>();

function digestOf(vip: ObservedVip, weights: boolean): TableDigest {
  const before = known.get(vip);
  if (before !== undefined && (before.algorithm === "weighted") === weights) return before;
  const digest = makeDigest(vip, weights);
  known.set(vip, digest);
  return digest;
}

function makeDigest(vip: ObservedVip, weights: boolean): TableDigest {
  const { tableSize: size, srcIpSticky } = vip;
  const servers = vip.servers
    .filter((server) => server.used)
    .map(({ address, weight }) => ({ address, weight: weights ? (weight ?? 100) : 1 }))
    .filter((server) => server.weight > 0)
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  const text = JSON.stringify([size, srcIpSticky, servers.map(({ address, weight }) => [address, weight])]);
  return {
    vip: vipId(vip),
    size,
    srcIpSticky,
    algorithm: weights ? "weighted" : "plain",
    servers,
    digest: createHash("sha256").update(text).digest("hex").slice(0, 16),
  };
}

/** One VIP or stream in which two replicas differ. */
export interface Disagreement {
  readonly vip: string;
  /** What differs, for people. */
  readonly reasons: readonly string[];
}

/** In what two replicas differ: nothing where they send every flow the same way. Pure. */
export function compareTables(mine: readonly TableDigest[], theirs: readonly TableDigest[]): Disagreement[] {
  const others = new Map(theirs.map((table) => [table.vip, table]));
  const known = new Set(mine.map((table) => table.vip));
  return [
    ...mine.flatMap((table): Disagreement[] => {
      const other = others.get(table.vip);
      if (other === undefined) return [{ vip: table.vip, reasons: ["the other has no such VIP"] }];
      return other.digest === table.digest ? [] : [{ vip: table.vip, reasons: reasons(table, other) }];
    }),
    ...theirs.filter((table) => !known.has(table.vip)).map(({ vip }) => ({ vip, reasons: ["only the other has it"] })),
  ];
}

function reasons(a: TableDigest, b: TableDigest): string[] {
  const [here, there] = [new Map(weightsOf(a)), new Map(weightsOf(b))];
  const only = (one: typeof here, other: typeof here) => [...one.keys()].filter((address) => !other.has(address));
  const [mine, theirs] = [only(here, there), only(there, here)];
  const reweighed = [...here].filter(([address, weight]) => there.has(address) && there.get(address) !== weight);
  const list: string[] = [];
  if (a.size !== b.size) list.push(`size ${a.size}, the other ${b.size}`);
  if (a.srcIpSticky !== b.srcIpSticky) list.push(`srcIpSticky ${a.srcIpSticky}, the other ${b.srcIpSticky}`);
  if (mine.length > 0) list.push(`servers that the other has not: ${mine.join(", ")}`);
  if (theirs.length > 0) list.push(`servers that only the other has: ${theirs.join(", ")}`);
  if (reweighed.length > 0 && a.algorithm !== b.algorithm) {
    list.push(
      `algorithm ${a.algorithm}, the other ${b.algorithm}: VPPs up to 26.06 know no weights; set lb.weights to equal on both`,
    );
  } else if (reweighed.length > 0) {
    list.push(
      `weights: ${reweighed.map(([address, weight]) => `${address} ${weight}, the other ${there.get(address)}`).join("; ")}`,
    );
  }
  return list.length > 0 ? list : ["its table differs"];
}

const weightsOf = ({ servers }: TableDigest) =>
  servers.map(({ address, weight }): [string, number] => [address, weight]);
