import { missingDscpVips, setDscpVips, type DscpVip } from "../kernel/l3dsr.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { familyOf, networkText, parsePrefix } from "../kernel/prefix.ts";
import type { Offload } from "../sys/ethtool.ts";
import { defaultItem } from "./default-route.ts";
import type { Item } from "./item.ts";
import type { Plan, Vip } from "./options.ts";

const RTN_LOCAL = 2;
const TABLE_MAIN = 254;
/** A segment that is not segmented yet, or has no checksum yet, means nothing to a reader of raw frames. */
const OFFLOADS: readonly Offload[] = ["tx", "sg", "tso", "gso", "gro"];

export function linkItem(namespace: Namespace, device: string): Item {
  return {
    key: `link ${device}`,
    what: `${device} is up`,
    why: "packets from the load-balancer come by it",
    fix: `ip link set up dev ${device}`,
    look: async () => ((await namespace.link(device)).up ? "" : "it is down"),
    undo: () => ({ do: "link-down", device }),
    apply: () => namespace.setLink(device, { up: true }),
  };
}

/** Without it no packet is local: the kernel has no routes of addresses on an interface that is down. */
export function loopbackItem(namespace: Namespace): Item {
  return { ...linkItem(namespace, "lo"), why: "the VIPs are on lo, and none is local while it is down" };
}

export function offloadItem(namespace: Namespace, device: string): Item {
  const on = (): Offload[] => {
    const state = namespace.offloads(device);
    return OFFLOADS.filter((name) => state[name] === true);
  };
  return {
    key: `offloads ${device}`,
    what: `${device} has its offloads off`,
    why: "one oversize (TSO or GSO) frame stops a VPP host-interface from sending until VPP is restarted",
    fix: `ethtool -K ${device} ${OFFLOADS.map((name) => `${name} off`).join(" ")}`,
    look: () => (on().length === 0 ? "" : `on: ${on().join(", ")}`),
    undo: () => ({ do: "offloads-on", device, offloads: on() }),
    apply: () => namespace.offloadsOff(device, OFFLOADS),
  };
}

/** A prefix on lo makes all of it local for IPv4; IPv6 needs a local route (AnyIP), its loopback does not do that. */
export function vipItem(namespace: Namespace, vip: Vip): Item {
  const { prefix } = vip;
  const byRoute = vip.family === 6 && !vip.host;
  const common = {
    key: `vip ${prefix}`,
    what: `VIP ${prefix} is local`,
    why: "VPP does not translate addresses: packets arrive with the VIP as destination and are dropped otherwise",
  };
  if (byRoute) {
    const route = { dst: prefix, type: "local", dev: "lo" } as const;
    return {
      ...common,
      fix: `ip -6 route add local ${prefix} dev lo`,
      look: async () =>
        (await namespace.routes()).some((one) => one.type === RTN_LOCAL && one.dst === prefix) ? "" : "it is not",
      undo: () => ({ do: "delete-route", route }),
      apply: () => namespace.addRoute(route),
    };
  }
  return {
    ...common,
    fix: `ip addr add ${prefix} dev lo`,
    look: async () =>
      (await namespace.addresses(vip.host ? undefined : "lo")).some((one) => covers(one.prefix, vip))
        ? ""
        : `${vip.host ? "no interface has" : "lo does not have"} it`,
    undo: () => ({ do: "delete-address", device: "lo", prefix }),
    apply: () => namespace.addAddress("lo", prefix),
  };
}

/** Whether an interface's address is the VIP, whatever its length, or has the VIP's prefix. */
function covers(address: string, vip: Vip): boolean {
  return networkText(parsePrefix(vip.host ? address.replace(/\/.*/, "") : address)) === vip.prefix;
}

export function ruleItem(namespace: Namespace, table: number, vip: Vip): Item {
  const rule = { from: vip.prefix, table };
  return {
    key: `rule ${vip.prefix} ${table}`,
    what: `packets from ${vip.prefix} are routed by table ${table}`,
    why: "replies must leave towards the load-balancer's network, not by the host's default route",
    fix: `ip ${vip.family === 6 ? "-6 " : ""}rule add from ${vip.prefix} table ${table}`,
    look: async () =>
      (await namespace.rules()).some(
        (one) => one.from === rule.from && one.table === rule.table && one.to === undefined,
      )
        ? ""
        : "there is no such rule",
    undo: () => ({ do: "delete-rule", rule }),
    apply: () => namespace.addRule(rule),
  };
}

function routeItem(namespace: Namespace, plan: Plan, dst: string): Item {
  const family = familyOf(dst);
  const via = plan.gateways[family];
  const route = { dst, via, dev: plan.device };
  const wanted = networkText(parsePrefix(dst));
  return {
    key: `route ${wanted}`,
    what: `${dst} is routed by ${via ?? "the gateway"}`,
    why: "the server reaches the load-balancer's uplink by it (useful for tests, not for balancing)",
    fix: `ip route add ${dst} via ${via ?? "GATEWAY"}`,
    look: async () =>
      (await namespace.routes()).some(
        (one) => one.dst === wanted && one.via === via && one.via !== undefined && one.table === TABLE_MAIN,
      )
        ? ""
        : "there is no such route",
    undo: () => ({ do: "delete-route", route }),
    apply: () => namespace.addRoute(route),
  };
}

/** A setting of all interfaces; its former value comes back at the end. */
export function sysctlItem(namespace: Namespace, name: string, value: string, why: string): Item {
  return {
    key: `sysctl ${name}`,
    what: `${name} is ${value}`,
    why,
    fix: `sysctl -w ${name}=${value}`,
    look() {
      const found = namespace.sysctl(name);
      return found === value ? "" : `it is ${found}`;
    },
    undo: () => ({ do: "sysctl", name, value: namespace.sysctl(name) }),
    apply: () => namespace.sysctl(name, value),
  };
}

export function arpItems(namespace: Namespace): Item[] {
  return [
    sysctlItem(
      namespace,
      "net.ipv4.conf.all.arp_announce",
      "2",
      "else the kernel asks for the gateway's MAC with the VIP as sender, and VPP drops that request",
    ),
    sysctlItem(
      namespace,
      "net.ipv4.conf.all.arp_ignore",
      "1",
      "else this server answers ARP requests for the VIP and draws traffic past the load-balancer",
    ),
  ];
}

/** The reverse path filter of a device that decapsulated packets come from: the larger of "all" and its own counts. */
export function reversePathItems(namespace: Namespace, devices: readonly string[]): Item[] {
  const why = "clients are not routed to the GRE device, so a reverse path filter (1 or 2) drops their packets";
  return ["all", ...devices].map((device) => sysctlItem(namespace, `net/ipv4/conf/${device}/rp_filter`, "0", why));
}

function l3dsrItem(namespace: Namespace, device: string, l3dsr: readonly DscpVip[]): Item {
  return {
    key: "l3dsr",
    what: `VIPs are put back by DSCP on ${device}`,
    why: "with l3dsr packets come with the server's address and only the DSCP names the VIP",
    fix: l3dsr
      .map(({ vip, dscp }) => `nft add rule ip TABLE PREROUTING ip dscp ${dscp} ip daddr set ${vip}`)
      .join("; "),
    async look() {
      const missing = await missingDscpVips(namespace, device, l3dsr);
      return missing.length === 0 ? "" : `not: ${missing.map((one) => one.vip).join(", ")}`;
    },
    undo: () => ({ do: "clear-dscp" }),
    apply: () => setDscpVips(namespace, device, l3dsr),
  };
}

/** Everything but GRE itself, in the order in which it is applied. */
export function targetItems(namespace: Namespace, plan: Plan): Item[] {
  const { device, table, encaps, mtu } = plan;
  const families = ([4, 6] as const).filter((family) => plan.vips.some((vip) => vip.family === family));
  return [
    linkItem(namespace, device),
    loopbackItem(namespace),
    ...(plan.offloads === "off" ? [offloadItem(namespace, device)] : []),
    ...(families.includes(4) ? arpItems(namespace) : []),
    ...families.map((family) => {
      const hops = [{ device, gateway: plan.gateways[family] ?? "" }];
      return defaultItem(namespace, { table, family, hops, encaps, mtu });
    }),
    ...plan.routes.map((dst) => routeItem(namespace, plan, dst)),
    ...plan.vips.map((vip) => ruleItem(namespace, table, vip)),
    ...plan.vips.map((vip) => vipItem(namespace, vip)),
    ...(plan.l3dsr.length > 0 ? [l3dsrItem(namespace, device, plan.l3dsr)] : []),
  ];
}
