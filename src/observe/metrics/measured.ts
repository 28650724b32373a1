import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

/** VPP answers in tens of microseconds, and in up to a second where it rebuilds large tables. */
const REQUEST_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
const STEP_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What happened since the controller started: its totals begin anew with it. */
export function measuredMetrics(metrics: MetricSet, source: ControllerSource): () => void {
  const requests = metrics.counter("vpplb_vpp_api_requests_total", "Requests and dumps to VPP that ended", [
    "message",
    "result",
  ]);
  const requestTime = metrics.histogram(
    "vpplb_vpp_api_request_duration_seconds",
    "Requests and dumps, from asking to the end of the answer, with the time waited here",
    [],
    REQUEST_BUCKETS_S,
  );
  // A histogram for each message would be some 500 series.
  const messageTime = metrics.counter(
    "vpplb_vpp_api_request_seconds_total",
    "Time of requests and dumps; divided by their number: the mean of each message",
    ["message"],
  );
  const operations = metrics.counter("vpplb_operations_total", "Operations of plans that ended", [
    "kind",
    "verb",
    "result",
  ]);
  const stepTime = metrics.histogram(
    "vpplb_step_duration_seconds",
    "Steps of a run: to look at VPP, to plan, to apply",
    ["step"],
    STEP_BUCKETS_S,
  );
  const runTime = metrics.histogram(
    "vpplb_run_duration_seconds",
    "Runs: look, plan, apply until nothing is left to do now",
    ["state"],
    STEP_BUCKETS_S,
  );
  const found = metrics.counter(
    "vpplb_drift_found_total",
    "Operations that became due though nothing was asked for: VPP was changed by others",
    ["kind"],
  );
  const repaired = metrics.counter("vpplb_drift_repaired_total", "Operations that put drift right", ["kind"]);
  const restarts = metrics.counter("vpplb_vpp_restarts_total", "Times that VPP came back as another process", []);
  const loads = metrics.counter(
    "vpplb_config_loads_total",
    "Configurations that came; refused: it moves more than maxDisruption",
    ["result"],
  );
  // Known from the beginning, so that a first increase is seen as one.
  restarts.inc({}, 0);
  for (const result of ["ok", "invalid", "unreadable", "refused"]) loads.inc({ result }, 0);

  const subscription = source.measurements$.subscribe((one) => {
    switch (one.type) {
      case "request":
        requests.inc({ message: one.name, result: one.result }, 1);
        messageTime.inc({ message: one.name }, one.durationMs / 1000);
        return requestTime.observe({}, one.durationMs / 1000);
      case "observe":
      case "plan":
      case "apply":
        return stepTime.observe({ step: one.type }, one.durationMs / 1000);
      case "run":
        return runTime.observe({ state: one.state }, one.durationMs / 1000);
      case "operation":
        return operations.inc({ kind: one.kind, verb: one.verb, result: one.ok ? "ok" : "failed" }, 1);
      case "drift":
        return found.inc({ kind: one.kind }, one.operations);
      case "repair":
        return repaired.inc({ kind: one.kind }, one.operations);
      case "restart":
        return restarts.inc({}, 1);
      case "load":
        return loads.inc({ result: one.result }, 1);
    }
  });
  apiGauges(metrics, source);
  return () => subscription.unsubscribe();
}

function apiGauges(metrics: MetricSet, source: ControllerSource): void {
  metrics.gauge("vpplb_vpp_api_pending_requests", "Requests that await VPP's answer, here or with VPP", [], (tell) =>
    tell({}, source.snapshot().traffic.pending),
  );
  metrics.totals(
    "vpplb_vpp_api_unexpected_messages_total",
    "Messages of VPP that nobody waited for any more, of unknown definition, or cut short; since the connection",
    ["reason"],
    (tell) => {
      const { late, unknown, undecodable } = source.snapshot().traffic;
      for (const [reason, count] of Object.entries({ late, unknown, undecodable })) tell({ reason }, count);
    },
  );
}
