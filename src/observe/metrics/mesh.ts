import type { MetricSet } from "../metric-set.ts";
import type { MeshSource } from "../sources.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** Of `vpplb nsm`: registry, manager and forwarder of one machine. @returns what ends its subscriptions */
export function meshMetrics(metrics: MetricSet, source: MeshSource): () => void {
  registryGauges(metrics, source);
  linkGauges(metrics, source);
  const ends = [callMetrics(metrics, source), eventCounter(metrics, source)];
  return () => {
    for (const end of ends) end();
  };
}

function registryGauges(metrics: MetricSet, source: MeshSource): void {
  metrics.gauge("vpplb_mesh_services", "Network services that are registered", [], (tell) =>
    tell({}, source.services().size),
  );
  const help = "Endpoints that are registered for the network service: an endpoint of several is counted for each";
  metrics.gauge("vpplb_mesh_endpoints", help, ["service"], (tell) => {
    const counts = new Map([...source.services().keys()].map((service) => [service, 0]));
    for (const { networkServiceNames } of source.endpoints().values())
      for (const service of networkServiceNames) counts.set(service, (counts.get(service) ?? 0) + 1);
    for (const [service, count] of counts) tell({ service }, count);
  });
}

function linkGauges(metrics: MetricSet, source: MeshSource): void {
  const labels = ["service", "mechanism"] as const;
  metrics.gauge("vpplb_mesh_connections", "Connections, by the mechanism of the client", labels, (tell) => {
    const counts = new Map<string, { readonly service: string; readonly mechanism: string; count: number }>();
    for (const { networkService: service, mechanism: given } of source.connections().values()) {
      const mechanism = given?.type ?? "";
      const key = `${service}\0${mechanism}`;
      const entry = counts.get(key) ?? { service, mechanism, count: 0 };
      entry.count += 1;
      counts.set(key, entry);
    }
    for (const { count, ...values } of counts.values()) tell(values, count);
  });
  const how = "veth (KERNEL with KERNEL), socket (MEMIF with MEMIF: it is handed on), vpp (KERNEL with MEMIF)";
  metrics.gauge("vpplb_mesh_links", `Links that are wired, by how: ${how}`, ["by"], (tell) => {
    for (const [by, count] of Object.entries(source.links())) tell({ by }, count);
  });
  metrics.gauge(
    "vpplb_mesh_awaited_links",
    "Connections wired before the last start that no client has taken up again; they go when they expire",
    [],
    (tell) => tell({}, source.awaited()),
  );
  metrics.gauge("vpplb_mesh_monitors", "Streams on which others watch connections", [], (tell) =>
    tell({}, source.monitors()),
  );
  metrics.gauge("vpplb_mesh_vpp_connected", "1 while the VPP of --vpp answers; missing without", [], (tell) => {
    const vpp = source.vpp();
    if (vpp !== undefined) tell({}, vpp.ready ? 1 : 0);
  });
  metrics.gauge(
    "vpplb_mesh_svid_expiration_timestamp_seconds",
    "When this process's X.509-SVID expires, Unix time; missing without identities",
    [],
    (tell) => {
      const ms = source.svidExpiresMs();
      if (ms !== undefined) tell({}, ms / 1000);
    },
  );
}

function callMetrics(metrics: MetricSet, source: MeshSource): () => void {
  const calls = metrics.counter(
    "vpplb_mesh_requests_total",
    "Calls of clients (NetworkService) and endpoints (registries), by the code of their answer: OK, or why refused",
    ["service", "method", "code"],
  );
  const durations = metrics.histogram(
    "vpplb_mesh_request_duration_seconds",
    "From a call to its answer",
    ["service", "method"],
    SECONDS,
  );
  // So that what never happened is 0 and not missing.
  for (const method of ["Request", "Close"]) calls.inc({ service: "NetworkService", method, code: "OK" }, 0);
  const subscription = source.calls$.subscribe(({ service, method, code, durationMs }) => {
    calls.inc({ service, method, code }, 1);
    durations.observe({ service, method }, durationMs / 1000);
  });
  return () => subscription.unsubscribe();
}

function eventCounter(metrics: MetricSet, source: MeshSource): () => void {
  const events = metrics.counter("vpplb_mesh_events_total", "What happened, by type: docs/events.md, mesh-...", [
    "event",
  ]);
  for (const event of ["connected", "refreshed", "disconnected", "request-failed"]) events.inc({ event }, 0);
  for (const what of ["service", "endpoint"])
    for (const how of ["registered", "unregistered"]) events.inc({ event: `${what}-${how}` }, 0);
  const subscription = source.events$.subscribe(({ type }) => events.inc({ event: type }, 1));
  return () => subscription.unsubscribe();
}
