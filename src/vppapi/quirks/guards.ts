import { parsePrefix } from "../codec/address.ts";
import type { Prefix } from "../codec/address.ts";
import type { Fields } from "../codec/message.ts";
import type { VppClient } from "../client.ts";
import { createHostInterface } from "./af-packet.ts";
import { attachment, dumpPolicies, policy, setAclList } from "./abf.ts";
import { bridgeFlags, createBridge, flushInterface } from "./bridge.ts";
import { refuseCli } from "./cli.ts";
import { MAX_STICKY_BUCKETS, MAX_TABLE_SIZE, isPowerOf2, refused, vipPrefix } from "./lb-encoding.ts";
import { createMemif } from "./memif.ts";
import { parseLbVips } from "./lb-text.ts";
import { changeRoute, flushTable } from "./routes.ts";
import { bridgeLocal, createSub, createVlan } from "./sub-interfaces.ts";
import { bindTable } from "./tables.ts";

/**
 * Looks at a request before it is sent. Requests that need a look into VPP are sent once that is done, that is after
 * later requests that need none.
 * @throws VppError REFUSED
 */
export type Guard = (fields: Readonly<Fields>, client: VppClient) => Promise<void> | undefined;

const KEEP = 0xffff_ffff;

/** lb.c:474, lbhash.h:77: a table of 0 buckets is written to at the next packet (SIGSEGV); from 2^26 on its size overflows. */
function lbConf(fields: Readonly<Fields>): undefined {
  const buckets = Number(fields["sticky_buckets_per_core"] ?? KEEP);
  if (buckets === KEEP || (isPowerOf2(buckets) && buckets <= MAX_STICKY_BUCKETS)) return undefined;
  throw refused("lb_conf", `sticky_buckets_per_core ${buckets} is no power of 2 up to ${MAX_STICKY_BUCKETS}`);
}

/**
 * lb.c:1089, clib.h:234: 0 counts as a power of 2, and the table of 0 entries aborts VPP; there is no upper bound.
 * lb.c:305-336: NAT mappings are keyed by server and port, not by VIP; collecting two that share one aborts VPP.
 */
function lbAddVip(name: string): Guard {
  return (fields) => {
    if (fields["is_del"] === true) return undefined;
    const size = Number(fields["new_flows_table_length"] ?? 1024);
    if (!isPowerOf2(size) || size > MAX_TABLE_SIZE) {
      throw refused(name, `new_flows_table_length ${size} is no power of 2 up to ${MAX_TABLE_SIZE}`);
    }
    const encap = Number(fields["encap"] ?? 0);
    if ([3, 4, 3 << 24, 4 << 24].includes(encap)) {
      throw refused(
        name,
        "NAT is not offered: two NAT VIPs that share a server and port end VPP; TCP never matches nat4",
      );
    }
    return undefined;
  };
}

/** api.c:356-359: where the VIP is not found, the flush goes to whatever index is on the stack. */
async function lbFlushVip(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const given = fields["pfx"];
  const wanted = typeof given === "string" ? parsePrefix(given) : (given as Partial<Prefix> | undefined);
  const port = Number(fields["port"] ?? 0);
  const protocol = port === 0 ? 255 : Number(fields["protocol"] ?? 0);
  const bytes = wanted?.address === undefined ? "" : hex(wanted.address.un.ip6 ?? new Uint8Array(16));
  const vips = parseLbVips(await client.cli("show lb vips verbose"));
  const found = vips.some((vip) => {
    const wire = vipPrefix(vip.prefix);
    const same = hex(wire.address.un.ip6) === bytes && wire.len === wanted?.len;
    return same && vip.port === port && vip.protocol === protocol && !vip.removed;
  });
  if (!found)
    throw refused("lb_flush_vip", "no such VIP, and VPP would flush another; give the prefix as vipPrefix() does");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** An index that VPP did not give out is used without a check: 0xffffffff ends VPP (ip_reass, seen on 26.06). */
async function reassembly(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const index = Number(fields["sw_if_index"] ?? 0);
  const all = index === KEEP ? [] : await client.dumpAll("sw_interface_dump", { sw_if_index: KEEP });
  if (!all.some((row) => row.sw_if_index === index)) {
    throw refused("ip_reassembly_enable_disable", `there is no interface ${index}, and VPP would crash`);
  }
}

/** What is known to crash VPP, or to make it write where it should not, by message. */
export const crashGuards: ReadonlyMap<string, Guard> = new Map<string, Guard>([
  ["lb_conf", lbConf],
  ["lb_add_del_vip", lbAddVip("lb_add_del_vip")],
  ["lb_add_del_vip_v2", lbAddVip("lb_add_del_vip_v2")],
  ["lb_flush_vip", lbFlushVip],
  ["ip_reassembly_enable_disable", reassembly],
  ["ip_route_add_del", changeRoute("ip_route_add_del")],
  ["ip_route_add_del_v2", changeRoute("ip_route_add_del_v2")],
  ["ip_table_flush", flushTable],
  ["af_packet_create", createHostInterface],
  ["abf_policy_add_del", policy],
  ["abf_policy_dump", dumpPolicies],
  ["abf_itf_attach_add_del", attachment],
  ["acl_interface_set_acl_list", setAclList],
  ["bridge_domain_add_del", createBridge("bridge_domain_add_del")],
  ["bridge_domain_add_del_v2", createBridge("bridge_domain_add_del_v2")],
  ["bridge_flags", bridgeFlags],
  ["l2fib_flush_int", flushInterface],
  ["create_subif", createSub],
  ["create_vlan_subif", createVlan],
  ["sw_interface_set_l2_bridge", bridgeLocal],
  ["sw_interface_set_table", bindTable],
  ["memif_create", createMemif("memif_create")],
  ["memif_create_v2", createMemif("memif_create_v2")],
  ["cli_inband", (fields) => refuseCli(String(fields["cmd"] ?? ""))],
]);
