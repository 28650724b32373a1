import { buildTable, explainFlow, bucketCounts, type MaglevAlgorithm, type MaglevTable } from "../maglev/index.ts";
import { SETTING, type Family } from "./setting.ts";

/** A TCP flow of the demo's client. */
export interface DemoFlow {
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

/** A server as tables and people know it. */
export interface NamedServer {
  readonly name: string;
  readonly ip4: string;
  readonly ip6: string;
}

/** What the tables say, computed here and not asked of anybody: the demo's measure. */
export class Prediction {
  readonly #tables: Record<Family, MaglevTable>;
  readonly #names: ReadonlyMap<string, string>;

  constructor(serving: readonly NamedServer[], algorithm: MaglevAlgorithm) {
    this.#names = new Map(
      serving.flatMap(({ name, ip4, ip6 }) => [ip4, ip6].map((address) => [address, name] as const)),
    );
    const table = (key: "ip4" | "ip6") =>
      buildTable(
        serving.map((server) => ({ address: server[key] })),
        SETTING.tableSize,
        algorithm,
      );
    this.#tables = { 4: table("ip4"), 6: table("ip6") };
  }

  /** Name of the server that a new flow goes to, or undefined where nobody serves. */
  serverOf(flow: DemoFlow): string | undefined {
    const family = flow.dst.includes(":") ? 6 : 4;
    const found = explainFlow({ prefix: family === 4 ? SETTING.vip4 : SETTING.vip6 }, this.#tables[family], {
      ...flow,
      protocol: "tcp",
    });
    return found.hit && found.server !== undefined ? this.#nameOf(found.server) : undefined;
  }

  /** Slots by address of the server, as VPP shows them. */
  buckets(family: Family): Map<string, number> {
    return bucketCounts(this.#tables[family]);
  }

  #nameOf(address: string): string {
    return this.#names.get(address) ?? address;
  }
}
