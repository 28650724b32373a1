import type { Dataplane } from "../dataplane.ts";
import type { Interface } from "../model.ts";

/** No frame may end the dataplane: it is dropped and counted, and the first one is reported. */
export function countInputError(dataplane: Dataplane, iface: Interface, error: unknown): void {
  const { graph } = dataplane;
  const counter = graph.counters.internalError;
  counter.count += 1;
  iface.counters.drops += 1;
  graph.beginBurst();
  if (counter.count === 1) process.emitWarning(error instanceof Error ? error : String(error));
}
