/** Host-interfaces (VPP src/plugins/af_packet/cli.c). */
import { eachOption, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { macAddress } from "../parsers.ts";
import type { Input } from "../unformat.ts";

/** vnet/error.h. */
const IF_ALREADY_EXISTS = -79;
const INVALID_INTERFACE = -71;

interface HostLine {
  name: string | undefined;
  mac: Uint8Array | undefined;
}

/** Ring sizes, queues and flags are VPP's business; they are read and have no effect here. */
function hostOption(line: Input, host: HostLine): boolean {
  const [name] = line.read("name %s") ?? [];
  if (name !== undefined) {
    host.name = name;
    return true;
  }
  const ignored = ["rx-size", "tx-size", "rx-per-block", "tx-per-block", "num-rx-queues", "num-tx-queues"];
  if (ignored.some((word) => line.read(`${word} %u`) !== undefined)) return true;
  if (["qdisc-bypass-disable", "cksum-gso-disable", "v2"].some((word) => line.match(word))) return true;
  const [mac] = line.read("hw-addr %U", macAddress) ?? [];
  if (mac === undefined) return false;
  host.mac = mac;
  return true;
}

function createHost({ dp, out, hosts }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const host: HostLine = { name: undefined, mac: undefined };
  if (!eachOption(line, () => hostOption(line, host))) refuse(`unknown input \`${line.error()}'`);
  if (host.name === undefined) refuse("missing host interface name");
  const { retval, swIfIndex, cause } = hosts.create(dp, {
    hostIfName: host.name,
    ...(host.mac === undefined ? {} : { mac: host.mac }),
  });
  if (retval === INVALID_INTERFACE) refuse("Invalid interface name");
  if (retval !== 0 && retval !== IF_ALREADY_EXISTS) refuse(cause?.message ?? `error ${retval}`);
  out(dp.interfaces.get(swIfIndex)?.name ?? `host-${host.name}`);
}

function deleteHost({ dp, hosts }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let name: string | undefined;
  const option = (): boolean => {
    const [read] = line.read("name %s") ?? [];
    name = read ?? name;
    return read !== undefined;
  };
  if (!eachOption(line, option)) refuse(`unknown input \`${line.error()}'`);
  // Deleting one that is not there is no error in VPP.
  hosts.delete(dp, name ?? refuse("missing host interface name"));
}

export const hostCommands: readonly CliCommand[] = [
  {
    path: "create host-interface",
    help:
      "create host-interface [v2] name <ifname> [num-rx-queues <n>] [num-tx-queues <n>] [hw-addr <mac-addr>] " +
      "[mode ip] [qdisc-bypass-disable] [cksum-gso-disable]",
    run: createHost,
  },
  { path: "delete host-interface", help: "delete host-interface name <ifname>", run: deleteHost },
];
