import { reassemblyOf, type DesiredState } from "../bridge/index.ts";
import { interfaceNameOf } from "./desired/interfaces.ts";
import type { Findings } from "./finding.ts";
import type { LbFile } from "./schema.ts";

/** What becomes of fragments (docs/icmp.md). */
const WHY = {
  off: "only the first fragment of a packet has ports, so that the others go where no flow with ports takes them",
  virtual: "flows know the ports of fragments then, VPP's lb does not and sends those of one packet to several servers",
} as const;

/** Ports of flows, where fragments come in as they are. */
export function adviseReassembly(file: LbFile, desired: DesiredState, found: Findings): void {
  const { flows = [], interfaces = [] } = desired.steering ?? {};
  const names = flows
    .filter((flow) => flow.destinationPorts.length + flow.sourcePorts.length > 0)
    .map((flow) => flow.name);
  if (names.length === 0) return;
  const which = names.length === 1 ? `flow ${names[0]} selects` : `${names.length} flows (${names[0]}, …) select`;
  for (const name of interfaces) {
    const index = file.interfaces.findIndex((one) => interfaceNameOf(one) === name);
    const entry = desired.interfaces.find((one) => one.name === name);
    const mode = entry === undefined ? "full" : reassemblyOf(entry);
    if (mode === "full") continue;
    found.advise(
      ["interfaces", index, ...(entry?.reassembly === undefined ? [] : ["reassembly"])],
      `${name}: ${which} by ports, and reassembly is ${mode} here: ${WHY[mode]}. Set \`reassembly: full\` (docs/config.md)`,
    );
  }
}
