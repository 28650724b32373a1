import type { Row, RowKind } from "../../controller/types.ts";
import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

/** Every kind that `vpplb get` shows, by what one of it is called. */
const KINDS: Readonly<Record<RowKind, string>> = {
  vips: "vip",
  streams: "stream",
  flows: "flow",
  servers: "server",
  interfaces: "interface",
  bridges: "bridge",
  routes: "route",
  memifs: "memif",
  tables: "table",
  acls: "acl",
};

/** What is desired, what of it VPP was last seen to hold, and what of that does its work. */
export function objectMetrics(metrics: MetricSet, source: ControllerSource): void {
  const gauge = (name: string, help: string, counts: (row: Row, kind: string) => boolean) =>
    metrics.gauge(`vpplb_objects_${name}`, help, ["kind"], (tell) => {
      for (const [rows, kind] of Object.entries(KINDS) as [RowKind, string][]) {
        tell({ kind }, source.known(rows).filter((row) => row.desired !== undefined && counts(row, kind)).length);
      }
    });
  gauge("desired", "Objects that are asked for; a server once for each VIP that has it", () => true);
  gauge("programmed", "Objects asked for that VPP was last seen to hold", isProgrammed);
  gauge(
    "healthy",
    "Objects asked for that VPP holds as desired and that work: a VIP or stream has servers, a server has slots, an interface is up",
    (row, kind) => isProgrammed(row) && row.state === "ok" && works(row, kind),
  );
  metrics.gauge("vpplb_objects_foreign", "Objects of others in VPP, left alone", ["kind"], (tell) => {
    for (const [rows, kind] of Object.entries(KINDS) as [RowKind, string][]) {
      tell({ kind }, source.known(rows).filter((row) => row.owner === "foreign").length);
    }
  });
}

function isProgrammed({ observed, columns }: Row): boolean {
  return observed !== undefined && columns["used"] !== false;
}

function works({ columns, desired }: Row, kind: string): boolean {
  switch (kind) {
    case "vip":
    case "stream":
      return Number(columns["servers"] ?? 1) > 0;
    case "server":
      return Number(columns["buckets"] ?? 1) > 0;
    case "interface":
      return desired?.["up"] === false || columns["link"] !== false;
    default:
      return true;
  }
}
