import type { Check, HealthSource } from "./health.ts";
import { measuredMetrics } from "./metrics/measured.ts";
import { objectMetrics } from "./metrics/objects.ts";
import { statusMetrics } from "./metrics/status.ts";
import { streamMetrics } from "./metrics/streams.ts";
import { serverMetrics, vipMetrics } from "./metrics/vips.ts";
import { vppCounterMetrics } from "./metrics/vpp.ts";
import type { MetricGroup } from "./registry.ts";
import type { ControllerSource } from "./sources.ts";

/** The controller's metrics. A new group is one file in metrics/ and one line here. */
const GROUPS: readonly MetricGroup<ControllerSource>[] = [
  statusMetrics,
  measuredMetrics,
  objectMetrics,
  vipMetrics,
  streamMetrics,
  vppCounterMetrics,
];

/** @param perServer series for every server of every VIP too */
export function controllerMetrics(perServer = false): readonly MetricGroup<ControllerSource>[] {
  return perServer ? [...GROUPS, serverMetrics] : GROUPS;
}

/** Alive: this process answers. Ready: VPP is there and holds what is desired. */
export function controllerHealth(source: Pick<ControllerSource, "status">): HealthSource {
  return {
    alive: () => {
      const status = source.status();
      const process: Check = { name: "process", ok: true, message: `up ${status.uptimeS} s` };
      return [process, { ...vppCheck(status), required: false }];
    },
    ready: () => {
      const status = source.status();
      const { state } = status.sync;
      const ok = state === "in-sync" || state === "paced";
      return [vppCheck(status), { name: "sync", ok, message: ok ? state : why(status) }];
    },
  };
}

type Status = ReturnType<ControllerSource["status"]>;

function vppCheck({ vpp }: Status): Check {
  const version = vpp.version === undefined ? "" : ` ${vpp.version}`;
  const error = vpp.error === undefined ? "" : `: ${vpp.error}`;
  return { name: "vpp", ok: vpp.state === "ready", message: `${vpp.state}${version} since ${vpp.since}${error}` };
}

function why({ sync, config }: Status): string {
  const first = sync.problems[0]?.message ?? sync.failed[0]?.error ?? config.error;
  return first === undefined ? sync.state : `${sync.state}: ${first}`;
}
