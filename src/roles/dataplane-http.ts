import {
  dataplaneHealth,
  dataplaneMetricGroups,
  healthRoutes,
  makeMetrics,
  startHttpServer,
  type DataplaneSource,
  type HttpServer,
} from "../observe/index.ts";

/**
 * The embedded dataplane's pages: /metrics, /healthz, /readyz. A new page is a line here.
 * @throws ObserveError ADDRESS, LISTEN
 */
export async function serveDataplaneHttp(source: DataplaneSource, listen: string): Promise<HttpServer> {
  const metrics = makeMetrics(dataplaneMetricGroups, source);
  const routes = [metrics.route, ...healthRoutes(dataplaneHealth(source))];
  try {
    const server = await startHttpServer({ listen, title: "vpplb: embedded dataplane", routes });
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
