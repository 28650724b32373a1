import type { Check, HealthSource } from "./health.ts";
import { meshMetrics } from "./metrics/mesh.ts";
import type { MetricGroup } from "./registry.ts";
import type { MeshSource } from "./sources.ts";

/** The metrics of `vpplb nsm`. */
export const meshMetricGroups: readonly MetricGroup<MeshSource>[] = [meshMetrics];

/** Alive: this process answers. Ready: it serves, the VPP that it was given is there, and its identity is good. */
export function meshHealth(source: MeshSource): HealthSource {
  const mesh = (required: boolean): Check => {
    const serves = source.urls().length > 0;
    const message = `${source.endpoints().size} endpoints, ${source.connections().size} connections`;
    return { name: "mesh", ok: serves, message: serves ? message : "it does not serve yet", required };
  };
  const vpp = (required: boolean): Check[] => {
    const state = source.vpp();
    return state === undefined ? [] : [{ name: "vpp", ok: state.ready, message: state.message, required }];
  };
  const identity = (): Check[] => {
    const endMs = source.svidExpiresMs();
    if (endMs === undefined) return [];
    const ok = endMs > Date.now();
    return [{ name: "identity", ok, message: `${ok ? "until" : "expired"} ${new Date(endMs).toISOString()}` }];
  };
  return {
    alive: () => [mesh(false), ...vpp(false)],
    ready: () => [mesh(true), ...vpp(true), ...identity()],
  };
}
