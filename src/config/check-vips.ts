import { canonicalPrefix, contains, familyOf, vipKey, type DesiredState, type DesiredVip } from "../bridge/index.ts";
import { ownVips } from "./desired/vips.ts";
import { bucketsFor, stickyBytes } from "./desired/lb.ts";
import { forDuplicates, type Findings } from "./finding.ts";
import { PrefixIndex } from "./prefix-index.ts";
import type { Path } from "./locate.ts";
import type { LbFile } from "./schema.ts";

/** What VPP's lb plugin would refuse, or take and do wrong. */
export function checkVips(file: LbFile, desired: DesiredState, found: Findings): void {
  const places = ownVips(file).map(({ index }) => index);
  file.vips.forEach(({ prefix }, index) => {
    checkPrefix(prefix, index, found);
    checkOwnership(canonicalPrefix(prefix), index, desired, found);
  });
  desired.vips.forEach((vip, at) => {
    const index = places[at]!;
    checkPorts(vip, index, found);
    checkEncap(vip, index, file, found);
    checkTable(vip, ["vips", index], found);
    checkServers(vip, ["vips", index], found);
  });
  checkRivals(desired.vips, places, found);
  forDuplicates(
    file.vips,
    (vip) => vip.name,
    (index, first, name) => found.error(["vips", index, "name"], `vips[${first}] is called "${name}" too`),
  );
  checkLbConf(file, desired, found);
}

function checkPrefix(given: string, index: number, found: Findings): void {
  const canonical = canonicalPrefix(given);
  const [host = "", length] = canonical.split("/");
  const [givenHost = ""] = given.split("/");
  if (canonicalPrefix(givenHost).split("/")[0] === host) return;
  const bits = familyOf(given) === 4 ? 32 : 128;
  found.error(
    ["vips", index, "prefix"],
    `${given} has bits set beyond /${length ?? ""}: write ${canonical} for the whole prefix, or ${givenHost}/${bits} for the one address`,
  );
}

function checkPorts(vip: DesiredVip, index: number, found: Findings): void {
  if (vip.port !== undefined && vip.protocol === undefined) {
    found.error(["vips", index, "port"], "a port needs a protocol: add `protocol: tcp` or `protocol: udp`");
  }
  if (vip.protocol !== undefined && vip.port === undefined) {
    found.error(["vips", index, "protocol"], "a protocol needs a port: VPP selects by both or by neither");
  }
}

function checkEncap(vip: DesiredVip, index: number, file: LbFile, found: Findings): void {
  if (vip.encap === "l3dsr") {
    if (familyOf(vip.prefix) === 6) {
      found.error(["vips", index, "encap"], "l3dsr is for IPv4 VIPs only: use gre4 or gre6");
    }
    if (vip.dscp === undefined) {
      found.error(["vips", index], "l3dsr needs `dscp` (0..63): by it a server knows which VIP a packet is for");
    }
  } else if (vip.dscp !== undefined) {
    found.error(["vips", index, "dscp"], `dscp is for l3dsr only, not for ${vip.encap}`);
  }
  if (vip.encap !== "l3dsr") checkTunnelSource(vip.encap, `vips[${index}]`, file, found);
}

/** @param what the file's place that needs it */
export function checkTunnelSource(encap: "gre4" | "gre6", what: string, file: LbFile, found: Findings): void {
  if (file.lb?.manage === false) return;
  const field = encap === "gre4" ? "ip4Source" : "ip6Source";
  const unset = encap === "gre4" ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  if (file.lb !== undefined && file.lb[field] === unset) {
    found.error(["lb"], `${what} is ${encap}: set lb.${field}, the source address of its tunnels`);
  }
}

/** Of a VIP or a stream. */
export function checkTable(
  { tableSize, servers }: Pick<DesiredVip, "tableSize" | "servers">,
  place: Path,
  found: Findings,
): void {
  const path = [...place, "tableSize"];
  if ((tableSize & (tableSize - 1)) !== 0) {
    const below = 2 ** Math.floor(Math.log2(tableSize));
    found.error(path, `${tableSize} is not a power of two: take ${below} or ${below * 2}`);
    return;
  }
  const count = servers.filter((server) => server.state === "up").length;
  if (count > tableSize) {
    found.error(
      path,
      `${count} servers share ${tableSize} slots: ${count - tableSize} would get none. Take ${nextPower(count * 100)}`,
    );
  } else if (count > 1 && count * 4 > tableSize) {
    found.warn(
      path,
      `${tableSize} slots for ${count} servers: shares differ by up to ${Math.round((100 * count) / tableSize)} %. Take ${nextPower(count * 100)}`,
    );
  }
}

function nextPower(slots: number): number {
  return Math.min(1 << 20, 2 ** Math.ceil(Math.log2(slots)));
}

/** Of a VIP or a stream. */
export function checkServers(vip: Pick<DesiredVip, "encap" | "servers">, place: Path, found: Findings): void {
  const family = vip.encap === "gre6" ? 6 : 4;
  vip.servers.forEach((server, at) => {
    if (familyOf(server.address) !== family) {
      found.error(
        [...place, "servers", at],
        `${server.address} is IPv${familyOf(server.address)}, ${vip.encap} reaches IPv${family} servers only`,
      );
    }
  });
  forDuplicates(
    vip.servers,
    (server) => server.address,
    (at, first, address) => found.error([...place, "servers", at], `${address} is servers[${first}] already`),
  );
}

function checkOwnership(prefix: string, index: number, { ownership }: DesiredState, found: Findings): void {
  if (ownership.prefixes === undefined || ownership.prefixes.some((one) => contains(one, prefix))) return;
  found.error(
    ["vips", index, "prefix"],
    `${prefix} is outside ownership.prefixes (${ownership.prefixes.join(", ") || "none"}): add it there`,
  );
}

/** VIPs of one file that get into each other's way. */
function checkRivals(vips: readonly DesiredVip[], places: readonly number[], found: Findings): void {
  forDuplicates(vips, vipKey, (at, first, key) =>
    found.error(["vips", places[at]!, "prefix"], `${key} is vips[${places[first]!}] already`),
  );
  const prefixes = new PrefixIndex<number>();
  vips.forEach(({ prefix }, at) => prefixes.add(prefix, at));
  vips.forEach((_, at) => {
    for (const { value } of prefixes.holding(vips[at]!.prefix)) {
      const [later, first] = value > at ? [value, at] : [at, value];
      if (value !== at) checkPair(vips[later]!, places[later]!, vips[first]!, places[first]!, found);
    }
  });
}

/** Of VIPs one of which holds the other, the later and the earlier. */
function checkPair(vip: DesiredVip, index: number, other: DesiredVip, first: number, found: Findings): void {
  if (vip.prefix !== other.prefix) {
    const [inner, outer] = contains(vip.prefix, other.prefix) ? [other, vip] : [vip, other];
    found.warn(
      ["vips", index, "prefix"],
      `${inner.prefix} lies inside ${outer.prefix} (vips[${first}]): the longer prefix takes the packets`,
    );
    return;
  }
  if (vipKey(vip) === vipKey(other)) return;
  if (vip.port === undefined || other.port === undefined) {
    found.error(
      ["vips", index, "prefix"],
      `${vip.prefix} is an all-port VIP in one place and a per-port VIP in the other (vips[${first}]): VPP allows only either`,
    );
  } else if (vip.encap !== other.encap) {
    found.error(
      ["vips", index, "encap"],
      `all ports of ${vip.prefix} share one encapsulation, vips[${first}] has ${other.encap}`,
    );
  }
}

function checkLbConf(file: LbFile, desired: DesiredState, found: Findings): void {
  const { lb } = file;
  if (lb === undefined) {
    if (desired.vips.some((vip) => vip.encap !== "l3dsr") || file.streams.length > 0) {
      found.warn(
        [],
        "no `lb` section: VPP's lb_conf is left as it is. A VPP that nobody has told another sends tunnels from 255.255.255.255 " +
          "(ffff:...:ffff with gre6), which servers' kernels drop. Add lb.ip4Source (lb.ip6Source), or `lb: { manage: false }` where another sets it",
      );
    }
    return;
  }
  checkSticky(lb, found);
  checkEqualWeights(file, found);
  if (familyOf(lb.ip4Source) !== 4) found.error(["lb", "ip4Source"], `${lb.ip4Source} is not an IPv4 address`);
  if (familyOf(lb.ip6Source) !== 6) found.error(["lb", "ip6Source"], `${lb.ip6Source} is not an IPv6 address`);
}

function checkSticky(lb: NonNullable<LbFile["lb"]>, found: Findings): void {
  const { stickyBuckets: buckets, expectedFlows } = lb;
  if (buckets !== undefined && (buckets & (buckets - 1)) !== 0) {
    const below = 2 ** Math.floor(Math.log2(buckets));
    found.error(["lb", "stickyBuckets"], `${buckets} is not a power of two: take ${below} or ${below * 2}`);
    return;
  }
  if (expectedFlows === undefined) return;
  const advised = bucketsFor(expectedFlows);
  const megabytes = (size: number) => `${Math.max(0.1, stickyBytes(size) / 2 ** 20).toFixed(1)} MB on each core`;
  if (buckets !== undefined && buckets < advised) {
    found.warn(
      ["lb", "stickyBuckets"],
      `${buckets} buckets (${megabytes(buckets)}) are few for ${expectedFlows} flows: those that find their bucket of 4 full are not remembered and may move. Take ${advised} (${megabytes(advised)})`,
    );
  }
  if (expectedFlows > advised) {
    found.warn(["lb", "expectedFlows"], `VPP is given at most ${advised} buckets (${megabytes(advised)})`);
  }
}

function checkEqualWeights(file: LbFile, found: Findings): void {
  if (file.lb?.weights !== "equal") return;
  const lists = [...file.vips.map((vip) => vip.servers ?? []), ...file.streams.map((stream) => stream.servers)];
  if (lists.flat().some((server) => typeof server !== "string" && server.weight !== 100)) {
    found.warn(["lb", "weights"], "weights of servers in this file do nothing: with `equal` every server has weight 1");
  }
}
