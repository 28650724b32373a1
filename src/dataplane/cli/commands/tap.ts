/** TAP interfaces (VPP src/plugins/tap/cli.c). */
import { createTap, deleteTap, tapOf, type TapOptions, type TapView } from "../../tap.ts";
import type { Interface } from "../../model.ts";
import { eachOption, interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { addressText, macText } from "../format.ts";
import { ip4Address, ip6Address, macAddress } from "../parsers.ts";
import type { Input } from "../unformat.ts";

/** TAP_FLAG_* by word. */
const FLAGS = { persist: 4, attach: 8, tun: 16 } as const;
const IGNORED_WORDS = ["no-gso", "gso", "gro-coalesce", "csum-offload", "packed", "in-order", "consistent-qp"];
const IGNORED_NUMBERS = ["num-rx-queues", "num-tx-queues"];

type Wanted = { -readonly [K in keyof TapOptions]: TapOptions[K] };

function textOption(line: Input, wanted: Wanted): boolean {
  for (const [word, key] of [
    ["host-if-name", "hostIfName"],
    ["host-ns", "hostNamespace"],
    ["host-bridge", "hostBridge"],
  ] as const) {
    const [text] = line.read(`${word} %s`) ?? [];
    if (text === undefined) continue;
    wanted[key] = text;
    return true;
  }
  return false;
}

function numberOption(line: Input, wanted: Wanted): boolean {
  for (const [word, key] of [
    ["id", "id"],
    ["host-mtu-size", "hostMtu"],
    ["rx-ring-size", "rxRing"],
    ["tx-ring-size", "txRing"],
  ] as const) {
    const [value] = line.read(`${word} %u`) ?? [];
    if (value === undefined) continue;
    wanted[key] = value;
    return true;
  }
  return IGNORED_NUMBERS.some((word) => line.read(`${word} %d`) !== undefined);
}

function addressOption(line: Input, wanted: Wanted): boolean {
  const ip4 = line.read("host-ip4-addr %U/%d", ip4Address);
  const ip6 = ip4 === undefined ? line.read("host-ip6-addr %U/%d", ip6Address) : undefined;
  if (ip4 !== undefined) wanted.hostIp4 = `${addressText(ip4[0])}/${ip4[1]}`;
  else if (ip6 !== undefined) wanted.hostIp6 = `${addressText(ip6[0])}/${ip6[1]}`;
  else {
    const [gateway4] = line.read("host-ip4-gw %U", ip4Address) ?? [];
    const [gateway6] = gateway4 === undefined ? (line.read("host-ip6-gw %U", ip6Address) ?? []) : [];
    if (gateway4 !== undefined) wanted.hostIp4Gateway = addressText(gateway4);
    else if (gateway6 !== undefined) wanted.hostIp6Gateway = addressText(gateway6);
    else return macOption(line, wanted);
  }
  return true;
}

function macOption(line: Input, wanted: Wanted): boolean {
  const [host] = line.read("host-mac-addr %U", macAddress) ?? [];
  const [own] = host === undefined ? (line.read("hw-addr %U", macAddress) ?? []) : [];
  if (host !== undefined) wanted.hostMac = host;
  else if (own !== undefined) wanted.mac = own;
  else return false;
  return true;
}

function flagOption(line: Input, wanted: Wanted): boolean {
  for (const [word, bit] of Object.entries(FLAGS)) {
    if (!line.match(word)) continue;
    wanted.flags = (wanted.flags ?? 0) | bit;
    return true;
  }
  return IGNORED_WORDS.some((word) => line.match(word));
}

async function create({ dp, out }: CliContext, input: Input): Promise<void> {
  const wanted: Wanted = {};
  const line = input.line();
  if (line !== undefined) {
    const readers = [textOption, numberOption, addressOption, flagOption];
    const isRead = eachOption(line, () => readers.some((reader) => reader(line, wanted)));
    if (!isRead) refuse(`unknown input \`${line.error()}'`);
  }
  const { retval, swIfIndex, cause } = await createTap(dp, wanted);
  if (retval === -71) refuse("interface already exists");
  if (retval !== 0)
    refuse(cause?.message ?? `error ${retval}: persistent, attached and TUN devices are not offered here`);
  out(dp.interfaces.get(swIfIndex)?.name ?? "");
}

function remove({ dp }: CliContext, input: Input): void {
  const line = input.line() ?? refuse("Missing <interface>");
  let swIfIndex: number | undefined;
  const isRead = eachOption(line, () => {
    const [index] = line.read("sw_if_index %d") ?? [];
    const [one] = index === undefined ? (line.read("%U", interfaceName(dp)) ?? []) : [];
    swIfIndex = index ?? one?.swIfIndex ?? swIfIndex;
    return index !== undefined || one !== undefined;
  });
  if (!isRead) refuse(`unknown input \`${line.error()}'`);
  if (swIfIndex === undefined) refuse("please specify interface name or sw_if_index");
  if (deleteTap(dp, swIfIndex) !== 0) refuse("not a tap interface");
}

/** Without queues and descriptors, which are vhost-net's. */
function tapText({ iface, hostIfName, hostMac, options }: TapView): string {
  return [
    `Interface: ${iface.name} (ifindex ${iface.hwIfIndex})`,
    `  name "${hostIfName}"`,
    ...(options.hostNamespace === undefined ? [] : [`  host-ns "${options.hostNamespace}"`]),
    ...(options.hostMtu === undefined ? [] : [`  host-mtu-size "${options.hostMtu}"`]),
    `  host-mac-addr: ${macText(hostMac)}`,
    `  mac Address: ${macText(iface.mac)}`,
    `  admin state: ${iface.adminUp ? "up" : "down"}`,
  ].join("\n");
}

function show({ dp, out }: CliContext, input: Input): void {
  const chosen: Interface[] = [];
  while (!input.atEnd()) {
    const [one] = input.read("%U", interfaceName(dp)) ?? [];
    if (one !== undefined) chosen.push(one);
    else if (!input.match("descriptors")) refuse(`unknown input \`${input.error()}'`);
  }
  for (const iface of chosen.length > 0 ? chosen : dp.interfaces) {
    const view = tapOf(iface);
    if (view !== undefined) out(tapText(view));
  }
}

export const tapCommands: readonly CliCommand[] = [
  {
    path: "create tap",
    help:
      "create tap {id <if-id>} [hw-addr <mac-address>] [num-rx-queues <n>] [num-tx-queues <n>] [rx-ring-size <size>] " +
      "[tx-ring-size <size>] [host-ns <netns>] [host-bridge <bridge-name>] [host-ip4-addr <ip4addr/mask>] " +
      "[host-ip6-addr <ip6-addr>] [host-ip4-gw <ip4-addr>] [host-ip6-gw <ip6-addr>] " +
      "[host-mac-addr <host-mac-address>] [host-if-name <name>] [host-mtu-size <size>]",
    run: create,
  },
  { path: "delete tap", help: "delete tap {<interface> | sw_if_index <sw_idx>}", run: remove },
  { path: "show tap", help: "show tap {<interface>] [descriptors]", run: show },
];
