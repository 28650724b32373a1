import type { Controller } from "../controller/index.ts";
import {
  CachedCounters,
  controllerHealth,
  controllerMetrics,
  makeMetrics,
  DEFAULT_MAX_SERIES,
  parseListen,
  type Check,
  type ControllerSource,
  type HttpRoute,
  type HttpServer,
  type MetricGroup,
} from "../observe/index.ts";
import { servePages } from "./pages.ts";

export interface ControllerHttpOptions {
  /** See `parseListen`. */
  readonly listen: string;
  /** Series for every server of every VIP too. Default false. */
  readonly perServer?: boolean;
  /** Series of one metric. Default 1,000. */
  readonly maxSeries?: number;
}

/** What another part of the process adds to the pages. */
export interface MorePages<S> {
  readonly metrics: MetricGroup<S>;
  readonly source: S;
  /** For `/readyz`. */
  readonly ready: () => readonly Check[];
}

/** The pages of one controller. */
export interface ControllerPages {
  /** Before `serve`. */
  add<S>(more: MorePages<S>): void;
  /** Begins to serve; where. @throws ObserveError LISTEN */
  serve(): Promise<string>;
  close(): Promise<void>;
}

/** A controller, as far as it is measured. */
type Measured = Omit<ControllerSource, "counters" | "known"> &
  Pick<Controller, "known"> &
  ConstructorParameters<typeof CachedCounters>[0];

/** The controller's HTTP server: /metrics, /healthz, /readyz. */
export class ControllerHttp {
  readonly #options: ControllerHttpOptions;

  /** @throws ObserveError ADDRESS */
  constructor(options: ControllerHttpOptions) {
    parseListen(options.listen);
    this.#options = options;
  }

  /** Counts from now on. A new page is a line here. */
  pages(controller: Measured, onFault?: (page: string, error: unknown) => void): ControllerPages {
    const { perServer, maxSeries = DEFAULT_MAX_SERIES } = this.#options;
    const counters = new CachedCounters(controller);
    const source: ControllerSource = {
      status: () => controller.status(),
      snapshot: () => controller.snapshot(),
      known: (kind) => controller.known(kind, counters.latest),
      events$: controller.events$,
      measurements$: controller.measurements$,
      counters: () => counters.latest,
    };
    const metrics = makeMetrics(controllerMetrics(perServer), source, {
      maxSeries,
      prepare: () => counters.refresh(),
    });
    const health = controllerHealth(source);
    const others: (() => readonly Check[])[] = [];
    const ready = () => [...health.ready(), ...others.flatMap((checks) => checks())];
    let server: HttpServer | undefined;
    return {
      add: (other) => {
        metrics.add(other.metrics, other.source);
        others.push(other.ready);
      },
      serve: async () => {
        server = await servePages({
          listen: this.#options.listen,
          title: "vpplb: controller",
          metrics,
          health: { ...health, ready },
          more: [digestsRoute(source)],
          ...(onFault === undefined ? {} : { onFault }),
        });
        return server.address;
      },
      close: async () => {
        await server?.close();
        metrics.close();
      },
    };
  }
}

/** What other controllers of the same VIPs compare theirs with. */
function digestsRoute(source: ControllerSource): HttpRoute {
  return {
    path: "/digests",
    summary: "each VIP's table: servers, weights, size, digest",
    answer: () => ({
      contentType: "application/json; charset=utf-8",
      body: `${JSON.stringify({ tables: source.status().tables })}\n`,
    }),
  };
}
