/** `show hardware-interfaces` (VPP src/vnet/interface_format.c:123, src/plugins/af_packet/device.c:107). */
import { memifOf } from "../../memif/memif.ts";
import type { Interface } from "../../model.ts";
import { SysError } from "../../../sys/errors.ts";
import { getOffloads } from "../../../sys/ethtool.ts";
import type { Offload } from "../../../sys/ethtool.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { center, left, macText } from "../format.ts";
import { memifDeviceLines, memifQueueLines } from "../text/memif.ts";
import type { Input } from "../unformat.ts";
import { byName } from "./interfaces.ts";

const HEADER = center("Name", 32) + center("Idx", 6) + center("Link", 8) + "Hardware";

/** Queues of a host-interface: one of each, on the only thread. */
const QUEUES = [
  "  RX Queues:",
  `    ${left("queue", 6)}${left("thread", 15)}${left("mode", 10)}`,
  `    ${left("0", 6)}${left("main (0)", 15)}${left("interrupt", 10)}`,
  "  TX Queues:",
  "    TX Hash: [name: hash-eth-l34 priority: 50 description: Hash ethernet L34 headers]",
  `    ${left("queue", 6)}${left("shared", 7)}${left("thread(s)", 15)}`,
  `    ${left("0", 6)}${left("no", 7)}0`,
];

/** In VPP's order and words (af_packet.h:40). */
const OFFLOADS: readonly (readonly [Offload, string])[] = [
  ["rx", "rx checksum"],
  ["tx", "tx checksum"],
  ["sg", "scatter-gather"],
  ["tso", "tcp segmentation offload"],
  ["gso", "generic segmentation offload"],
  ["gro", "generic receive offload"],
];

/** What the kernel's device leaves to hardware now; empty where there is no such device any more. */
function offloadLines(one: Interface): string[] {
  if (one.hostIfName === undefined) return [];
  try {
    const on = getOffloads(one.hostIfName);
    const lines = OFFLOADS.filter(([offload]) => on[offload] === true).map(([, words]) => `     ${words}`);
    return ["  Host Interface Offload:", "    now:", ...lines];
  } catch (error) {
    if (error instanceof SysError) return [];
    throw error;
  }
}

function hardwareText(dp: CliContext["dp"], one: Interface, verbose: boolean): string {
  const memif = one.kind === "memif" ? memifOf(dp).of(one.swIfIndex) : undefined;
  const head = left(one.name, 32) + center(one.hwIfIndex, 6) + center(one.linkUp ? "up" : "down", 8) + one.name;
  const queues = memif !== undefined ? memifQueueLines(memif) : one.kind === "host" ? QUEUES : [];
  const lines = [head, "  Link speed: unknown", ...queues];
  if (!verbose) return lines.join("\n");
  if (one.kind === "local") return [...lines, "  local"].join("\n");
  lines.push(`  Ethernet address ${macText(one.mac)}`);
  if (one.kind === "host") lines.push("  Linux PACKET socket interface v3", ...offloadLines(one));
  if (memif !== undefined) lines.push(...memifDeviceLines(memif));
  return lines.join("\n");
}

function chooseInterfaces({ dp }: CliContext, input: Input): { chosen: Interface[]; verbose: boolean } {
  const line = input.line();
  const chosen: Interface[] = [];
  let verbose = true;
  while (line !== undefined && !line.atEnd()) {
    const [named] = line.read("%U", interfaceName(dp)) ?? [];
    const [index] = named === undefined ? (line.read("%u") ?? []) : [];
    const found = named ?? [...dp.interfaces].find((one) => one.hwIfIndex === index);
    if (found !== undefined) chosen.push(found);
    else if (line.match("brief")) verbose = false;
    else if (index !== undefined || !(line.match("verbose") || line.match("detail"))) {
      // VPP ends here on an index that does not exist; words it doesn't know it names.
      refuse(index === undefined ? `unknown input \`${line.error()}'` : `unknown interface index \`${index}'`);
    }
  }
  return { chosen, verbose };
}

function showHardware(context: CliContext, input: Input): void {
  const { chosen, verbose } = chooseInterfaces(context, input);
  context.out(HEADER);
  for (const one of byName(
    chosen.length > 0 ? chosen : [...context.dp.interfaces].filter((one) => one.sup === undefined),
  )) {
    context.out(hardwareText(context.dp, one, verbose));
  }
}

const ARGUMENTS = "[<interface> [<interface> [..]]] [<sw_idx> [<sw_idx> [..]]]";

export const hardwareCommands: readonly CliCommand[] = [
  {
    path: "show hardware-interfaces",
    help: `show hardware-interfaces [brief|verbose|detail] [bond] ${ARGUMENTS}`,
    run: showHardware,
  },
  {
    // The devices keep no counters of their own.
    path: "clear hardware-interfaces",
    help: `clear hardware-interfaces ${ARGUMENTS}`,
    run: (context, input) => void chooseInterfaces(context, input),
  },
];
