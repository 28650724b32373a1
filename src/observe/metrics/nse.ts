import type { MetricSet } from "../metric-set.ts";
import type { NseSource } from "../sources.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
const HOOK_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Of the load-balancer's endpoint and its hooks. */
export function nseMetrics(metrics: MetricSet, source: NseSource): () => void {
  connectionGauges(metrics, source);
  identityGauges(metrics, source);
  const ends = [callMetrics(metrics, source), eventCounters(metrics, source), hookMetrics(metrics, source)];
  return () => {
    for (const end of ends) end();
  };
}

function connectionGauges(metrics: MetricSet, source: NseSource): void {
  metrics.gauge(
    "vpplb_nsm_connections",
    "Connections of the endpoint, by mechanism and by what the client is to the VIPs: none (its interface was never up), up, drain, down",
    ["mechanism", "server"],
    (tell) => {
      const counts = new Map<string, number>();
      for (const mechanism of ["KERNEL", "MEMIF"])
        for (const server of ["none", "up", "drain", "down"]) counts.set(`${mechanism} ${server}`, 0);
      for (const { mechanism, server } of source.connections()) {
        const key = `${mechanism} ${server}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      for (const [key, count] of counts) {
        const [mechanism = "", server = ""] = key.split(" ");
        tell({ mechanism, server }, count);
      }
    },
  );
  const count = (name: string, help: string, of: "leaving" | "addresses" | "monitors") =>
    metrics.gauge(name, help, [], (tell) => tell({}, source.counts()[of]));
  count("vpplb_nsm_leaving_connections", "Connections that ended and are not yet gone from VPP", "leaving");
  count("vpplb_nsm_addresses", "Addresses given to clients, of both families", "addresses");
  count("vpplb_nsm_monitors", "Streams on which others watch the endpoint's connections", "monitors");
}

function identityGauges(metrics: MetricSet, source: NseSource): void {
  metrics.gauge("vpplb_nsm_registered", "1 while the endpoint is registered", [], (tell) =>
    tell({}, source.registration().registered ? 1 : 0),
  );
  const time = (name: string, help: string, ms: () => number | undefined) =>
    metrics.gauge(name, help, [], (tell) => {
      const value = ms();
      if (value !== undefined) tell({}, value / 1000);
    });
  time(
    "vpplb_nsm_registration_expiration_timestamp_seconds",
    "When the endpoint's registration ends unless it is renewed, Unix time",
    () => source.registration().expiresMs,
  );
  time(
    "vpplb_nsm_svid_expiration_timestamp_seconds",
    "When this process's X.509-SVID expires, Unix time; missing without identities",
    () => source.svidExpiresMs(),
  );
  time(
    "vpplb_nsm_first_token_expiration_timestamp_seconds",
    "When the first of the clients' tokens expires, and with it the connection unless it is refreshed, Unix time",
    () => source.firstTokenExpiresMs(),
  );
}

function callMetrics(metrics: MetricSet, source: NseSource): () => void {
  const requests = metrics.counter("vpplb_nsm_requests_total", "Calls of clients, by the code of their answer", [
    "method",
    "code",
  ]);
  const durations = metrics.histogram(
    "vpplb_nsm_request_duration_seconds",
    "From a client's call to its answer",
    ["method"],
    SECONDS,
  );
  const subscription = source.calls$.subscribe(({ method, code, durationMs }) => {
    requests.inc({ method, code }, 1);
    durations.observe({ method }, durationMs / 1000);
  });
  return () => subscription.unsubscribe();
}

function eventCounters(metrics: MetricSet, source: NseSource): () => void {
  const connected = metrics.counter("vpplb_nsm_connects_total", "Connections that were new", ["mechanism"]);
  const refreshed = metrics.counter("vpplb_nsm_refreshes_total", "Connections that were asked for again, in time", []);
  const healed = metrics.counter(
    "vpplb_nsm_heals_total",
    "Connections taken up again after a restart of the agent, or with another mechanism or address",
    ["why"],
  );
  const ended = metrics.counter(
    "vpplb_nsm_ends_total",
    "Connections that ended: closed by their client, or expired because nobody refreshed them",
    ["reason"],
  );
  const down = metrics.counter("vpplb_nsm_server_downs_total", "Clients whose interface went", ["why"]);
  const drained = metrics.counter("vpplb_nsm_drains_total", "Drains at a client's word that ended", ["why"]);
  const failed = metrics.counter("vpplb_nsm_registration_failures_total", "Failures to register, each new one", []);
  // So that what never happened is 0 and not missing.
  for (const counter of [refreshed, failed]) counter.inc({}, 0);
  for (const reason of ["closed", "expired"]) ended.inc({ reason }, 0);
  const subscription = source.events$.subscribe((event) => {
    if (event.type === "connected") connected.inc({ mechanism: event.connection.mechanism }, 1);
    else if (event.type === "refreshed") refreshed.inc({}, 1);
    else if (event.type === "healed") healed.inc({ why: event.why }, 1);
    else if (event.type === "closed" || event.type === "expired") ended.inc({ reason: event.type }, 1);
    else if (event.type === "server_down") down.inc({ why: event.why }, 1);
    else if (event.type === "drained") drained.inc({ why: event.why }, 1);
    else if (event.type === "registration_failed") failed.inc({}, 1);
  });
  return () => subscription.unsubscribe();
}

function hookMetrics(metrics: MetricSet, source: NseSource): () => void {
  const runs = metrics.counter(
    "vpplb_hook_runs_total",
    "Calls of the hook by result: ok, failed, timeout, missing (it cannot be run), dropped (too many wait)",
    ["event", "result"],
  );
  const durations = metrics.histogram("vpplb_hook_duration_seconds", "How long the hook ran", ["event"], HOOK_SECONDS);
  const waits = metrics.histogram("vpplb_hook_wait_seconds", "How long a call of the hook waited", [], HOOK_SECONDS);
  metrics.gauge("vpplb_hook_running", "Hooks that run now", [], (tell) => tell({}, source.hooks().running));
  metrics.gauge("vpplb_hook_waiting", "Calls of the hook that wait", [], (tell) => tell({}, source.hooks().waiting));
  const subscription = source.hooks$.subscribe(({ call: { event }, result, durationMs, waitedMs }) => {
    if (result === "skipped") return;
    runs.inc({ event, result }, 1);
    if (result === "missing" || result === "dropped") return;
    durations.observe({ event }, durationMs / 1000);
    waits.observe({}, waitedMs / 1000);
  });
  return () => subscription.unsubscribe();
}
