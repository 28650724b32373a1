import { vipKey, vipShape, type ObservedVip, type VipShape } from "../bridge/index.ts";
import { documentOf, type Document } from "./documents.ts";
import { WAYS, type Ways } from "./ways.ts";

/** All that a VIP's new-flow table follows from, and what VPP said of it. */
export interface TableInputs extends VipShape {
  /** Whether VPP builds tables by weight (26.10); else all servers are equal. */
  readonly weighted: boolean;
  /** Address, weight (100 where VPP has none) and slots that VPP showed. Those in use only. */
  readonly servers: readonly (readonly [address: string, weight: number, slots: number])[];
}

export function tableInputs(vip: ObservedVip, weighted: boolean): TableInputs {
  return {
    ...vipShape(vip),
    weighted,
    servers: vip.servers
      .filter((server) => server.used)
      .map((server) => [server.address, server.weight ?? 100, server.buckets] as const),
  };
}

/** A VIP as VPP would show it with these inputs and no traffic. */
export function toObserved(inputs: TableInputs): ObservedVip {
  const { weighted, servers, ...vip } = inputs;
  return {
    ...vip,
    index: 0,
    removed: false,
    servers: servers.map(([address, weight, buckets]) => ({
      address,
      ...(weighted ? { weight } : {}),
      buckets,
      flows: 0,
      used: true,
    })),
    counters: { existingSession: 0, firstPacket: 0, untracked: 0, noServer: 0 },
  };
}

/** Tells by key which VIPs' inputs are other than before. */
export class TableWatch {
  readonly #digests = new Map<string, string>();
  /** The last look: of a VIP that is the same object nothing has to be computed. */
  #seen = new Map<string, { readonly vip: ObservedVip; readonly weighted: boolean }>();

  /** @param known digests by key, as recorded before */
  constructor(known: Iterable<readonly [string, string]> = []) {
    for (const [key, digest] of known) this.#digests.set(key, digest);
  }

  /** What changed since the last look, which this is from now on; a VIP that is gone has no document. */
  look(vips: readonly ObservedVip[], weighted: boolean, ways?: Ways): { vip: string; document?: Document }[] {
    const changes: { vip: string; document?: Document }[] = [];
    const seen = new Map<string, { vip: ObservedVip; weighted: boolean }>();
    for (const vip of vips) {
      const key = vipKey(vip);
      const before = this.#seen.get(key);
      seen.set(key, { vip, weighted });
      if (before?.vip === vip && before.weighted === weighted) continue;
      const document = documentOf(tableInputs(vip, weighted));
      if (this.#digests.get(key) === document.digest) continue;
      this.#digests.set(key, document.digest);
      changes.push({ vip: key, document });
    }
    if (ways !== undefined) {
      const document = documentOf(ways);
      if (this.#digests.get(WAYS) !== document.digest) changes.push({ vip: WAYS, document });
      this.#digests.set(WAYS, document.digest);
    }
    for (const key of [...this.#digests.keys()]) {
      if (seen.has(key) || (key === WAYS && ways !== undefined)) continue;
      this.#digests.delete(key);
      changes.push({ vip: key });
    }
    this.#seen = seen;
    return changes;
  }

  /** A new VPP holds nothing. */
  clear(): void {
    this.#digests.clear();
    this.#seen.clear();
  }
}
