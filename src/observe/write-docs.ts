import { readFileSync, writeFileSync } from "node:fs";
import {
  allControllerMetrics,
  allDataplaneMetrics,
  allMeshMetrics,
  allNscMetrics,
  allNseMetrics,
} from "./doc-metrics.ts";
import { eventTable, insert, metricTable } from "./docs.ts";

// `npm run docs`: writes the tables of docs/events.md and docs/metrics.md.
const events = new URL("../../docs/events.md", import.meta.url);
writeFileSync(events, insert(readFileSync(events, "utf8"), "events", eventTable()));

const metrics = new URL("../../docs/metrics.md", import.meta.url);
const [controller, dataplane] = [allControllerMetrics().registries[0]!, allDataplaneMetrics().registries[0]!];
let text = insert(readFileSync(metrics, "utf8"), "controller", metricTable([controller]));
text = insert(text, "nse", metricTable([allNseMetrics().registries[0]!]));
text = insert(text, "mesh", metricTable([allMeshMetrics().registries[0]!]));
text = insert(text, "nsc", metricTable([allNscMetrics().registries[0]!]));
writeFileSync(metrics, insert(text, "dataplane", metricTable([dataplane])));
process.exit(0);
