import type { HealthSource } from "./health.ts";
import type { HttpRoute } from "./http.ts";
import { nscMetrics } from "./metrics/nsc.ts";
import type { MetricGroup } from "./registry.ts";
import type { NscSource } from "./sources.ts";

/** The client agent's metrics. */
export const nscMetricGroups: readonly MetricGroup<NscSource>[] = [nscMetrics];

/**
 * Alive: it runs, and asks for what it does not have. Ready: it has every connection, the host is set up, and it takes
 * new flows.
 */
export function nscHealth(source: NscSource): HealthSource {
  return {
    alive: () => [{ name: "agent", ok: true, message: `${source.status().services.length} services are asked for` }],
    ready: () => {
      const { problems, draining } = source.status();
      const message = problems.length === 0 ? "connected and set up" : problems.join("; ");
      return [
        { name: "connections", ok: problems.length === 0, message },
        { name: "draining", ok: !draining, message: draining ? "it takes no new flows" : "it does not drain" },
      ];
    },
  };
}

/** Everything about the connections, for people and programs. */
export function nscStatusRoute(source: NscSource): HttpRoute {
  return {
    path: "/status",
    summary: "connections, what they give, and what is wrong (JSON)",
    answer: () => ({
      contentType: "application/json; charset=utf-8",
      body: `${JSON.stringify(source.status(), undefined, 2)}\n`,
    }),
  };
}
