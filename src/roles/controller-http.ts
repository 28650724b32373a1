import {
  controllerHealth,
  controllerMetrics,
  healthRoutes,
  makeMetrics,
  startHttpServer,
  type ControllerSource,
  type HttpServer,
} from "../observe/index.ts";

export interface ControllerHttpOptions {
  /** See `parseListen`. */
  readonly listen: string;
  readonly onFault?: (path: string, error: unknown) => void;
}

/**
 * The controller's pages: /metrics, /healthz, /readyz. A new page is a line here.
 * @throws ObserveError ADDRESS, LISTEN
 */
export async function serveControllerHttp(
  source: ControllerSource,
  options: ControllerHttpOptions,
): Promise<HttpServer> {
  const metrics = makeMetrics(controllerMetrics, source);
  const routes = [metrics.route, ...healthRoutes(controllerHealth(source))];
  try {
    const server = await startHttpServer({ ...options, title: "vpplb: controller", routes });
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
