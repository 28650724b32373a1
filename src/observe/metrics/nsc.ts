import type { MetricSet } from "../metric-set.ts";
import type { NscSource } from "../sources.ts";

/** The client agent: its connections, the host's set-up and what happened. @returns what ends the subscription */
export function nscMetrics(metrics: MetricSet, source: NscSource): () => void {
  const services = () => source.status().services;
  metrics.gauge("vpplb_nsc_ready", "1 while every service is connected and the host is set up", [], (tell) =>
    tell({}, source.status().ready ? 1 : 0),
  );
  metrics.gauge("vpplb_nsc_draining", "1 once load-balancers were asked for no new flows", [], (tell) =>
    tell({}, source.status().draining ? 1 : 0),
  );
  const labels = ["service", "device"] as const;
  metrics.gauge(
    "vpplb_nsc_connection",
    "1 for the state that the service's connection is in",
    [...labels, "state"],
    (tell) => {
      for (const { service, device, state } of services()) tell({ service, device, state }, 1);
    },
  );
  metrics.gauge("vpplb_nsc_vips", "VIPs that the connection gives", labels, (tell) => {
    for (const { service, device, offer } of services()) tell({ service, device }, offer?.vips.length ?? 0);
  });
  metrics.gauge("vpplb_nsc_gateway_up", "1 while the gateway answers; nothing where it never did", labels, (tell) => {
    for (const { service, device, alive } of services())
      if (alive !== undefined) tell({ service, device }, alive ? 1 : 0);
  });
  metrics.totals("vpplb_nsc_decapsulated_packets_total", "Packets that this process took out of GRE", [], (tell) =>
    tell({}, source.status().decapsulated.packets),
  );
  metrics.totals("vpplb_nsc_decapsulation_drops_total", "GRE packets of which nothing could be taken", [], (tell) =>
    tell({}, source.status().decapsulated.dropped),
  );
  const events = metrics.counter("vpplb_nsc_events_total", "What happened, by type: docs/nsm.md", ["event"]);
  const subscription = source.events$.subscribe(({ type }) => events.inc({ event: type }, 1));
  return () => subscription.unsubscribe();
}
