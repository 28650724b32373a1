/** MAC addresses of bridge domains (VPP src/vnet/l2/l2_fib.c). */
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX } from "../../model.ts";
import type { L2FibEntry } from "../../model.ts";
import { needInterface, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { center, exponential, macText } from "../format.ts";
import { macAddress } from "../parsers.ts";
import type { Input } from "../unformat.ts";

/** Text that is longer than its column, as a name with %U, is cut too. */
export function nameOf(dp: Dataplane, swIfIndex: number): string {
  return swIfIndex === NO_INDEX ? "N/A" : (dp.interfaces.get(swIfIndex)?.name ?? "N/A");
}

const FIB_HEADER =
  center("Mac-Address", 19) +
  center("BD-Idx", 7) +
  center("If-Idx", 7) +
  center("BSN-ISN", 8) +
  center("Age(min)", 9) +
  center("static", 7) +
  center("filter", 7) +
  center("bvi", 5) +
  center("Interface-Name", 30);

/** l2_fib.c:128. An entry that ages shows `-` in a domain that does not age. */
function fibRow(dp: Dataplane, entry: L2FibEntry): string {
  const domain = dp.bridges.domains.get(entry.bdIndex);
  const aging = domain !== undefined && domain.macAgeMin > 0;
  const age = entry.ageNot ? "no" : aging ? String(Math.floor((dp.now() - entry.lastSeenS) / 60)) : "-";
  const none = entry.swIfIndex === NO_INDEX || entry.filter;
  const star = (on: boolean): string => (on ? "*" : "-");
  return (
    center(macText(entry.mac), 19) +
    center(entry.bdIndex, 7) +
    center(none ? -1 : entry.swIfIndex, 7) +
    " " +
    `${String(entry.bdSeqNum).padStart(3)}/${String(entry.ifSeqNum).padEnd(3)}` +
    center(age, 9) +
    center(star(entry.static), 7) +
    center(star(entry.filter), 7) +
    center(star(entry.bvi), 5) +
    center(none ? "N/A" : nameOf(dp, entry.swIfIndex), 30)
  );
}

function showFib({ dp, out }: CliContext, input: Input): void {
  let verbose = false;
  let only: "learn" | "add" | undefined;
  let bdIndex: number | undefined;
  while (!input.atEnd()) {
    if (input.match("verbose") || input.match("all")) verbose = true;
    else if (input.match("learn")) only = "learn";
    else if (input.match("add")) only = "add";
    else {
      const [index] = input.read("bd_index %d") ?? [];
      const [id] = index === undefined ? (input.read("bd_id %d") ?? []) : [];
      if (index === undefined && id === undefined) break;
      if (id !== undefined && dp.bridges.byId(id) === undefined) refuse(`bridge domain id ${id} doesn't exist\n`);
      bdIndex = index ?? dp.bridges.byId(id ?? 0)?.bdIndex;
    }
  }
  const entries = [...dp.bridges.fib.entries];
  if (entries.length === 0) return out("no l2fib entries");
  if (verbose || only !== undefined || bdIndex !== undefined) {
    const shown = entries
      .filter((entry) => bdIndex === undefined || entry.bdIndex === bdIndex)
      .filter((entry) => only === undefined || (only === "learn") === !entry.ageNot);
    out(FIB_HEADER);
    for (const entry of shown) out(fibRow(dp, entry));
  }
  const learned = entries.filter((entry) => !entry.ageNot).length;
  const limit = `Learn limit: ${1 << 24} `;
  out(`L2FIB total/learned entries: ${entries.length}/${learned}  Last scan time: ${exponential(0, 4)}sec  ${limit}`);
}

function needMacAndDomain({ dp }: CliContext, input: Input): { mac: Uint8Array; bdIndex: number } {
  const [mac] = input.read("%U", macAddress) ?? refuse(`expected mac address \`${input.error()}'`);
  const [bdId] = input.read("%d") ?? refuse(`expected bridge domain ID \`${input.error()}'`);
  const domain = dp.bridges.byId(bdId) ?? refuse(`bridge domain ID ${bdId} invalid`);
  return { mac, bdIndex: domain.bdIndex };
}

/** What a configured entry has in place of an age and of sequence numbers. */
const CONFIGURED = { ageNot: true, bdSeqNum: 0, ifSeqNum: 0 } as const;

function addFib(context: CliContext, input: Input): void {
  const { dp } = context;
  const { mac, bdIndex } = needMacAndDomain(context, input);
  if (input.match("filter")) {
    dp.bridges.fib.add({ mac, bdIndex, swIfIndex: NO_INDEX, static: true, filter: true, ...CONFIGURED });
    return;
  }
  const one = needInterface(context, input);
  const isStatic = input.match("static");
  const bvi = !isStatic && input.match("bvi");
  const { swIfIndex } = one;
  dp.bridges.fib.add({ mac, bdIndex, swIfIndex, static: isStatic || bvi, bvi, ...CONFIGURED });
}

function deleteFib(context: CliContext, input: Input): void {
  const { mac, bdIndex } = needMacAndDomain(context, input);
  if (!context.dp.bridges.fib.delete(bdIndex, mac)) refuse("mac entry not found");
}

function flushDomain({ dp }: CliContext, input: Input): void {
  const [bdId] = input.read("%d") ?? refuse(`expecting bridge-domain id but got \`${input.error()}'`);
  const domain = dp.bridges.byId(bdId) ?? refuse(`No such bridge domain ${bdId}`);
  dp.bridges.fib.flushDomain(domain.bdIndex);
}

export const l2FibCommands: readonly CliCommand[] = [
  {
    path: "show l2fib",
    help: "show l2fib [all] | [bd_id <nn> | bd_index <nn>] [learn | add] | [raw]",
    run: showFib,
  },
  { path: "clear l2fib", help: "clear l2fib", run: ({ dp }) => dp.bridges.fib.flushAll() },
  {
    path: "l2fib add",
    help: "l2fib add <mac> <bridge-domain-id> filter | <intf> [static | bvi]",
    run: addFib,
  },
  { path: "l2fib del", help: "l2fib del <mac> <bridge-domain-id> []", run: deleteFib },
  { path: "l2fib flush-mac all", help: "l2fib flush-mac all", run: ({ dp }) => dp.bridges.fib.flushAll() },
  {
    path: "l2fib flush-mac interface",
    help: "l2fib flush-mac interface <if-name>",
    run: (context, input) => context.dp.bridges.fib.flushInterface(needInterface(context, input).swIfIndex),
  },
  { path: "l2fib flush-mac bridge-domain", help: "l2fib flush-mac bridge-domain <bd-id>", run: flushDomain },
];
