import { concat, attribute, nested, parseAttributes, text, u32be } from "./attributes.ts";
import { KernelError } from "./errors.ts";
import type { Namespace } from "./namespace.ts";
import { Netlink, NETLINK_NETFILTER, NLM_F_CREATE, sendBatch, type BatchMessage } from "./netlink.ts";
import { parsePrefix } from "./prefix.ts";
import { AF_INET } from "../sys/constants.ts";

/*
 * L3 direct server return: VPP puts the server's address in place of the VIP and marks the VIP by the DSCP
 * (vpp: src/plugins/lb/node.c, LB_ENCAP_TYPE_L3DSR). The server puts the VIP back before routing, which this does with
 * one nf_tables rule for each VIP, without conntrack and without the nft program. Numbers: linux/netfilter/nf_tables.h.
 */

const SUBSYSTEM = 10 << 8;
const NEWTABLE = SUBSYSTEM | 0;
const DELTABLE = SUBSYSTEM | 2;
const NEWCHAIN = SUBSYSTEM | 3;
const NEWRULE = SUBSYSTEM | 6;
const GETRULE = SUBSYSTEM | 7;
const NLM_F_APPEND = 0x800;
const NFPROTO_IPV4 = 2;
const HOOK_PREROUTING = 0;
/** Before conntrack (-200), as iptables' raw table. */
const PRIORITY = -300;
const REGISTER = 1;
const META_IIFNAME = 6;
const NETWORK_HEADER = 1;
const IP_TOS = 1;
const IP_CHECKSUM = 10;
const IP_DESTINATION = 16;
const CHAIN = "prerouting";
const RULE_TABLE = 1;
const RULE_CHAIN = 2;
const RULE_EXPRESSIONS = 4;
const RULE_USERDATA = 7;

/** One VIP served by l3dsr. */
export interface DscpVip {
  /** A single IPv4 address: the packet carries no more than the mark, so a prefix cannot be restored. */
  readonly vip: string;
  /** 1 to 63, as given to `lb vip ... encap l3dsr dscp N`; 0 would match all ordinary traffic. */
  readonly dscp: number;
}

const header = Uint8Array.of(NFPROTO_IPV4, 0, 0, 0);

function expression(name: string, ...data: Uint8Array[]): Uint8Array {
  return nested(1, text(1, name), nested(2, ...data));
}

function value(type: number, bytes: Uint8Array): Uint8Array {
  return nested(type, attribute(1, bytes));
}

function equals(bytes: Uint8Array): Uint8Array {
  return expression("cmp", u32be(1, REGISTER), u32be(2, 0), value(3, bytes));
}

/** iifname DEVICE ip dscp N ip daddr set VIP; the IP and the TCP or UDP checksum follow. */
function ruleExpressions(device: string, { vip, dscp }: DscpVip): Uint8Array {
  const name = new Uint8Array(16);
  name.set(new TextEncoder().encode(device));
  return nested(
    RULE_EXPRESSIONS,
    expression("meta", u32be(2, META_IIFNAME), u32be(1, REGISTER)),
    equals(name),
    expression("payload", u32be(1, REGISTER), u32be(2, NETWORK_HEADER), u32be(3, IP_TOS), u32be(4, 1)),
    expression(
      "bitwise",
      u32be(1, REGISTER),
      u32be(2, REGISTER),
      u32be(3, 1),
      value(4, Uint8Array.of(0xfc)),
      value(5, Uint8Array.of(0)),
    ),
    equals(Uint8Array.of(dscp << 2)),
    expression("immediate", u32be(1, REGISTER), value(2, parsePrefix(vip).bytes)),
    expression(
      "payload",
      u32be(5, REGISTER),
      u32be(2, NETWORK_HEADER),
      u32be(3, IP_DESTINATION),
      u32be(4, 4),
      u32be(6, 1),
      u32be(7, IP_CHECKSUM),
      u32be(8, 1),
    ),
  );
}

function label(device: string, { vip, dscp }: DscpVip): string {
  return `${device} dscp ${dscp} -> ${vip}`;
}

function checked(vips: readonly DscpVip[]): void {
  for (const { vip, dscp } of vips) {
    const { family, length } = parsePrefix(vip);
    if (family !== AF_INET || length !== 32) {
      throw new KernelError("INVALID", `l3dsr VIP ${vip}: only a single IPv4 address can be restored from a DSCP`);
    }
    if (!(Number.isInteger(dscp) && dscp >= 1 && dscp <= 63)) {
      throw new KernelError("INVALID", `l3dsr DSCP ${dscp} of ${vip}: 1 to 63`);
    }
  }
  if (new Set(vips.map((one) => one.dscp)).size !== vips.length) {
    throw new KernelError("INVALID", "two l3dsr VIPs have the same DSCP: it is all that tells them apart");
  }
}

/**
 * Restores VIPs by DSCP for packets that come in by `device`; replaces, in one step, what an earlier call set.
 * @param table name of the nf_tables table, which is ours alone
 * @throws KernelError INVALID, UNSUPPORTED (a kernel without nf_tables), PERMISSION
 */
export async function setDscpVips(
  namespace: Namespace,
  device: string,
  vips: readonly DscpVip[],
  table = "vpplb-l3dsr",
): Promise<void> {
  checked(vips);
  const create = { type: NEWTABLE, flags: NLM_F_CREATE, body: concat(header, text(1, table)) };
  const messages: BatchMessage[] = [
    // Created so that the deletion cannot fail, deleted with all rules in it, and created anew.
    create,
    { type: DELTABLE, body: concat(header, text(1, table)) },
    create,
    {
      type: NEWCHAIN,
      flags: NLM_F_CREATE,
      body: concat(
        header,
        text(1, table),
        text(3, CHAIN),
        nested(4, u32be(1, HOOK_PREROUTING), u32be(2, PRIORITY)),
        text(7, "filter"),
      ),
    },
    ...vips.map((vip) => ({
      type: NEWRULE,
      flags: NLM_F_CREATE | NLM_F_APPEND,
      body: concat(
        header,
        text(RULE_TABLE, table),
        text(RULE_CHAIN, CHAIN),
        ruleExpressions(device, vip),
        attribute(RULE_USERDATA, new TextEncoder().encode(label(device, vip))),
      ),
    })),
  ];
  await sendBatch(namespace.netns, messages, `restore l3dsr VIPs on ${device}`);
}

/** Removes them. False where there were none. */
export async function clearDscpVips(namespace: Namespace, table = "vpplb-l3dsr"): Promise<boolean> {
  try {
    const messages = [{ type: DELTABLE, body: concat(header, text(1, table)) }];
    await sendBatch(namespace.netns, messages, "remove l3dsr VIPs");
    return true;
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND", "UNSUPPORTED")) return false;
    throw error;
  }
}

/** Which of `vips` are not restored on `device` at present. */
export async function missingDscpVips(
  namespace: Namespace,
  device: string,
  vips: readonly DscpVip[],
  table = "vpplb-l3dsr",
): Promise<DscpVip[]> {
  const present = await presentLabels(namespace, table);
  return vips.filter((vip) => !present.has(label(device, vip)));
}

/** Whether exactly `vips` are restored on `device` at present. */
export async function hasDscpVips(
  namespace: Namespace,
  device: string,
  vips: readonly DscpVip[],
  table = "vpplb-l3dsr",
): Promise<boolean> {
  const present = await presentLabels(namespace, table);
  return present.size === vips.length && vips.every((vip) => present.has(label(device, vip)));
}

async function presentLabels(namespace: Namespace, table: string): Promise<ReadonlySet<string>> {
  const netlink = new Netlink(namespace.netns, NETLINK_NETFILTER);
  try {
    const body = concat(header, text(RULE_TABLE, table));
    const replies = await netlink.dump(GETRULE, body, "list l3dsr rules");
    return new Set(
      replies.map(({ data }) => {
        const attributes = parseAttributes(data.subarray(4));
        return new TextDecoder().decode(attributes.get(RULE_USERDATA) ?? new Uint8Array());
      }),
    );
  } catch (error) {
    if (KernelError.is(error, "NOT_FOUND")) return new Set();
    throw error;
  } finally {
    netlink.close();
  }
}
