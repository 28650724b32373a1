/** Interfaces (VPP src/vnet/interface_cli.c, src/vnet/ethernet/interface.c, src/vnet/ip/ip46_cli.c). */
import type { Interface, InterfaceCounters } from "../../model.ts";
import { bindTable, setLinkMtu } from "../../interface-control.ts";
import { supportsAddressing } from "../../fib/interface-address.ts";
import { createLoopback, deleteLoopback } from "../../loopback.ts";
import { RV } from "../../retval.ts";
import { eachOption, interfaceName, nameOrDeleted, needInterface, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { addressText, center, left, right } from "../format.ts";
import { adminState, ip4Address, ip6Address, macAddress } from "../parsers.ts";
import type { Input } from "../unformat.ts";
import { hardwareName, rewriteText } from "./vlan.ts";

const HEADER =
  center("Name", 32) +
  center("Idx", 5) +
  center("State", 10) +
  center("MTU (L3/IP4/IP6/MPLS)", 21) +
  center("Counter", 16) +
  center("Count", 16);

/** Interfaces in the order of `show interface`: by hardware's name, byte by byte, then by index. */
export function byName(interfaces: Iterable<Interface>): Interface[] {
  const name = (one: Interface): Buffer => Buffer.from((one.sup ?? one).name);
  return [...interfaces].sort((a, b) => Buffer.compare(name(a), name(b)) || a.swIfIndex - b.swIfIndex);
}

function counterLines(counters: InterfaceCounters): string[] {
  const rows: [string, number][] = [];
  const pair = (name: string, packets: number, bytes: number): void => {
    if (packets > 0) rows.push([`${name} packets`, packets], [`${name} bytes`, bytes]);
  };
  pair("rx", counters.rxPackets, counters.rxBytes);
  pair("tx", counters.txPackets, counters.txBytes);
  const simple: [string, number][] = [
    ...([
      ["drops", counters.drops],
      ["punt", counters.punts],
      ["ip4", counters.ip4],
      ["ip6", counters.ip6],
    ] as const),
    ...([
      ["rx-no-buf", counters.rxNoBuf],
      ["rx-miss", counters.rxMiss],
    ] as const),
    ...([
      ["rx-error", counters.rxError],
      ["tx-error", counters.txError],
    ] as const),
  ].map(([name, count]) => [name, count]);
  rows.push(...simple.filter(([, count]) => count > 0));
  return rows.map(([name, count]) => left(name, 16) + right(count, 16));
}

function interfaceText(one: Interface): string {
  const { l3, ip4, ip6, mpls } = one.mtu;
  const head =
    left(one.name, 32) +
    center(one.swIfIndex, 5) +
    center(one.adminUp ? "up" : "down", 10) +
    center(`${l3}/${ip4}/${ip6}/${mpls}`, 21);
  return head + counterLines(one.counters).join(`\n${" ".repeat(68)}`);
}

function tableText(context: CliContext, proto: 4 | 6, fibIndex: number): string {
  if (fibIndex === 0) return "";
  const { fib } = context.dp;
  const tableId = (proto === 4 ? fib.tables4 : fib.tables6).get(fibIndex)?.tableId ?? 0;
  return ` ip${proto} table-id ${tableId} fib-idx ${fibIndex}`;
}

function addressLines(context: CliContext, one: Interface): string {
  const lines = [`${one.name} (${one.adminUp ? "up" : "dn"}):`];
  if (one.xconnect !== undefined) {
    lines.push(`  L2 xconnect ${nameOrDeleted(context.dp, one.xconnect)}`);
  }
  const domain = one.l2 === undefined ? undefined : context.dp.bridges.domains.get(one.l2.bdIndex);
  if (one.l2 !== undefined && domain !== undefined) {
    const { shg, portType } = one.l2;
    lines.push(`  L2 bridge bd-id ${domain.bdId} idx ${domain.bdIndex} shg ${shg} ${portType === "bvi" ? "bvi" : " "}`);
  }
  for (const [proto, fibIndex, addresses] of [
    [4, one.fibIndex4, one.addresses4],
    [6, one.fibIndex6, one.addresses6],
  ] as const) {
    for (const { address, length } of addresses) {
      lines.push(`  L3 ${addressText(address)}/${length}${tableText(context, proto, fibIndex)}`);
    }
  }
  return lines.join("\n");
}

function showInterface(context: CliContext, input: Input): void {
  const { dp, out } = context;
  const chosen: Interface[] = [];
  let addresses = false;
  let tag = false;
  let rewrite = false;
  const line = input.line();
  if (line !== undefined) {
    const option = (): boolean => {
      const [one] = line.read("%U", interfaceName(dp)) ?? [];
      if (one !== undefined) chosen.push(one);
      else if (line.match("address") || line.match("addr")) addresses = true;
      else if (line.match("vtr")) rewrite = true;
      else if (line.match("tag")) tag = true;
      else if (!line.match("verbose")) return indexOption(context, line, chosen);
      return true;
    };
    if (!eachOption(line, option)) refuse(`unknown input \`${line.error()}'`);
  }
  if (tag) {
    const last = chosen.at(-1) ?? refuse("Interface not specified...");
    return out(`${last.name}: ${last.tag === "" ? "(none)" : last.tag}`);
  }
  if (rewrite) {
    const last = chosen.at(-1) ?? refuse("Interface not specified...");
    return out(`${last.name}:  VTR ${rewriteText(dp.bridges.rewriteOf(last.swIfIndex)?.view())}`);
  }
  const shown = chosen.length > 0 ? chosen : byName(dp.interfaces);
  if (!addresses) out(HEADER);
  for (const one of shown) out(addresses ? addressLines(context, one) : interfaceText(one));
}

function indexOption({ dp }: CliContext, line: Input, chosen: Interface[]): boolean {
  const [index] = line.read("%d") ?? [];
  if (index === undefined) return false;
  chosen.push(dp.interfaces.get(index) ?? refuse(`unknown interface index \`${index}'`));
  return true;
}

function setState(context: CliContext, input: Input): void {
  const one = needInterface(context, input);
  const [up] = input.read("%U", adminState) ?? [];
  if (up === undefined) refuse(`unknown flags \`${input.error()}'`);
  if (context.dp.setAdminUp(one.swIfIndex, up) !== 0) refuse(`super-interface ${one.sup?.name} must be up`);
}

function setMtu(context: CliContext, input: Input): void {
  const named = interfaceName(context.dp);
  const link = input.read("%d %U", hardwareName(context));
  if (link !== undefined) return changeLinkMtu(context, link[1], link[0]);
  for (const [word, key] of [
    ["packet", "l3"],
    ["ip4", "ip4"],
    ["ip6", "ip6"],
    ["mpls", "mpls"],
  ] as const) {
    const found = input.read(`${word} %d %U`, named);
    if (found === undefined) continue;
    const [mtu, one] = found;
    // Whatever is not named becomes 0, "as the default" (interface_cli.c:1111).
    Object.assign(one.mtu, { l3: 0, ip4: 0, ip6: 0, mpls: 0, [key]: mtu >>> 0 });
    return;
  }
  refuse(`unknown input \`${input.error()}'`);
}

function changeLinkMtu({ dp }: CliContext, one: Interface, mtu: number): void {
  if (one.kind === "local") refuse("not supported");
  const result = setLinkMtu(one, mtu >>> 0, dp.subsOf(one));
  if (result !== 0) refuse("Unsupported (underlying driver doesn't support changing Max Frame Size)");
}

function setMac(context: CliContext, input: Input): void {
  const one = needInterface(context, input);
  const mac = input.user(macAddress) ?? refuse(`expected mac address \`${input.error()}'`);
  // A sub-interface's hardware is 0 to this command.
  if (one.kind === "local" || one.sup !== undefined)
    refuse("mac address change is not supported for interface index 0");
  context.dp.setMac(one.swIfIndex, mac);
}

function setTag({ dp }: CliContext, input: Input): void {
  const [one, tag] = input.read("%U %s", interfaceName(dp)) ?? refuse(`unknown input \`${input.error()}'`);
  one.tag = tag;
}

function clearTag({ dp }: CliContext, input: Input): void {
  const [one] = input.read("%U", interfaceName(dp)) ?? refuse(`unknown input \`${input.error()}'`);
  one.tag = "";
}

function setAddress(context: CliContext, input: Input): void {
  const { dp } = context;
  const del = input.match("del");
  const one = needInterface(context, input);
  if (del && input.match("all")) {
    for (const { address, length } of [...one.addresses4, ...one.addresses6]) {
      dp.deleteAddress(one.swIfIndex, address, length);
    }
    return;
  }
  const [address, length] =
    input.read("%U/%d", ip4Address) ??
    input.read("%U/%d", ip6Address) ??
    refuse(`expected IP4/IP6 address/length \`${input.error()}'`);
  const text = `${addressText(address)}/${length}`;
  if (length < 0 || length > (typeof address === "number" ? 32 : 128)) {
    refuse(`${text} wrong length for interface ${one.name}`);
  }
  if (one.sub !== undefined && !supportsAddressing(one))
    refuse("sub-interface without exact-match doesn't support IP addressing");
  const result = del ? dp.deleteAddress(one.swIfIndex, address, length) : dp.addAddress(one.swIfIndex, address, length);
  if (result === RV.ADDRESS_NOT_FOUND_FOR_INTERFACE) refuse(`${text} not found for interface ${one.name}`);
  if (result !== 0) refuse(conflictText(context, one, address, length) ?? `error ${result}`);
}

/** Which address of which interface stands in the way (src/vnet/ip/ip4_forward.c:600). */
function conflictText(
  { dp }: CliContext,
  one: Interface,
  address: number | Uint8Array,
  length: number,
): string | undefined {
  for (const other of dp.interfaces) {
    for (const known of typeof address === "number" ? other.addresses4 : other.addresses6) {
      if (!overlap(address, length, known.address, known.length)) continue;
      const [mine, theirs] = [`${addressText(address)}/${length}`, `${addressText(known.address)}/${known.length}`];
      return `failed to add ${mine} on ${one.name} which conflicts with ${theirs} for interface ${other.name}`;
    }
  }
  return undefined;
}

function overlap(a: number | Uint8Array, aLength: number, b: number | Uint8Array, bLength: number): boolean {
  const bits = (address: number | Uint8Array): string =>
    typeof address === "number"
      ? address.toString(2).padStart(32, "0")
      : Array.from(address, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const shorter = Math.min(aLength, bLength);
  return bits(a).slice(0, shorter) === bits(b).slice(0, shorter);
}

function setTable(proto: 4 | 6) {
  return (context: CliContext, input: Input): void => {
    const { dp } = context;
    const one = needInterface(context, input);
    const [tableId] = input.read("%d") ?? refuse(`expected table id \`${input.error()}'`);
    const result = bindTable(dp, one, proto, tableId >>> 0);
    if (result === RV.NO_SUCH_FIB) refuse(`no such table ${tableId}`);
    if (result !== 0) refuse(`IP addresses are still present on ${one.name}`);
  };
}

function createLoop({ dp, out }: CliContext, input: Input): void {
  let mac: Uint8Array | undefined;
  let instance: number | undefined;
  // VPP goes on only after an instance; after `mac` alone it looks once more (src/vnet/ethernet/interface.c:893).
  while (!input.atEnd()) {
    const [given] = input.read("mac %U", macAddress) ?? [];
    if (given !== undefined) mac = given;
    const [number] = input.read("instance %d") ?? [];
    if (number === undefined) break;
    instance = number >>> 0;
  }
  const made = createLoopback(dp, mac ?? new Uint8Array(6), instance);
  if (typeof made === "number") refuse("vnet_create_loopback_interface failed");
  out(made.name);
}

function deleteLoop({ dp }: CliContext, input: Input): void {
  let found: Interface | undefined;
  while (!input.atEnd()) {
    const [one] = input.read("intfc %U", interfaceName(dp)) ?? [];
    if (one === undefined) break;
    found = one;
  }
  if (found === undefined) refuse("interface not specified");
  if (deleteLoopback(dp, found.swIfIndex) !== 0) refuse("vnet_delete_loopback_interface failed");
}

const SHOW_HELP = "show interface [address|addr|features|feat|vtr|tag] [<interface> [<interface> [..]]] [verbose]";
const LOOP_HELP = "[mac <mac-addr>] [instance <instance>]";

export const interfaceCommands: readonly CliCommand[] = [
  { path: "interface", help: "Interface commands" },
  { path: "set interface", help: "Interface commands" },
  { path: "show interface", help: SHOW_HELP, run: showInterface },
  {
    path: "clear interfaces",
    help: "clear interfaces",
    run: ({ dp }) => [...dp.interfaces].forEach((one) => one.counters.clear()),
  },
  { path: "set interface state", help: "set interface state <interface> [up|down|punt|enable]", run: setState },
  { path: "set interface mtu", help: "set interface mtu [packet|ip4|ip6|mpls] <value> <interface>", run: setMtu },
  { path: "set interface mac address", help: "set interface mac address <interface> <mac-address>", run: setMac },
  { path: "set interface tag", help: "set interface tag <interface> <tag>", run: setTag },
  { path: "clear interface tag", help: "clear interface tag <interface>", run: clearTag },
  { path: "set interface ip", help: "IP4/IP6 commands" },
  {
    path: "set interface ip address",
    help: "set interface ip address [del] <interface> <ip-addr>/<mask> | [all]",
    run: setAddress,
  },
  { path: "set interface ip6 table", help: "set interface ip6 table <interface> <table-id>", run: setTable(6) },
  { path: "set interface ip table", help: "set interface ip table <interface> <table-id>", run: setTable(4) },
  { path: "loopback create-interface", help: `loopback create-interface ${LOOP_HELP}`, run: createLoop },
  { path: "create loopback interface", help: `create loopback interface ${LOOP_HELP}`, run: createLoop },
  { path: "loopback delete-interface", help: "loopback delete-interface intfc <interface>", run: deleteLoop },
  { path: "delete loopback interface", help: "delete loopback interface intfc <interface>", run: deleteLoop },
];
