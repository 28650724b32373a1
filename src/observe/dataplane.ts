import type { HealthSource } from "./health.ts";
import { dataplaneMetrics } from "./metrics/dataplane.ts";
import type { MetricGroup } from "./registry.ts";
import type { DataplaneSource } from "./sources.ts";

/** The embedded dataplane's metrics. A new group is one file in metrics/ and one line here. */
export const dataplaneMetricGroups: readonly MetricGroup<DataplaneSource>[] = [dataplaneMetrics];

/** Alive and ready are one here: it serves as soon as it runs. */
export function dataplaneHealth({ api, dataplane }: DataplaneSource): HealthSource {
  const checks = () => {
    const down = [...dataplane.interfaces].filter((one) => one.adminUp && !one.linkUp).map((one) => one.name);
    const message = down.length === 0 ? "no link is down" : `no link: ${down.join(", ")}`;
    return [
      { name: "api", ok: true, message: `${api.clients} clients` },
      { name: "links", ok: down.length === 0, message, required: false },
    ];
  };
  return { alive: checks, ready: checks };
}
