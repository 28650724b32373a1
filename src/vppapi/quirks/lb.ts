import type { CallOptions, VppClient } from "../client.ts";
import { VppError } from "../errors.ts";
import { LB_FIXED_MARK, encapOnWire, refused, vipPrefix } from "./lb-encoding.ts";
import type { LbEncap } from "./lb-encoding.ts";
import { parseLb, parseLbVips } from "./lb-text.ts";
import type { LbMain, LbVipState } from "./lb-text.ts";

/** What names a VIP. Without `port` all ports and protocols. */
export interface LbVipKey {
  /** "10.2.2.0/24", "2001:db8::/64" */
  readonly prefix: string;
  /** 6 or 17. */
  readonly protocol?: number | undefined;
  readonly port?: number | undefined;
}

export interface LbVipConfig extends LbVipKey {
  readonly encap: LbEncap;
  /** Of l3dsr, 0 to 63. */
  readonly dscp?: number | undefined;
  /** Slots of the new-flow table, a power of 2. Default 1024. */
  readonly tableSize?: number | undefined;
  /** Needs VPP 23.02 (lb_add_del_vip_v2). */
  readonly srcIpSticky?: boolean | undefined;
}

export interface LbSettings {
  readonly ip4Source: string;
  readonly ip6Source: string;
  /** Per worker, a power of 2; undefined keeps it. Changing it drops every flow. */
  readonly stickyBuckets?: number | undefined;
  /** Undefined keeps it. */
  readonly timeoutS?: number | undefined;
}

/** Servers per `lb as` line: VPP copies the line while it parses it, and one line rebuilds the table once. */
const SERVERS_PER_LINE = 100;

/** The lb plugin's API as it should be, on every VPP from 21.06 on. */
export interface LbQuirks {
  /** The API reads its fields in network order; weights exist. Seen in the message table. */
  readonly fixed: boolean;
  /** lb_conf: both sources are always written (lb/api.c:49), so both are to be given. */
  configure(conf: LbSettings, options?: CallOptions): Promise<void>;
  /** Where this VPP tells it (lb_conf_get): all of it; elsewhere what `show lb` tells. */
  configuration(options?: CallOptions): Promise<LbMain & { readonly stickyBuckets: number | undefined }>;
  addVip(vip: LbVipConfig, options?: CallOptions): Promise<void>;
  deleteVip(vip: LbVipKey, options?: CallOptions): Promise<void>;
  /** `weight` needs 26.10; without it a server has weight 100 there. */
  addServer(vip: LbVipKey, address: string, options?: CallOptions & { readonly weight?: number }): Promise<void>;
  /** `flush` ends its flows at once; without it they go on until they time out. */
  deleteServer(vip: LbVipKey, address: string, options?: CallOptions & { readonly flush?: boolean }): Promise<void>;
  setWeight(
    vip: LbVipKey,
    address: string,
    weight: number,
    options?: CallOptions & { readonly flush?: boolean },
  ): Promise<void>;
  /** Many servers with one rebuild of the table per hundred, by CLI: 500 in 3 ms against 580 ms one by one. */
  addServers(vip: LbVipKey, addresses: readonly string[], options?: CallOptions): Promise<void>;
  deleteServers(
    vip: LbVipKey,
    addresses: readonly string[],
    options?: CallOptions & { readonly flush?: boolean },
  ): Promise<void>;
  flushVip(vip: LbVipKey, options?: CallOptions): Promise<void>;
  /**
   * All VIPs, removed ones marked. From the CLI: up to 26.06 lb_vip_details has protocol 0, a table length of 0 below
   * 65536 and no index (lb/api.c:254-260), lists removed VIPs unmarked (242), and lb_as_dump ignores its filter's length
   * (319-329).
   */
  vips(options?: CallOptions): Promise<LbVipState[]>;
  /**
   * Lets VPP free removed servers and VIPs: up to 26.06 only the CLI collects (lb/cli.c:136,263,333), and without it an
   * API client's removed VIPs stay for ever. Changes no setting. An entry goes once it is unused and a minute old.
   */
  collectGarbage(options?: CallOptions): Promise<void>;
}

/** The CLI's words for a VIP. */
function words(vip: LbVipKey): string {
  const port = vip.port ?? 0;
  if (port === 0) return vip.prefix;
  const protocol = { 6: "tcp", 17: "udp" }[vip.protocol ?? 0];
  if (protocol === undefined) throw refused("lb", `protocol ${String(vip.protocol)} with a port; 6 (TCP) or 17 (UDP)`);
  return `${vip.prefix} protocol ${protocol} port ${port}`;
}

function key(vip: LbVipKey): { pfx: ReturnType<typeof vipPrefix>; protocol: number; port: number } {
  const port = vip.port ?? 0;
  // VPP does so itself but for lb_as_dump's filter: protocol 255 is an all-port VIP's.
  return { pfx: vipPrefix(vip.prefix), protocol: port === 0 ? 255 : (vip.protocol ?? 0), port };
}

/** @param client connected, or to be connected before the first call */
export function lbQuirks(client: VppClient): LbQuirks {
  const line = async (text: string, options?: CallOptions): Promise<void> => void (await client.cli(text, options));
  const many = async (
    vip: LbVipKey,
    addresses: readonly string[],
    tail: string,
    options: CallOptions | undefined,
  ): Promise<void> => {
    for (let i = 0; i < addresses.length; i += SERVERS_PER_LINE) {
      const part = addresses.slice(i, i + SERVERS_PER_LINE);
      await line(`lb as ${words(vip)} ${part.join(" ")}${tail}`, options);
    }
  };
  return {
    get fixed() {
      return client.has(LB_FIXED_MARK);
    },
    configure: (conf, options) => configure(client, conf, options),
    configuration: (options) => configuration(client, options),
    addVip: (vip, options) => addVip(client, vip, options),
    deleteVip: async (vip, options) => {
      // The two differ in nothing that a deletion reads.
      const name = client.has("lb_add_del_vip_v2") ? "lb_add_del_vip_v2" : "lb_add_del_vip";
      await client.request(name, { ...key(vip), is_del: true }, options);
    },
    addServer: async (vip, address, options) => {
      const server = { ...key(vip), as_address: address };
      if (options?.weight === undefined) await client.request("lb_add_del_as", server, options);
      else await client.request("lb_add_del_as_v2", { ...server, weight: options.weight }, options);
    },
    deleteServer: async (vip, address, options) => {
      const server = { ...key(vip), as_address: address, is_del: true, is_flush: options?.flush ?? false };
      await client.request("lb_add_del_as", server, options);
    },
    setWeight: async (vip, address, weight, options) => {
      const server = { ...key(vip), as_address: address, weight, is_flush: options?.flush ?? false };
      await client.request("lb_as_set_weight", server, options);
    },
    addServers: (vip, addresses, options) => many(vip, addresses, "", options),
    deleteServers: (vip, addresses, options) =>
      many(vip, addresses, options?.flush === true ? " del flush" : " del", options),
    flushVip: async (vip, options) => {
      await client.request("lb_flush_vip", key(vip), options);
    },
    vips: async (options) => parseLbVips(await client.cli("show lb vips verbose", options)),
    collectGarbage: async (options) => {
      const { ip4Source } = parseLb(await client.cli("show lb", options));
      await line(`lb conf ip4-src-address ${ip4Source}`, options);
    },
  };
}

async function configure(client: VppClient, conf: LbSettings, options: CallOptions | undefined): Promise<void> {
  await client.request(
    "lb_conf",
    {
      ip4_src_address: conf.ip4Source,
      ip6_src_address: conf.ip6Source,
      sticky_buckets_per_core: conf.stickyBuckets,
      flow_timeout: conf.timeoutS,
    },
    options,
  );
}

async function configuration(
  client: VppClient,
  options: CallOptions | undefined,
): Promise<LbMain & { readonly stickyBuckets: number | undefined }> {
  const main = parseLb(await client.cli("show lb", options));
  if (!client.has("lb_conf_get")) return { ...main, stickyBuckets: undefined };
  const conf = await client.request("lb_conf_get", {}, options);
  return { ...main, timeoutS: conf.flow_timeout, stickyBuckets: conf.sticky_buckets_per_core };
}

async function addVip(client: VppClient, vip: LbVipConfig, options: CallOptions | undefined): Promise<void> {
  const wire = key(vip);
  // api.c:91-98: a pair that is not there is taken for gre6, with retval 0.
  if (vip.encap === "l3dsr" && vip.prefix.includes(":")) {
    throw refused("lb_add_del_vip", `${vip.prefix}: l3dsr is for IPv4 VIPs, and VPP would make it gre6`);
  }
  const fields = {
    ...wire,
    encap: encapOnWire(vip.encap, client.has(LB_FIXED_MARK)),
    dscp: vip.dscp ?? 0,
    new_flows_table_length: vip.tableSize ?? 1024,
  };
  if (client.has("lb_add_del_vip_v2")) {
    await client.request("lb_add_del_vip_v2", { ...fields, src_ip_sticky: vip.srcIpSticky ?? false }, options);
  } else if (vip.srcIpSticky === true) {
    throw new VppError(
      "UNKNOWN_MESSAGE",
      `src_ip_sticky needs lb_add_del_vip_v2 (VPP 23.02); this is ${client.version}`,
      {
        messageName: "lb_add_del_vip_v2",
      },
    );
  } else {
    await client.request("lb_add_del_vip", fields, options);
  }
}
