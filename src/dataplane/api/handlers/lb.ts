/**
 * lb.api as VPP 26.06 serves it (plugins/lb/api.c), faults included: clients work around them, and the recorded and real
 * VPP are what this is measured against. Not taken over is what crashes VPP: see LbMain.
 */
import type { LbMain } from "../../lb/lb.ts";
import { prefixIsIp4, VipType, type LbAs, type LbVip, type VipTypeNumber } from "../../lb/types.ts";
import { action, dump, type Fields, type Handlers } from "../handler.ts";
import { ip46, ip4Number, swap16, swap32, wireIp46, type WireAddress, type WirePrefix } from "./wire.ts";

const KEEP = 0xffffffff;

/** lb_encap_type_t of lb_types.api. */
const Encap = { gre4: 0, gre6: 1, l3dsr: 2, nat4: 3, nat6: 4 } as const;

interface VipFields {
  readonly pfx: WirePrefix;
  readonly protocol: number;
  readonly port: number;
  readonly encap: number;
  readonly dscp: number;
  readonly type: number;
  readonly target_port: number;
  readonly new_flows_table_length: number;
  /** Of version 2. */
  readonly src_ip_sticky?: boolean;
  readonly is_del: boolean;
}

interface AsFields {
  readonly pfx: WirePrefix;
  readonly protocol: number;
  readonly port: number;
  readonly as_address: WireAddress;
  readonly is_del: boolean;
  readonly is_flush: boolean;
}

type VipKey = Pick<AsFields, "pfx" | "protocol" | "port">;

/** An IPv4 prefix of length n must come as 96 + n (api.c:75); port 0 makes it an all-port VIP, whatever the protocol. */
function findVip(lb: LbMain, key: VipKey, prefix: Uint8Array): number {
  return lb.vipFind(prefix, key.pfx.len, key.port === 0 ? 255 : key.protocol, key.port);
}

/** `encap` is compared as it came, so it must come little-endian (api.c:83); what is no type is 0: IPv6 over GRE6. */
function vipType(isIp4: boolean, encap: number): VipTypeNumber {
  const types: Readonly<Record<number, VipTypeNumber>> = isIp4
    ? {
        [Encap.gre4]: VipType.ip4Gre4,
        [Encap.gre6]: VipType.ip4Gre6,
        [Encap.l3dsr]: VipType.ip4L3dsr,
        [Encap.nat4]: VipType.ip4Nat4,
      }
    : { [Encap.gre4]: VipType.ip6Gre4, [Encap.gre6]: VipType.ip6Gre6, [Encap.nat6]: VipType.ip6Nat6 };
  return types[encap] ?? VipType.ip6Gre6;
}

function addDelVip(lb: LbMain, fields: VipFields): number {
  const prefix = ip46(fields.pfx.address);
  if (fields.is_del) {
    const found = findVip(lb, fields, prefix);
    return found < 0 ? found : lb.vipDel(found);
  }
  const encap = swap32(fields.encap);
  const isNat = encap === Encap.nat4 || encap === Encap.nat6;
  const added = lb.vipAdd({
    prefix,
    plen: fields.pfx.len,
    protocol: fields.port === 0 ? 255 : fields.protocol,
    port: fields.port,
    type: vipType(prefixIsIp4(prefix, fields.pfx.len), encap),
    newLength: fields.new_flows_table_length,
    srcIpSticky: fields.src_ip_sticky === true,
    ...(encap === Encap.l3dsr ? { dscp: fields.dscp & 0x3f } : {}),
    // The service type is read without swapping too (api.c:111): its first byte is what counts.
    ...(isNat ? { srvType: fields.type >>> 24, targetPort: fields.target_port } : {}),
  });
  return Math.min(added, 0);
}

function addDelAs(lb: LbMain, fields: AsFields): number {
  const found = findVip(lb, fields, ip46(fields.pfx.address));
  if (found < 0) return found;
  const addresses = [ip46(fields.as_address)];
  return fields.is_del ? lb.asDel(found, addresses, fields.is_flush) : lb.asAdd(found, addresses);
}

/**
 * What lb_vip_details is worth (api.c:242-260): protocol is always 0, encap is the VIP's type, the first byte of the
 * encapsulation's arguments is both dscp and service type, target_port has its bytes swapped, and of the table's length
 * only the upper 16 bits are left. Deleted VIPs are among them, unmarked.
 */
function vipDetails(vip: LbVip): Fields {
  return {
    vip: vipKey(vip),
    encap: vip.type,
    dscp: vip.encapByte,
    srv_type: vip.encapByte * 0x1000000,
    target_port: swap16(vip.targetPort),
    flow_table_length: vip.newFlowTable.length >>> 16,
  };
}

function vipKey(vip: LbVip): Fields {
  return { pfx: { address: wireIp46(vip.prefix), len: vip.plen }, protocol: 0, port: vip.port };
}

/**
 * The VIP must be named as VPP holds it: the 16 bytes of the address field as they are (IPv4 as ::a.b.c.d), the protocol
 * exact (255 for all ports), the port little-endian; the length counts for nothing; all zeroes name every VIP (api.c:319).
 */
function asesToDump(lb: LbMain, fields: VipKey): { vip: LbVip; as: LbAs }[] {
  const wanted = fields.pfx.address.un.ip6;
  const all = wanted.every((byte) => byte === 0);
  const found: { vip: LbVip; as: LbAs }[] = [];
  for (const vip of lb.vips) {
    const isNamed =
      vip.protocol === fields.protocol &&
      vip.port === swap16(fields.port) &&
      vip.prefix.every((byte, i) => byte === wanted[i]);
    if (all || isNamed) for (const as of lb.asesOf(vip)) found.push({ vip, as });
  }
  return found;
}

function asDetails({ vip, as }: { vip: LbVip; as: LbAs }): Fields {
  return { vip: vipKey(vip), app_srv: wireIp46(as.address), flags: as.used ? 1 : 0, in_use_since: as.lastUsedS };
}

interface ConfFields {
  readonly ip4_src_address: Uint8Array;
  readonly ip6_src_address: Uint8Array;
  readonly sticky_buckets_per_core: number;
  readonly flow_timeout: number;
}

export const lbHandlers: Handlers = {
  lb_conf: action<ConfFields>((fields, { dataplane: { lb } }) => {
    const buckets = fields.sticky_buckets_per_core;
    const timeoutS = fields.flow_timeout;
    return lb.conf(
      ip4Number(fields.ip4_src_address),
      fields.ip6_src_address,
      buckets === KEEP ? lb.perCpuStickyBuckets : buckets,
      timeoutS === KEEP ? lb.flowTimeoutS : timeoutS,
    );
  }),
  lb_add_del_vip: action<VipFields>((fields, { dataplane }) => addDelVip(dataplane.lb, fields)),
  lb_add_del_vip_v2: action<VipFields>((fields, { dataplane }) => addDelVip(dataplane.lb, fields)),
  lb_add_del_as: action<AsFields>((fields, { dataplane }) => addDelAs(dataplane.lb, fields)),
  /** The address is taken as it is (api.c:352). For an unknown VIP VPP flushes some random index and says 0. */
  lb_flush_vip: action<VipKey>((fields, { dataplane: { lb } }) => {
    const found = findVip(lb, fields, fields.pfx.address.un.ip6);
    return found < 0 ? 0 : lb.flush(found);
  }),
  /** The filter counts for nothing (api.c:242). */
  lb_vip_dump: dump((_fields: Fields, { dataplane: { lb } }) => [...lb.vips].slice(1), vipDetails),
  lb_as_dump: dump((fields: VipKey, { dataplane }) => asesToDump(dataplane.lb, fields), asDetails),
};
