import { makeMetrics, meshHealth, meshMetricGroups, type HttpServer, type MeshSource } from "../observe/index.ts";
import { servePages } from "./pages.ts";

/**
 * The pages of a machine's mesh: /metrics, /healthz, /readyz.
 * @throws ObserveError ADDRESS, LISTEN
 */
export function serveNsmHttp(source: MeshSource, listen: string): Promise<HttpServer> {
  return servePages({
    listen,
    title: "vpplb: network service mesh",
    metrics: makeMetrics(meshMetricGroups, source),
    health: meshHealth(source),
    ready: "200 while VPP is there, where one was given, and the identity is good (503: not now)",
  });
}
