import type { Row } from "../../controller/types.ts";
import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

/** What the columns of a stream's packets mean, by their label. */
const PACKETS: Readonly<Record<string, string>> = {
  existing: "knownSessions",
  first: "newSessions",
  untracked: "untracked",
  no_server: "noServer",
};

/** Streams and flows: what the rows of `vpplb get` tell of them, as last seen. */
export function streamMetrics(metrics: MetricSet, source: ControllerSource): void {
  const each = (kind: "streams" | "flows", column: string, tell: (row: Row, value: number) => void): void => {
    for (const row of source.known(kind)) {
      const value = row.columns[column];
      if (typeof value === "number") tell(row, value);
    }
  };
  metrics.gauge("vpplb_stream_servers", "Servers of the stream that take new flows", ["stream"], (tell) =>
    each("streams", "servers", ({ key }, value) => tell({ stream: key }, value)),
  );
  metrics.gauge(
    "vpplb_stream_sticky_flows",
    "Entries of the sticky table that refer to the stream's servers; it falls only when entries are reused",
    ["stream"],
    (tell) => each("streams", "flows", ({ key }, value) => tell({ stream: key }, value)),
  );
  metrics.totals(
    "vpplb_stream_packets_total",
    "Packets to the stream, as vpplb_vip_packets_total tells them of a VIP",
    ["stream", "flow"],
    (tell) => {
      for (const [flow, column] of Object.entries(PACKETS)) {
        each("streams", column, ({ key }, value) => tell({ stream: key, flow }, value));
      }
    },
  );
  for (const unit of ["packets", "bytes"] as const) {
    const help = `${unit === "packets" ? "Packets" : "Bytes"} that the flow took to its stream`;
    metrics.totals(`vpplb_flow_${unit}_total`, help, ["flow"], (tell) =>
      each("flows", unit, ({ key }, value) => tell({ flow: key }, value)),
    );
  }
  metrics.totals(
    "vpplb_vip_unmatched_packets_total",
    "Packets to a VIP of streams that no flow took; to: its default stream, or dropped",
    ["vip", "to"],
    (tell) => {
      for (const { key, columns } of source.known("vips")) {
        const { toStream, dropped } = columns;
        if (typeof toStream === "number") tell({ vip: key, to: "stream" }, toStream);
        if (typeof dropped === "number") tell({ vip: key, to: "dropped" }, dropped);
      }
    },
  );
}
