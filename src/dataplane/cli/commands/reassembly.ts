/** Reassembly (VPP src/vnet/ip/ip46_cli.c, src/vnet/ip/reass). */
import type { ReassemblyKind } from "../../reassembly/reassembly.ts";
import { interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import type { Input } from "../unformat.ts";

/** Full reassembly of both families: the one that is not named goes off. */
function setInterface({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const one = line.user(interfaceName(dp)) ?? refuse("Invalid interface name");
  const chosen = ["on", "off", "ip4", "ip6"].findIndex((word) => line.match(word));
  if (chosen < 0) refuse(`Unknown input \`${line.error()}'`);
  dp.reassembly.enable(one, "full", 4, chosen === 0 || chosen === 2);
  dp.reassembly.enable(one, "full", 6, chosen === 0 || chosen === 3);
}

const RULE = "---------------------";

/** The words that the four commands differ in, as VPP has them. */
function show(kind: ReassemblyKind, proto: 4 | 6) {
  return ({ dp, out }: CliContext): void => {
    const table = dp.reassembly.table(kind, proto);
    const { maxReassemblies, maxFragments, timeoutMs, expireWalkMs } = table.settings;
    const what = `${kind === "full" ? "full" : "shallow virtual"} IP${proto}`;
    const current = kind === "full" && proto === 4 ? "full IP4" : `IP${proto}`;
    const maximum = "Maximum configured";
    [RULE, `IP${proto} reassembly status`, RULE, RULE].forEach(out);
    out(`Current ${current} reassemblies count: ${table.size}`);
    out(`${maximum} concurrent ${what} reassemblies per worker-thread: ${maxReassemblies}`);
    out(`${maximum} amount of fragments per ${what} reassembly: ${maxFragments}`);
    out(`${maximum} ${what} reassembly timeout: ${timeoutMs}ms`);
    out(`${maximum} ${what} reassembly expire walk interval: ${expireWalkMs}ms`);
    if (proto === 6) out(`Buffers in use: ${[...table].reduce((sum, { fragments }) => sum + fragments, 0)}`);
  };
}

function showCommand(kind: ReassemblyKind, proto: 4 | 6): CliCommand {
  const path = `show ip${proto}-${kind === "full" ? "full" : "sv"}-reassembly`;
  return { path, help: `${path} [details]`, run: show(kind, proto) };
}

export const reassemblyCommands: readonly CliCommand[] = [
  {
    path: "set interface reassembly",
    help: "set interface reassembly <interface-name> [on|off|ip4|ip6]",
    run: setInterface,
  },
  showCommand("full", 4),
  showCommand("full", 6),
  showCommand("shallow", 4),
  showCommand("shallow", 6),
];
