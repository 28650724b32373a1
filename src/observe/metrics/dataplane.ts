import type { MetricSet } from "../metric-set.ts";
import type { DataplaneSource } from "../sources.ts";

/** The embedded dataplane's own counters: they begin anew with it, and where its CLI clears them. */
export function dataplaneMetrics(metrics: MetricSet, { api, dataplane }: DataplaneSource): void {
  metrics.gauge("vpplb_dataplane_api_clients", "Clients connected to the binary API", [], (tell) =>
    tell({}, api.clients),
  );
  interfaceMetrics(metrics, dataplane);
  metrics.totals(
    "vpplb_dataplane_events_total",
    "Drops and other events of the packet graph, as `show errors` tells them",
    ["node", "reason", "severity"],
    (tell) => {
      for (const { node, reason, severity, count } of dataplane.errors.all()) {
        if (count > 0) tell({ node, reason, severity }, count);
      }
    },
  );
  lbMetrics(metrics, dataplane);
}

type Interfaces = Pick<DataplaneSource["dataplane"], "interfaces">;

function interfaceMetrics(metrics: MetricSet, { interfaces }: Interfaces): void {
  metrics.gauge("vpplb_dataplane_interface_up", "1 while the interface is up", ["interface"], (tell) => {
    for (const { name, adminUp, linkUp } of interfaces) tell({ interface: name }, adminUp && linkUp ? 1 : 0);
  });
  const FIELDS = {
    receive_packets: ["rxPackets", "Packets that came in"],
    receive_bytes: ["rxBytes", "Bytes that came in"],
    transmit_packets: ["txPackets", "Packets that went out"],
    transmit_bytes: ["txBytes", "Bytes that went out"],
    drops: ["drops", "Packets that came in here and were dropped"],
    receive_errors: ["rxError", "Packets that came in with an error"],
    receive_misses: ["rxMiss", "Packets that the kernel dropped before they were read"],
    transmit_errors: ["txError", "Packets that could not be sent"],
  } as const;
  for (const [name, [field, help]] of Object.entries(FIELDS)) {
    metrics.totals(`vpplb_dataplane_interface_${name}_total`, help, ["interface"], (tell) => {
      for (const iface of interfaces) tell({ interface: iface.name }, iface.counters[field]);
    });
  }
}

function lbMetrics(metrics: MetricSet, { lb }: Pick<DataplaneSource["dataplane"], "lb">): void {
  metrics.gauge("vpplb_dataplane_vips", "VIPs, those included that are removed and not collected", [], (tell) =>
    tell({}, lb.vips.size),
  );
  metrics.gauge("vpplb_dataplane_sticky_buckets", "Buckets of the sticky table, of 4 entries each", [], (tell) => {
    // Made with the first packet, as in VPP.
    if (lb.sticky !== undefined) tell({}, lb.sticky.buckets);
  });
}
