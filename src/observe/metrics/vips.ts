import type { VipCounters } from "../../controller/counters.ts";
import type { Row } from "../../controller/types.ts";
import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

/** What the counters of a VIP mean, by their label. */
const PACKETS: Readonly<Record<string, keyof VipCounters>> = {
  existing: "existingSession",
  first: "firstPacket",
  untracked: "untracked",
  no_server: "noServer",
};

/** Each of our VIPs: servers, flows, packets. */
export function vipMetrics(metrics: MetricSet, source: ControllerSource): void {
  const ours = () => source.known("vips").filter((row) => row.owner === "ours");
  const gauge = (name: string, help: string, value: (row: Row) => unknown) =>
    metrics.gauge(`vpplb_vip_${name}`, help, ["vip"], (tell) => {
      for (const row of ours()) {
        const found = value(row);
        if (typeof found === "number") tell({ vip: row.key }, found);
      }
    });
  metrics.gauge(
    "vpplb_vip_info",
    "1, with the VIP's name and how packets reach its servers",
    ["vip", "name", "encap"],
    (tell) => {
      for (const { key, columns } of ours()) {
        tell({ vip: key, name: String(columns["name"] ?? ""), encap: String(columns["encap"] ?? "") }, 1);
      }
    },
  );
  gauge(
    "servers_desired",
    "Servers that are asked for",
    // A VIP that shares its stream's table has none of its own.
    ({ desired, columns }) =>
      (desired?.["servers"] as unknown[] | undefined)?.length ?? (columns["stream"] === undefined ? 0 : undefined),
  );
  gauge("servers", "Servers that take new flows, as last seen", ({ columns }) => columns["servers"]);
  gauge("table_slots", "Slots of the new-flow table", ({ columns }) => columns["tableSize"]);
  gauge(
    "sticky_flows",
    "Entries of the sticky table that refer to the VIP's servers, as last seen; it falls only when entries are reused",
    ({ columns }) => columns["flows"],
  );
  metrics.totals(
    "vpplb_vip_packets_total",
    "Packets to the VIP: of flows known by the sticky table, first of a flow, of no room in that table, without any server",
    ["vip", "flow"],
    (tell) => {
      const vips = source.counters()?.vips;
      for (const { key } of ours()) {
        const counters = vips?.get(key);
        if (counters === undefined) continue;
        for (const [flow, field] of Object.entries(PACKETS)) tell({ vip: key, flow }, counters[field]);
      }
    },
  );
  stickyMetrics(metrics, source);
}

function stickyMetrics(metrics: MetricSet, source: ControllerSource): void {
  const lb = () => source.snapshot().observed?.lbConf;
  metrics.gauge(
    "vpplb_sticky_entries",
    "Entries of the sticky table in use, over all cores, as last seen",
    [],
    (tell) => {
      const flows = lb()?.flows;
      if (flows !== undefined) tell({}, flows);
    },
  );
  metrics.gauge("vpplb_sticky_buckets", "Buckets of the sticky table of each core, of 4 entries each", [], (tell) => {
    const buckets = lb()?.stickyBuckets;
    if (buckets !== undefined) tell({}, buckets);
  });
  metrics.gauge("vpplb_sticky_timeout_seconds", "An idle flow is forgotten after so long", [], (tell) => {
    const timeoutS = lb()?.flowTimeoutS;
    // 26.06 says 0 before the first packet.
    if (timeoutS !== undefined && timeoutS > 0) tell({}, timeoutS);
  });
}

/** Each server of each of our VIPs: so many series that it is off unless asked for (`http: { perServer: true }`). */
export function serverMetrics(metrics: MetricSet, source: ControllerSource): void {
  const gauge = (name: string, help: string, column: string) =>
    metrics.gauge(`vpplb_server_${name}`, help, ["vip", "server"], (tell) => {
      for (const { owner, columns } of source.known("servers")) {
        const value = columns[column];
        if (owner !== "ours" || typeof value !== "number") continue;
        tell({ vip: String(columns["vip"]), server: String(columns["server"]) }, value);
      }
    });
  gauge("slots", "Slots of the new-flow table that lead to the server", "buckets");
  gauge("sticky_flows", "Entries of the sticky table that refer to the server", "flows");
  gauge("weight", "Weight of the server", "weight");
}
