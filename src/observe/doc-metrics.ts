import { NEVER } from "rxjs";
import { controllerMetrics } from "./controller.ts";
import { dataplaneMetricGroups } from "./dataplane.ts";
import { makeMetrics, type Metrics } from "./registry.ts";
import { nscMetricGroups } from "./nsc.ts";
import type { ControllerSource, DataplaneSource, NscSource } from "./sources.ts";

/** Every metric of the controller, for documentation and lint: nothing is ever read of it. */
export function allControllerMetrics(): Metrics {
  const source = { events$: NEVER, measurements$: NEVER } as unknown as ControllerSource;
  return makeMetrics(controllerMetrics(true), source);
}

/** Every metric of the embedded dataplane. */
export function allDataplaneMetrics(): Metrics {
  return makeMetrics(dataplaneMetricGroups, {
    dataplane: { interfaces: [], lb: {}, errors: {} },
    api: {},
  } as unknown as DataplaneSource);
}

/** Every metric of the client agent. */
export function allNscMetrics(): Metrics {
  return makeMetrics(nscMetricGroups, { events$: NEVER } as unknown as NscSource);
}
