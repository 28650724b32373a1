import { canonicalPrefix, familyOf, type DesiredInterface, type DesiredState } from "../bridge/index.ts";
import { crossConnects, interfaceNameOf } from "./desired/interfaces.ts";
import { familiesOf, protocolOf, toRules } from "./desired/links.ts";
import { forDuplicates, type Findings } from "./finding.ts";
import type { LbFile } from "./schema.ts";

type Rule = LbFile["acls"][number]["rules"][number];

/** Memifs, sub-interfaces, cross-connects, tables, ACLs: what VPP would refuse, or take and do otherwise. */
export function checkLinks(file: LbFile, desired: DesiredState, found: Findings): void {
  checkMemifs(file, found);
  file.interfaces.forEach((entry, index) => {
    if (entry.vlan !== undefined) checkVlan(file, index, desired, found);
    if (entry.tap !== undefined) checkTap(entry.tap.hostAddresses, index, found);
    if (entry.acl !== undefined) checkLists(file, index, desired, found);
  });
  checkCrossConnects(file, desired, found);
  const { manage = false, ...limits } = file.reassembly ?? {};
  if (manage && desired.reassembly === undefined && Object.keys(limits).length > 0) {
    found.warn(["reassembly"], "no interface has full reassembly: VPP's limits are left alone");
  }
  forDuplicates(
    file.tables,
    (table) => String(table.id),
    (index, first, id) => found.error(["tables", index, "id"], `table ${id} is tables[${first}] already`),
  );
  forDuplicates(
    file.acls,
    (acl) => acl.name,
    (index, first, name) => found.error(["acls", index, "name"], `${name} is acls[${first}] already`),
  );
  file.acls.forEach((acl, index) => {
    acl.rules.forEach((rule, at) => checkRule(rule, ["acls", index, "rules", at], found));
  });
}

function checkMemifs(file: LbFile, found: Findings): void {
  forDuplicates(
    file.memifSockets,
    (socket) => String(socket.id),
    (index, first, id) => found.error(["memifSockets", index, "id"], `socket ${id} is memifSockets[${first}] already`),
  );
  forDuplicates(
    file.memifSockets,
    (socket) => socket.filename,
    (index, first, filename) =>
      found.error(["memifSockets", index, "filename"], `${filename} is memifSockets[${first}] already`),
  );
  const roles = new Map<number, string>();
  file.interfaces.forEach(({ memif, mac, addresses, bridge }, index) => {
    if (memif === undefined) return;
    const path = ["interfaces", index, "memif"];
    if (memif.socket !== 0 && !file.memifSockets.some((socket) => socket.id === memif.socket)) {
      found.error([...path, "socket"], `no socket ${memif.socket} in memifSockets`);
    }
    const role = roles.get(memif.socket) ?? memif.role;
    roles.set(memif.socket, role);
    if (role !== memif.role) {
      found.error([...path, "role"], `socket ${memif.socket} has ${role}s already: VPP wants one role at each socket`);
    }
    if ((memif.ringSize & (memif.ringSize - 1)) !== 0) {
      found.error([...path, "ringSize"], `${memif.ringSize} is not a power of two`);
    }
    if (memif.mode === "ip" && (mac !== undefined || bridge !== undefined)) {
      found.error([...path, "mode"], "a memif in IP mode has no MAC and cannot be in a bridge");
    }
    if (memif.role === "master" && (memif.rxQueues !== 1 || memif.txQueues !== 1)) {
      found.warn(path, "the slave's queues count: rxQueues and txQueues of a master do nothing");
    }
    if (memif.mode === "ip" && addresses.length === 0) found.warn(path, "a memif in IP mode without an address");
  });
}

function checkVlan(file: LbFile, index: number, desired: DesiredState, found: Findings): void {
  const { vlan, mac, outside, up, bridge } = file.interfaces[index]!;
  const path = ["interfaces", index];
  const at = file.interfaces.findIndex((entry) => interfaceNameOf(entry) === vlan!.parent);
  const parent = file.interfaces[at];
  if (mac !== undefined) {
    found.error([...path, "mac"], `a sub-interface has its parent's MAC: set it on ${vlan!.parent}`);
  }
  if (bridge?.bvi === true) found.error([...path, "bridge"], "a sub-interface cannot be a BVI");
  if (parent === undefined) {
    found.warn([...path, "vlan", "parent"], `${vlan!.parent} is not in this file: it waits for VPP to have it`);
    return;
  }
  if (desired.interfaces[at]?.kind === "vlan" || desired.interfaces[at]?.kind === "loopback") {
    found.error([...path, "vlan", "parent"], `${vlan!.parent} cannot have sub-interfaces`);
  }
  if (up && !parent.up) {
    found.error([...path, "up"], `VPP cannot set it up while its parent ${vlan!.parent} is down`);
  }
  if (parent.outside && !outside) {
    found.warn(
      [...path, "outside"],
      `${vlan!.parent} is outside and this is not: it comes up together with what attracts traffic. Set \`outside\` on the VLAN that attracts it instead`,
    );
  }
}

function checkTap(addresses: readonly string[], index: number, found: Findings): void {
  if (new Set(addresses.map(familyOf)).size === addresses.length) return;
  found.error(["interfaces", index, "tap", "hostAddresses"], "at most one address of each family");
}

function checkCrossConnects(file: LbFile, desired: DesiredState, found: Findings): void {
  const names = file.interfaces.map(interfaceNameOf);
  const peers = crossConnects(file);
  file.interfaces.forEach((entry, index) => {
    const to = entry.crossConnect?.to;
    if (to === undefined) return;
    const path = ["interfaces", index, "crossConnect"];
    const name = names[index]!;
    if (to === name) found.error(path, "an interface cannot be cross-connected to itself");
    else if (!names.includes(to)) found.error([...path, "to"], `${to} is not in this file`);
    else if (peers.get(name) !== to || peers.get(to) !== name) {
      found.error([...path, "to"], `${peers.get(name) === to ? to : name} is in another cross-connect already`);
    }
  });
  desired.interfaces.forEach((entry, index) => {
    if (entry.crossConnect === undefined) return;
    const path = ["interfaces", index];
    const why = "an interface in a cross-connect is no routed one";
    if (entry.bridge !== undefined) found.error([...path, "bridge"], `either a bridge or a cross-connect`);
    if (entry.addresses.length > 0) found.error([...path, "addresses"], `${why}: it cannot have addresses`);
    if (entry.kind === "memif" && entry.memif.mode === "ip") found.error([...path, "memif", "mode"], why);
  });
}

const PORTS = new Set([6, 17]);
const ICMP = new Set([1, 58]);

function checkRule(rule: Rule, path: (string | number)[], found: Findings): void {
  const protocol = protocolOf(rule);
  for (const field of ["srcPorts", "dstPorts"] as const) {
    if (rule[field].length > 0 && !PORTS.has(protocol)) {
      found.error([...path, field], `VPP's ACLs match ports of tcp and udp only, this rule is for ${rule.protocol}`);
    }
    rule[field].forEach((range, at) => checkRange(range, 65_535, [...path, field, at], found));
  }
  for (const field of ["icmpType", "icmpCode"] as const) {
    if (rule[field] === undefined) continue;
    if (!ICMP.has(protocol)) found.error([...path, field], `only with \`protocol: icmp\` or \`icmp6\``);
    checkRange(rule[field], 255, [...path, field], found);
  }
  if (rule.tcpFlags !== undefined) {
    if (protocol !== 6) found.error([...path, "tcpFlags"], "only with `protocol: tcp`");
    const both = rule.tcpFlags.set.filter((flag) => rule.tcpFlags!.unset.includes(flag));
    if (both.length > 0) found.error([...path, "tcpFlags"], `${both.join(", ")} cannot be set and unset`);
  }
  if (familiesOf(rule).length === 0) {
    found.error(path, "src, dst and protocol are of different families: it matches nothing");
  }
}

function checkRange(range: number | string, most: number, path: (string | number)[], found: Findings): void {
  const [first = 0, last = first] = String(range).split("-").map(Number);
  if (last > most) found.error(path, `${range}: at most ${most}`);
  else if (first > last) found.error(path, `${range}: the first is larger than the last`);
}

function checkLists(file: LbFile, index: number, desired: DesiredState, found: Findings): void {
  const { acl } = file.interfaces[index]!;
  for (const direction of ["in", "out"] as const) {
    const path = ["interfaces", index, "acl", direction];
    const list = acl![direction];
    list.forEach((name, at) => {
      if (!file.acls.some((one) => one.name === name)) found.error([...path, at], `no ACL "${name}" in acls`);
    });
    forDuplicates(
      list,
      (name) => name,
      (at, first, name) => found.error([...path, at], `${name} is ${direction}[${first}] already`),
    );
  }
  warnNeighborDiscovery(file, index, desired.interfaces[index]!, found);
}

/** Neighbour discovery is ICMPv6: an ACL that drops it cuts IPv6 off a minute later. */
function warnNeighborDiscovery(file: LbFile, index: number, entry: DesiredInterface, found: Findings): void {
  const list = file.interfaces[index]!.acl!.in;
  if (list.length === 0 || !entry.addresses.some((address) => familyOf(address) === 6)) return;
  const rules = file.acls.filter((acl) => list.includes(acl.name)).flatMap((acl) => acl.rules.flatMap(toRules));
  const passes = rules.some((rule) => rule.permit && rule.source.includes(":") && [0, 58].includes(rule.protocol));
  if (passes) return;
  const subnet = entry.addresses.map(canonicalPrefix).find((one) => familyOf(one) === 6) ?? "";
  found.warn(
    ["interfaces", index, "acl", "in"],
    `these ACLs drop IPv6 neighbour discovery (${subnet}): permit protocol icmp6, types 133-136`,
  );
}
