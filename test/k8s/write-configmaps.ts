/** `npm run k8s`: puts the files of the ConfigMaps into the manifests. */
import { writeFileSync } from "node:fs";
import { projectRoot } from "../../src/bench/go.ts";
import { MANIFESTS, readProjectFile, withConfigMaps } from "./configmaps.ts";

for (const [manifest, sources] of Object.entries(MANIFESTS)) {
  writeFileSync(`${projectRoot}${manifest}`, withConfigMaps(readProjectFile(manifest), sources));
}
