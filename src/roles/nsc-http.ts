import {
  healthRoutes,
  makeMetrics,
  nscHealth,
  nscMetricGroups,
  nscStatusRoute,
  startHttpServer,
  type HttpServer,
  type NscSource,
} from "../observe/index.ts";

/**
 * The client agent's pages: /metrics, /healthz, /readyz, /status.
 * @throws ObserveError ADDRESS, LISTEN
 */
export async function serveNscHttp(source: NscSource, listen: string): Promise<HttpServer> {
  const metrics = makeMetrics(nscMetricGroups, source);
  const ready = "200 while every service is connected and the host is set up (503: not now)";
  const routes = [metrics.route, ...healthRoutes(nscHealth(source), ready), nscStatusRoute(source)];
  try {
    const server = await startHttpServer({ listen, title: "vpplb: client agent", routes });
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
