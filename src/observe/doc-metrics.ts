import { NEVER } from "rxjs";
import { controllerMetrics } from "./controller.ts";
import { dataplaneMetricGroups } from "./dataplane.ts";
import { nseMetrics } from "./metrics/nse.ts";
import { makeMetrics, type Metrics } from "./registry.ts";
import { meshMetricGroups } from "./mesh.ts";
import { nscMetricGroups } from "./nsc.ts";
import type { ControllerSource, DataplaneSource, MeshSource, NscSource, NseSource } from "./sources.ts";

/** Every metric of the controller, for documentation and lint: nothing is ever read of it. */
export function allControllerMetrics(): Metrics {
  const source = { events$: NEVER, measurements$: NEVER } as unknown as ControllerSource;
  return makeMetrics(controllerMetrics(true), source);
}

/** Every metric that `vpplb nse` has beside the controller's. */
export function allNseMetrics(): Metrics {
  const source = { events$: NEVER, calls$: NEVER, hooks$: NEVER } as unknown as NseSource;
  return makeMetrics([nseMetrics], source);
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

/** Every metric of `vpplb nsm`. */
export function allMeshMetrics(): Metrics {
  return makeMetrics(meshMetricGroups, { events$: NEVER, calls$: NEVER } as unknown as MeshSource);
}
