import {
  dataplaneHealth,
  dataplaneMetricGroups,
  makeMetrics,
  type DataplaneSource,
  type HttpServer,
} from "../observe/index.ts";
import { servePages } from "./pages.ts";

/**
 * The embedded dataplane's pages: /metrics, /healthz, /readyz.
 * @throws ObserveError ADDRESS, LISTEN
 */
export function serveDataplaneHttp(source: DataplaneSource, listen: string): Promise<HttpServer> {
  return servePages({
    listen,
    title: "vpplb: embedded dataplane",
    metrics: makeMetrics(dataplaneMetricGroups, source),
    health: dataplaneHealth(source),
  });
}
