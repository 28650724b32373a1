import { buildTable, hash4, hash6, type MaglevServer } from "../maglev/index.ts";
import type { Figure } from "./figure.ts";
import { median, milliseconds, perSecond, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";

const SERVERS = 1000;
const TABLE_SIZE = 65_536;
const LOOKUPS = 2_000_000;
const PACKETS = 4096;

/** The table as VPP builds it, and what finding a flow's server costs. Pure computation: needs nothing. */
export async function benchMaglev({ rounds }: BenchContext): Promise<Figure[]> {
  const servers = (weight?: (i: number) => number): MaglevServer[] =>
    Array.from({ length: SERVERS }, (_, i) => ({
      address: `198.18.${i >> 8}.${i & 255}`,
      ...(weight === undefined ? {} : { weight: weight(i) }),
    }));
  const plain = servers();
  const equal = servers(() => 100);
  const varied = servers((i) => i % 101);
  const packets = new Uint8Array(PACKETS * 36);
  // A linear congruential generator (Numerical Recipes): the same flows in every run.
  for (let i = 0, state = 1; i < packets.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    packets[i] = state >>> 24;
  }
  const { slots } = buildTable(plain, TABLE_SIZE);
  const result = await takeTurns(rounds, {
    plain: () => milliseconds(() => buildTable(plain, TABLE_SIZE)),
    equal: () => milliseconds(() => buildTable(equal, TABLE_SIZE, "weighted")),
    varied: () => milliseconds(() => buildTable(varied, TABLE_SIZE, "weighted")),
    ip4: () => perSecond(LOOKUPS, () => lookUp(slots, packets, hash4, 12)),
    ip6: () => perSecond(LOOKUPS, () => lookUp(slots, packets, hash6, 36)),
  });
  const title = `table of ${SERVERS} servers at ${TABLE_SIZE}`;
  return [
    { name: `${title}, plain`, unit: "ms", ours: median(result.plain), goal: "<= 10 ms" },
    { name: `${title}, weights of 100`, unit: "ms", ours: median(result.equal), goal: "<= 10 ms" },
    { name: `${title}, weights 0 to 100`, unit: "ms", ours: median(result.varied), goal: "<= 10 ms" },
    { name: "lookups, IPv4 with ports", unit: "M/s", ours: median(result.ip4) / 1e6 },
    { name: "lookups, IPv6 with ports", unit: "M/s", ours: median(result.ip6) / 1e6 },
  ];
}

/** @returns a sum over the servers found, so that nothing is optimised away */
function lookUp(slots: Int32Array, packets: Uint8Array, hash: typeof hash4, stride: number): number {
  const mask = slots.length - 1;
  const count = Math.floor(packets.length / stride);
  let sum = 0;
  for (let i = 0, n = 0; i < LOOKUPS; i++, n = n + 1 === count ? 0 : n + 1) {
    sum += slots[hash(packets, n * stride, n * stride + stride - 4) & mask]!;
  }
  return sum;
}
