export { controllerHealth, controllerMetrics } from "./controller.ts";
export { dataplaneHealth, dataplaneMetricGroups } from "./dataplane.ts";
export { ObserveError, type ObserveErrorCode } from "./errors.ts";
export { healthRoutes, type Check, type HealthSource } from "./health.ts";
export { startHttpServer, type HttpAnswer, type HttpOptions, type HttpRoute, type HttpServer } from "./http.ts";
export { formatListen, parseListen, type ListenAddress } from "./listen.ts";
export { MetricSet, type Labels, type MetricSetOptions, type Tell } from "./metric-set.ts";
export { makeMetrics, type MetricGroup, type Metrics } from "./registry.ts";
export type * from "./sources.ts";
