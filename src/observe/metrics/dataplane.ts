import type { MetricSet } from "../metric-set.ts";
import type { DataplaneSource } from "../sources.ts";

/** The embedded dataplane's own counters. */
export function dataplaneMetrics(metrics: MetricSet, { api, dataplane }: DataplaneSource): void {
  metrics.gauge("vpplb_dataplane_api_clients", "Clients connected to the binary API", [], (tell) =>
    tell({}, api.clients),
  );
  metrics.gauge("vpplb_dataplane_interface_up", "1 while the interface is up", ["interface"], (tell) => {
    for (const { name, adminUp, linkUp } of dataplane.interfaces) tell({ interface: name }, adminUp && linkUp ? 1 : 0);
  });
}
