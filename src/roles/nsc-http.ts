import {
  makeMetrics,
  nscHealth,
  nscMetricGroups,
  nscStatusRoute,
  type HttpServer,
  type NscSource,
} from "../observe/index.ts";
import { servePages } from "./pages.ts";

/**
 * The client agent's pages: /metrics, /healthz, /readyz, /status.
 * @throws ObserveError ADDRESS, LISTEN
 */
export function serveNscHttp(source: NscSource, listen: string): Promise<HttpServer> {
  return servePages({
    listen,
    title: "vpplb: client agent",
    metrics: makeMetrics(nscMetricGroups, source),
    health: nscHealth(source),
    ready: "200 while every service is connected and the host is set up (503: not now)",
    more: [nscStatusRoute(source)],
  });
}
