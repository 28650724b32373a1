import { buildTable, explainFlow, bucketCounts, type MaglevAlgorithm, type MaglevTable } from "../maglev/index.ts";
import { SETTING, type DemoServer, type Family } from "./setting.ts";

/** A TCP flow of the demo's client. */
export interface DemoFlow {
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

/** What the tables say, computed here and not asked of anybody: the demo's measure. */
export class Prediction {
  readonly #tables: Record<Family, MaglevTable>;

  constructor(serving: readonly DemoServer[], algorithm: MaglevAlgorithm) {
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
    return found.hit && found.server !== undefined ? nameOf(found.server) : undefined;
  }

  /** Share 0..1 of the slots by name of the server. */
  shares(family: Family): Map<string, number> {
    const table = this.#tables[family];
    return new Map([...bucketCounts(table)].map(([address, count]) => [nameOf(address), count / table.size]));
  }

  /** Slots by address of the server, as VPP shows them. */
  buckets(family: Family): Map<string, number> {
    return bucketCounts(this.#tables[family]);
  }
}

function nameOf(address: string): string {
  return SETTING.servers.find((server) => server.ip4 === address || server.ip6 === address)?.name ?? address;
}
