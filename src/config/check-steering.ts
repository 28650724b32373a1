import {
  canonicalAddress,
  canonicalPrefix,
  contains,
  familyOf,
  hostPrefix,
  overlaps,
  type DesiredState,
} from "../bridge/index.ts";
import { checkFlows } from "./check-flows.ts";
import { adviseReassembly } from "./check-fragments.ts";
import { checkServers, checkTable, checkTunnelSource } from "./check-vips.ts";
import { NO_STREAM, steeringInterfaces } from "./desired/steering.ts";
import { interfaceNameOf } from "./desired/interfaces.ts";
import { forDuplicates, listOf, type Findings } from "./finding.ts";
import type { Path } from "./locate.ts";
import { PrefixIndex } from "./prefix-index.ts";
import type { LbFile } from "./schema.ts";
import { STREAM_KEYS } from "./schema/vips.ts";

/** Streams, flows and their VIPs: what cannot be put into VPP, and what would not do what is meant. */
export function checkSteering(file: LbFile, desired: DesiredState, found: Findings): void {
  checkStreams(file, desired, found);
  checkStreamVips(file, found);
  checkEcho(file, found);
  checkPools(file, found);
  checkInterfaces(file, found);
  checkFlows(file, desired, found);
  adviseReassembly(file, desired, found);
}

function checkStreams(file: LbFile, desired: DesiredState, found: Findings): void {
  forDuplicates(
    file.streams,
    (stream) => stream.name,
    (index, first, name) => found.error(["streams", index, "name"], `streams[${first}] is called "${name}" too`),
  );
  const used = new Set([...file.vips, ...file.flows].map((one) => one.stream));
  desired.steering?.streams.forEach((stream, index) => {
    const path = ["streams", index];
    checkTable(stream, path, found);
    checkServers(stream, path, found);
    checkTunnelSource(stream.encap, `streams[${index}]`, file, found);
    if (stream.name === NO_STREAM) {
      found.error([...path, "name"], `"${NO_STREAM}" stands for no stream where a VIP names one: call it otherwise`);
    }
    if (!used.has(stream.name)) found.warn([...path, "name"], `no VIP and no flow uses stream ${stream.name}`);
    if (new Set(stream.anchors.map(familyOf)).size < stream.anchors.length) {
      found.error([...path, "anchors"], "two addresses of one family: a stream has one of each");
    }
  });
}

/** VIPs that name a stream, and what gets into their way. */
function checkStreamVips(file: LbFile, found: Findings): void {
  const names = new Set([NO_STREAM, ...file.streams.map((stream) => stream.name)]);
  const flowed = new Set(file.flows.flatMap((flow) => flow.vips));
  file.vips.forEach((vip, index) => {
    if (vip.stream === undefined) return;
    const path = ["vips", index];
    if (!names.has(vip.stream)) {
      found.error([...path, "stream"], `there is no stream "${vip.stream}": ${listOf(file.streams)}`);
    }
    if (vip.port !== undefined || vip.protocol !== undefined) {
      found.error(path, "a VIP with a `stream` takes all protocols and ports: select them by `flows`");
    }
    for (const key of STREAM_KEYS) {
      if (vip[key] !== undefined) found.error([...path, key], `with \`stream\` the VIP has ${key} from there`);
    }
    const hasFlow = flowed.has(vip.prefix) || (vip.name !== undefined && flowed.has(vip.name));
    if (vip.stream === NO_STREAM && !hasFlow && !flowed.has(canonicalPrefix(vip.prefix))) {
      found.warn([...path, "stream"], `no flow names the VIP and it has no stream: all that is sent to it is dropped`);
    }
  });
  checkOverlaps(file, found);
}

/** A flow takes what is sent to its VIP's prefix: no other VIP may have a part of that. */
function checkOverlaps(file: LbFile, found: Findings): void {
  eachOverlap(file.vips, (at, first) => {
    const [later, earlier] = [file.vips[at]!, file.vips[first]!];
    if (later.stream === undefined && earlier.stream === undefined) return;
    const [index, other] = later.stream === undefined ? [first, at] : [at, first];
    found.error(
      ["vips", index, "prefix"],
      `${file.vips[index]!.prefix} overlaps ${file.vips[other]!.prefix} (vips[${other}]): a VIP with a \`stream\` shares no address with another`,
    );
  });
}

function checkEcho(file: LbFile, found: Findings): void {
  const asked = file.vips.flatMap(({ prefix, icmp }, index) => (icmp === undefined ? [] : [{ prefix, icmp, index }]));
  eachOverlap(asked, (at, first) => {
    const [vip, other] = [asked[at]!, asked[first]!];
    if (vip.icmp === other.icmp) return;
    found.error(
      ["vips", vip.index, "icmp"],
      `${vip.prefix} overlaps ${other.prefix}, for which vips[${other.index}] says ${other.icmp}: pings have no port to tell them apart`,
    );
  });
}

/** Calls back for those one of which holds the other, the later first; of many with one prefix for the first. */
function eachOverlap(list: readonly { readonly prefix: string }[], report: (at: number, first: number) => void): void {
  const prefixes = new PrefixIndex<number>();
  list.forEach(({ prefix }, at) => prefixes.add(prefix, at));
  list.forEach(({ prefix }, at) => {
    for (const { value } of prefixes.holding(prefix)) {
      if (value !== at) report(Math.max(value, at), Math.min(value, at));
    }
  });
}

/** Addresses inside VPP must be nobody else's. */
function checkPools(file: LbFile, found: Findings): void {
  if (!usesSteering(file)) return;
  const { anchors } = file.steering;
  const own: { path: Path; prefix: string }[] = [
    { path: ["steering", "anchors", "ip4"], prefix: anchors.ip4 },
    { path: ["steering", "anchors", "ip6"], prefix: anchors.ip6 },
    ...file.streams.flatMap((stream, index) =>
      stream.anchors.map((address, at) => ({
        path: ["streams", index, "anchors", at],
        prefix: hostPrefix(canonicalAddress(address)),
      })),
    ),
  ];
  checkPool(anchors.ip4, 4, ["steering", "anchors", "ip4"], found);
  checkPool(anchors.ip6, 6, ["steering", "anchors", "ip6"], found);
  const others = usedPrefixes(file);
  for (const { path, prefix } of own) {
    const rival = others.find((other) => overlaps(prefix, other.prefix));
    if (rival !== undefined) {
      found.error(path, `${prefix} is for use inside VPP, and ${rival.what} (${rival.prefix}) is in it`);
    }
  }
  forDuplicates(
    own.slice(2),
    (one) => one.prefix,
    (index, _, prefix) => found.error(own[index + 2]!.path, `${prefix.split("/")[0]} is another stream's already`),
  );
}

function checkPool(prefix: string, family: 4 | 6, path: Path, found: Findings): void {
  if (familyOf(prefix) !== family) {
    found.error(path, `${prefix} is not of IPv${family}`);
    return;
  }
  const room = (family === 4 ? 32 : 128) - Number(canonicalPrefix(prefix).split("/")[1]);
  if (room < 4) found.error(path, `${prefix} is too small: at least /${family === 4 ? 28 : 124}`);
}

/** Everything in the file that is an address somebody uses. */
function usedPrefixes(file: LbFile): { what: string; prefix: string }[] {
  const host = (address: string) => hostPrefix(canonicalAddress(address));
  const servers = (list: readonly (string | { address: string })[], what: string) =>
    list.map((server) => ({ what, prefix: host(typeof server === "string" ? server : server.address) }));
  return [
    ...file.vips.map(({ prefix }, index) => ({ what: `vips[${index}]`, prefix: canonicalPrefix(prefix) })),
    ...file.vips.flatMap((vip, index) => servers(vip.servers ?? [], `a server of vips[${index}]`)),
    ...file.streams.flatMap((stream, index) => servers(stream.servers, `a server of streams[${index}]`)),
    ...file.interfaces.flatMap((entry) =>
      entry.addresses.map((prefix) => ({
        what: `an address of ${interfaceNameOf(entry)}`,
        prefix: canonicalPrefix(prefix),
      })),
    ),
    // A route that holds the whole pool, as the default route does, is less specific than what is in it.
    ...file.routes
      .filter((route) => route.table === 0 && !poolsOf(file).some((pool) => contains(route.prefix, pool)))
      .map(({ prefix }, index) => ({ what: `routes[${index}]`, prefix: canonicalPrefix(prefix) })),
    ...file.neighbors.map(({ address }, index) => ({ what: `neighbors[${index}]`, prefix: host(address) })),
    ...(file.lb === undefined ? [] : [file.lb.ip4Source, file.lb.ip6Source]).map((address) => ({
      what: "the tunnels' source",
      prefix: host(address),
    })),
  ];
}

const poolsOf = ({ steering }: LbFile) => [steering.anchors.ip4, steering.anchors.ip6];

function usesSteering({ streams, flows, vips }: LbFile): boolean {
  return streams.length + flows.length > 0 || vips.some((vip) => vip.stream !== undefined || vip.icmp !== undefined);
}

function checkInterfaces(file: LbFile, found: Findings): void {
  const names = steeringInterfaces(file);
  const needed = file.flows.length > 0 || file.vips.some((vip) => vip.icmp !== undefined);
  if (needed && names.length === 0) {
    found.error(
      file.steering.interfaces === undefined ? [] : ["steering", "interfaces"],
      "flows and `icmp` need the interfaces on which packets come in: set `outside` on one, or name them in steering.interfaces",
    );
  }
  file.steering.interfaces?.forEach((name, index) => {
    const entry = file.interfaces.find((one) => interfaceNameOf(one) === name);
    const path = ["steering", "interfaces", index];
    if (entry === undefined) found.warn(path, `${name} is not in this file: its flows wait for VPP to have it`);
    else if (entry.bridge !== undefined && !entry.bridge.bvi) {
      found.error(path, `${name} is a port of bridge ${entry.bridge.id}: name the bridge's BVI`);
    }
  });
  forDuplicates(
    file.steering.interfaces ?? [],
    (name) => name,
    (index, _, name) => found.error(["steering", "interfaces", index], `${name} is there already`),
  );
}
