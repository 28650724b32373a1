import { collectDefaultMetrics, Registry } from "prom-client";
import type { HttpRoute } from "./http.ts";
import { MetricSet, type MetricSetOptions } from "./metric-set.ts";

/**
 * Adds its metrics to the set. Values are read from what is known in this process already: a scrape never waits for VPP.
 * @returns what ends its subscriptions and timers
 */
export type MetricGroup<S> = (metrics: MetricSet, source: S) => (() => void) | void;

export interface Metrics {
  /** The groups', and the process's own. */
  readonly registries: readonly Registry[];
  /** `/metrics` */
  readonly route: HttpRoute;
  /** Another group of another source; before the first scrape. */
  add<S>(group: MetricGroup<S>, source: S): void;
  close(): void;
}

/** The process's own: its observers cannot be ended, so there is one for good. */
let ofProcess: Registry | undefined;

function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

export interface MetricsOptions extends MetricSetOptions {
  /** Runs before each scrape, which waits for it: must have a deadline of its own. */
  readonly prepare?: () => Promise<void>;
}

/** The given groups' metrics, and those of the process: CPU, memory, descriptors, event loop. */
export function makeMetrics<S>(groups: readonly MetricGroup<S>[], source: S, options: MetricsOptions = {}): Metrics {
  const metrics = new MetricSet(options);
  const registries = [metrics.registry, processRegistry()];
  const ends = groups.map((group) => group(metrics, source)).filter((end) => end !== undefined);
  let finished = false;
  const finish = () => {
    if (!finished) metrics.finish();
    finished = true;
    return registries;
  };
  // Scrapes that come at once share one answer.
  let current: Promise<string> | undefined;
  const text = () => (current ??= textOf(finish(), options.prepare).finally(() => (current = undefined)));
  return {
    get registries() {
      return finish();
    },
    add: (group, other) => {
      const end = group(metrics, other);
      if (end !== undefined) ends.push(end);
    },
    route: {
      path: "/metrics",
      summary: "metrics in Prometheus' text format",
      answer: async () => ({ contentType: metrics.registry.contentType, body: await text() }),
    },
    close: () => {
      for (const end of ends) end();
      metrics.registry.clear();
    },
  };
}

async function textOf(registries: readonly Registry[], prepare?: () => Promise<void>): Promise<string> {
  await prepare?.();
  const texts = await Promise.all(registries.map((registry) => registry.metrics()));
  return texts.join("");
}
