import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

const SYNC_STATES = ["waiting", "in-sync", "applying", "paced", "drift", "error"] as const;

/** Where the controller stands, from its status. */
export function statusMetrics(metrics: MetricSet, source: ControllerSource): void {
  vppMetrics(metrics, source);
  syncMetrics(metrics, source);
  configMetrics(metrics, source);
  replicaMetrics(metrics, source);
}

const seconds = (iso: string) => Date.parse(iso) / 1000;

function vppMetrics(metrics: MetricSet, source: ControllerSource): void {
  const vpp = () => source.status().vpp;
  metrics.gauge("vpplb_vpp_connected", "1 while VPP answers on its API socket", [], (tell) =>
    tell({}, vpp().state === "ready" ? 1 : 0),
  );
  metrics.gauge("vpplb_vpp_info", "1, with the version of the VPP that is connected", ["version"], (tell) => {
    const { version } = vpp();
    if (version !== undefined) tell({ version }, 1);
  });
  metrics.gauge(
    "vpplb_vpp_state_since_timestamp_seconds",
    "When VPP's connection came into its present state, Unix time",
    [],
    (tell) => tell({}, seconds(vpp().since)),
  );
  metrics.totals("vpplb_vpp_connects_total", "Connections made to VPP", [], (tell) => tell({}, vpp().connects));
}

function syncMetrics(metrics: MetricSet, source: ControllerSource): void {
  const sync = () => source.status().sync;
  metrics.gauge(
    "vpplb_sync_state",
    "1 for the state that the controller is in, 0 for the others",
    ["state"],
    (tell) => {
      const now = sync().state;
      for (const state of SYNC_STATES) tell({ state }, state === now ? 1 : 0);
    },
  );
  metrics.gauge("vpplb_pending_operations", "Operations that are planned and not done", [], (tell) =>
    tell({}, sync().pending.length),
  );
  metrics.gauge("vpplb_failed_operations", "Operations that failed and are tried again", [], (tell) =>
    tell({}, sync().failed.length),
  );
  metrics.gauge("vpplb_problems", "What is desired and cannot be had from this VPP", [], (tell) =>
    tell({}, sync().problems.length),
  );
  metrics.gauge("vpplb_last_observed_timestamp_seconds", "When VPP was last looked at, Unix time", [], (tell) => {
    const { lastObservedAt } = sync();
    if (lastObservedAt !== undefined) tell({}, seconds(lastObservedAt));
  });
  metrics.gauge("vpplb_last_applied_timestamp_seconds", "When VPP was last written to, Unix time", [], (tell) => {
    const { lastAppliedAt } = sync();
    if (lastAppliedAt !== undefined) tell({}, seconds(lastAppliedAt));
  });
  metrics.gauge("vpplb_drains", "Servers that are drained by command", [], (tell) =>
    tell({}, source.status().drains.length),
  );
}

function configMetrics(metrics: MetricSet, source: ControllerSource): void {
  const config = () => source.status().config;
  metrics.gauge("vpplb_config_current", "1 while the configuration file as it is now is what is applied", [], (tell) =>
    tell({}, config().error === undefined && config().loadedAt !== undefined ? 1 : 0),
  );
  metrics.gauge(
    "vpplb_config_loaded_timestamp_seconds",
    "When the configuration was last loaded, Unix time",
    [],
    (tell) => {
      const { loadedAt } = config();
      if (loadedAt !== undefined) tell({}, seconds(loadedAt));
    },
  );
  metrics.gauge("vpplb_config_warnings", "Warnings about the configuration that is applied", [], (tell) =>
    tell({}, config().warnings.length),
  );
}

function replicaMetrics(metrics: MetricSet, source: ControllerSource): void {
  const replicas = () => source.status().replicas;
  metrics.gauge("vpplb_replica_reachable", "1 while another controller told its tables", ["replica"], (tell) => {
    for (const { url, state } of replicas()) tell({ replica: url }, state === "agrees" || state === "differs" ? 1 : 0);
  });
  metrics.gauge(
    "vpplb_replica_disagrees",
    "1 for each VIP or stream whose table another controller has otherwise",
    ["replica", "vip"],
    (tell) => {
      for (const { url, disagreements } of replicas())
        for (const { vip } of disagreements) tell({ replica: url, vip }, 1);
    },
  );
}
