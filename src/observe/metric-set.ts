import { Counter, Gauge, Histogram, Registry } from "prom-client";

export type Labels<L extends string> = Readonly<Record<L, string>>;
/** Tells one value; what it is called with later for the same labels replaces it. */
export type Tell<L extends string> = (labels: Labels<L>, value: number) => void;

export interface MetricSetOptions {
  /** Series of one metric; more are left out, and counted. Default 1,000. */
  readonly maxSeries?: number;
}

export const DEFAULT_MAX_SERIES = 1000;

/**
 * The metrics of a process. Names follow Prometheus' conventions, which a test checks: base units, counters end in
 * `_total`. The series of each metric are bounded: gauges and totals leave out the rest, in the order in which they are
 * told; counters count it under `other`.
 */
export class MetricSet {
  readonly registry = new Registry();
  readonly #maxSeries: number;
  readonly #omitted = new Map<string, number>();

  constructor({ maxSeries = DEFAULT_MAX_SERIES }: MetricSetOptions = {}) {
    this.#maxSeries = maxSeries;
  }

  /** To be called after all others are there: what they leave out is known once they are read. */
  finish(): void {
    const told = (tell: Tell<"metric">) => {
      for (const [metric, count] of this.#omitted) tell({ metric }, count);
    };
    const help = "Series left out because their metric has reached its limit";
    this.gauge("vpplb_metrics_omitted_series", help, ["metric"], told);
  }

  /** A value as it is when Prometheus asks. What `collect` does not tell any more is gone. */
  gauge<const L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    collect: (tell: Tell<L>) => void,
  ): void {
    const gauge: Gauge<L> = new Gauge({
      ...this.#described(name, help, labels),
      collect: () => this.#tellAll(gauge, name, labels, collect, (values, value) => gauge.set(values, value)),
    });
  }

  /** Counters that are kept elsewhere: `collect` tells the totals. Must never fall but where what counts begins anew. */
  totals<const L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    collect: (tell: Tell<L>) => void,
  ): void {
    const counter: Counter<L> = new Counter({
      ...this.#described(name, help, labels),
      collect: () => this.#tellAll(counter, name, labels, collect, (values, value) => counter.inc(values, value)),
    });
  }

  /** A counter of what happens here. */
  counter<const L extends string>(name: string, help: string, labels: readonly L[]): { inc: Tell<L> } {
    const counter = new Counter(this.#described(name, help, labels));
    const bound = this.#bound(labels);
    return { inc: (values, by) => counter.inc(bound(values), by) };
  }

  /** @param buckets upper bounds in the metric's unit, seconds by convention */
  histogram<const L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: readonly number[],
  ): { observe: Tell<L> } {
    const histogram = new Histogram({ ...this.#described(name, help, labels), buckets: [...buckets] });
    const bound = this.#bound(labels);
    return { observe: (values, value) => histogram.observe(bound(values), value) };
  }

  #described<L extends string>(name: string, help: string, labels: readonly L[]) {
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }

  /** Anew at each scrape, as far as the bound allows. */
  #tellAll<L extends string>(
    metric: Gauge<L> | Counter<L>,
    name: string,
    labels: readonly L[],
    collect: (tell: Tell<L>) => void,
    tell: Tell<L>,
  ): void {
    metric.reset();
    // Without labels it would be 0 until it is told.
    if (labels.length === 0) metric.remove();
    let count = 0;
    collect((values, value) => {
      if (count++ < this.#maxSeries) tell(values, value);
    });
    if (count > this.#maxSeries) this.#omitted.set(name, count - this.#maxSeries);
    else this.#omitted.delete(name);
  }

  /** Labels as they are while there are few of them, `other` for new ones afterwards. */
  #bound<L extends string>(labels: readonly L[]): (values: Labels<L>) => Labels<L> {
    const known = new Set<string>();
    const other = Object.fromEntries(labels.map((label) => [label, "other"])) as Labels<L>;
    return (values) => {
      const key = labels.map((label) => values[label]).join("\0");
      if (known.has(key)) return values;
      if (known.size >= this.#maxSeries) return other;
      known.add(key);
      return values;
    };
  }
}
