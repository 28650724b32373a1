import { healthRoutes, startHttpServer } from "../observe/index.ts";
import type { HealthSource, HttpOptions, HttpRoute, HttpServer, Metrics } from "../observe/index.ts";

export interface Pages extends Omit<HttpOptions, "routes"> {
  readonly metrics: Metrics;
  readonly health: HealthSource;
  /** What /readyz says of itself on the index page. */
  readonly ready?: string;
  /** Beside /metrics, /healthz and /readyz. */
  readonly more?: readonly HttpRoute[];
}

/**
 * Serves a role's pages until `close`, which ends its metrics too; so does an address that cannot be served.
 * @throws ObserveError ADDRESS, LISTEN
 */
export async function servePages({ metrics, health, ready, more = [], ...http }: Pages): Promise<HttpServer> {
  try {
    const routes = [metrics.route, ...healthRoutes(health, ready), ...more];
    const server = await startHttpServer({ ...http, routes });
    return {
      address: server.address,
      close: async () => {
        await server.close();
        metrics.close();
      },
    };
  } catch (error) {
    metrics.close();
    throw error;
  }
}
