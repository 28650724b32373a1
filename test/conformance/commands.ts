/** Random calls of the API and CLI for the comparison of two dataplanes: few values, so that calls meet each other. */
import fc from "fast-check";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import type { Fields } from "./client.ts";
import { filters } from "./acl-commands.ts";
import { links } from "./link-commands.ts";
import { memifs } from "./memif-commands.ts";

export type Command =
  | { readonly kind: "api"; readonly name: string; readonly fields: Fields }
  | { readonly kind: "cli"; readonly line: string };

const NO_INDEX = 0xffffffff;

/** A u32 as a little-endian machine reads it when nobody swaps its bytes. */
export function littleEndian(value: number): number {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, value, true);
  return bytes.getUint32(0);
}

function api(name: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Command> {
  return fc.record(fields).map((values) => ({ kind: "api", name, fields: values as Fields }));
}

function cli(...lines: string[]): fc.Arbitrary<Command> {
  return fc.constantFrom(...lines).map((line) => ({ kind: "cli", line }));
}

const pick = fc.constantFrom;
const yesNo = fc.boolean();
const mostlyAdd = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

// --- lb

const VIPS4 = ["10.2.2.0/24", "10.2.2.1/32", "10.2.3.77/24", "10.2.0.0/16", "10.3.3.3/32"];
const VIPS6 = ["2001:db8:2::/64", "2001:db8:2::1/128", "2001:db8:3::/48"];

/** The IPv4 prefix as documented (which 26.06 takes for IPv6), with 96 added, and as an IPv6 prefix below ::/96. */
function vip4Encodings(text: string): unknown[] {
  const { address, len } = parsePrefix(text);
  const ip6 = new Uint8Array(16);
  ip6.set(address.un.ip4, 12);
  return [
    { address, len },
    { address, len: len + 96 },
    { address: { af: 1, un: { ip6 } }, len: len + 96 },
  ];
}

/** Most often the one that makes an IPv4 VIP. */
const vipPrefix = fc.oneof(
  { weight: 4, arbitrary: pick(...VIPS4.map((text) => vip4Encodings(text)[1])) },
  { weight: 2, arbitrary: pick(...VIPS4.map((text) => vip4Encodings(text)[2])) },
  { weight: 1, arbitrary: pick(...VIPS4.map((text) => vip4Encodings(text)[0])) },
  { weight: 3, arbitrary: pick(...VIPS6.map((text) => parsePrefix(text))) },
);
const servers = pick(
  ...["10.60.1.2", "10.60.1.3", "10.60.1.4", "10.60.1.50", "10.61.0.9", "2001:db8:60::2", "2001:db8:60::3", "fd00::7"],
).map(parseAddress);
const ports = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ protocol: 255, port: 0 }) },
  { weight: 2, arbitrary: fc.record({ protocol: pick(6, 17), port: pick(80, 5001) }) },
  { weight: 1, arbitrary: fc.record({ protocol: pick(0, 6, 132, 255), port: pick(0, 80, 65535) }) },
);

/** A server for a NAT VIP of all ports ends VPP: its DPO has no type (lb.c lb_as_stack). */
function withoutCrash(fields: Fields): Fields {
  const isNat = fields["encap"] === littleEndian(3) || fields["encap"] === littleEndian(4);
  return isNat && fields["port"] === 0 ? { ...fields, encap: 0 } : fields;
}

/** The key of a VIP as one record, so that what comes later meets it. */
function withVip(name: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Command> {
  return fc.tuple(vipPrefix, ports, fc.record(fields)).map(([pfx, port, values]) => ({
    kind: "api",
    name,
    fields: withoutCrash({ pfx, ...port, ...(values as Fields) }),
  }));
}

/** NAT without its node port, whose key is a stack address (lb.c:1173). */
const vipFields = {
  encap: pick(0, 0, 0, littleEndian(1), littleEndian(1), littleEndian(2), littleEndian(3), littleEndian(4), 1, 2, 5),
  dscp: pick(0, 7, 63, 64, 255),
  type: pick(0),
  target_port: pick(0, 3307),
  node_port: pick(0, 30000),
  new_flows_table_length: pick(1, 2, 64, 1024, 1024, 4096, 1000, 3, 65536),
  is_del: mostlyAdd,
};

const lb = fc.oneof(
  { weight: 5, arbitrary: withVip("lb_add_del_vip_v2", { ...vipFields, src_ip_sticky: yesNo }) },
  { weight: 2, arbitrary: withVip("lb_add_del_vip", vipFields) },
  { weight: 9, arbitrary: withVip("lb_add_del_as", { as_address: servers, is_del: mostlyAdd, is_flush: yesNo }) },
  { weight: 1, arbitrary: withVip("lb_flush_vip", {}) },
  {
    weight: 1,
    arbitrary: api("lb_conf", {
      ip4_src_address: pick("10.60.1.1", "0.0.0.0"),
      ip6_src_address: pick("2001:db8:60::1", "::"),
      sticky_buckets_per_core: pick(1024, 1000, NO_INDEX, 16, 65536),
      flow_timeout: pick(40, NO_INDEX, 1),
    }),
  },
  { weight: 2, arbitrary: withVip("lb_as_dump", {}) },
  {
    weight: 1,
    arbitrary: fc.constant<Command>({
      kind: "api",
      name: "lb_as_dump",
      fields: { pfx: { address: parseAddress("0.0.0.0"), len: 0 }, protocol: 0, port: 0 },
    }),
  },
  { weight: 1, arbitrary: withVip("lb_vip_dump", {}) },
  { weight: 4, arbitrary: cli("show lb vips verbose") },
  {
    weight: 4,
    arbitrary: cli(
      "show lb",
      "show lb vips",
      "lb conf timeout 40",
      "lb conf ip4-src-address 10.0.0.9 buckets 2048",
      "lb vip 10.2.2.0/24 encap gre4 new_len 1024",
      "lb vip 10.2.2.1/32 protocol tcp port 80 encap gre4 new_len 64",
      "lb vip 10.3.3.3/32 encap gre6 new_len 64 src_ip_sticky",
      "lb vip 2001:db8:2::/64 encap gre6",
      "lb vip 10.2.2.0/24 del",
      "lb vip 10.2.2.1/32 protocol tcp port 80 del",
      "lb as 10.2.2.0/24 10.60.1.2 10.60.1.3",
      "lb as 10.2.2.0/24 10.60.1.2 10.60.1.50 10.60.1.2",
      "lb as 10.2.2.0/24 10.60.1.2 del",
      "lb as 10.2.2.0/24 10.60.1.3 del flush",
      "lb as 10.2.2.1/32 protocol tcp port 80 10.60.1.4",
      "lb as 2001:db8:2::/64 2001:db8:60::2 fd00::7",
      "lb as 10.99.0.0/24 10.60.1.2",
    ),
  },
);

// --- interfaces

const swIfIndex = fc.oneof(
  { weight: 8, arbitrary: pick(1, 2, 3) },
  { weight: 1, arbitrary: pick(0, 4, 5, 4242, NO_INDEX - 1) },
);
const interfacePrefix = pick(
  ...["10.60.1.1/24", "10.60.1.200/24", "10.61.0.1/16", "10.70.0.1/31", "10.80.0.1/32", "10.60.1.1/25"],
  ...["2001:db8:60::1/64", "2001:db8:60::2/64", "2001:db8:61::1/128"],
).map(parsePrefix);
const macs = pick("00:00:00:00:00:00", "02:fe:00:00:00:09", "02:fe:00:00:00:0a");

const interfaces = fc.oneof(
  {
    weight: 3,
    arbitrary: api("create_loopback_instance", {
      mac_address: macs,
      is_specified: yesNo,
      user_instance: pick(0, 1, 2, 3, 20000),
    }),
  },
  { weight: 2, arbitrary: api("create_loopback", { mac_address: macs }) },
  { weight: 1, arbitrary: api("delete_loopback", { sw_if_index: swIfIndex }) },
  { weight: 5, arbitrary: api("sw_interface_set_flags", { sw_if_index: swIfIndex, flags: pick(1, 1, 1, 0, 2, 3) }) },
  {
    weight: 8,
    arbitrary: api("sw_interface_add_del_address", {
      sw_if_index: swIfIndex,
      is_add: mostlyAdd.map((del) => !del),
      del_all: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      prefix: interfacePrefix,
    }),
  },
  { weight: 3, arbitrary: api("ip_address_dump", { sw_if_index: swIfIndex, is_ipv6: yesNo }) },
  {
    weight: 2,
    arbitrary: api("sw_interface_tag_add_del", {
      sw_if_index: swIfIndex,
      is_add: yesNo,
      tag: pick("vpplb", "", "x".repeat(63), "other"),
    }),
  },
  {
    weight: 2,
    arbitrary: api("sw_interface_set_mtu", {
      sw_if_index: swIfIndex,
      mtu: pick([1500, 0, 0, 0], [9000, 1500, 1500, 0], [0, 0, 0, 0]),
    }),
  },
  { weight: 1, arbitrary: api("hw_interface_set_mtu", { sw_if_index: swIfIndex, mtu: pick(1400, 9000) }) },
  {
    weight: 1,
    arbitrary: api("sw_interface_set_mac_address", {
      sw_if_index: pick(1, 2, 3, 4242),
      mac_address: pick("02:fe:00:00:00:0b", "02:fe:00:00:00:0c"),
    }),
  },
  { weight: 1, arbitrary: api("sw_interface_get_mac_address", { sw_if_index: swIfIndex }) },
  {
    weight: 1,
    arbitrary: api("sw_interface_set_table", { sw_if_index: swIfIndex, is_ipv6: yesNo, vrf_id: pick(0, 10, 99) }),
  },
  { weight: 1, arbitrary: api("sw_interface_get_table", { sw_if_index: swIfIndex, is_ipv6: yesNo }) },
  {
    weight: 4,
    arbitrary: api("sw_interface_dump", {
      sw_if_index: fc.oneof(fc.constant(NO_INDEX), swIfIndex),
      name_filter_valid: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: yesNo }),
      name_filter: pick("loop", "LOOP1", "host", "nosuch", ""),
    }),
  },
  { weight: 1, arbitrary: api("want_interface_events", { enable_disable: pick(1, 0), pid: pick(7) }) },
  {
    weight: 1,
    arbitrary: api("sw_interface_ip6_enable_disable", { sw_if_index: swIfIndex, enable: yesNo }),
  },
);

const hostInterfaces = fc.oneof(
  {
    weight: 2,
    arbitrary: api("af_packet_create_v3", {
      mode: pick(1, 1, 1, 0, 7),
      hw_addr: pick("02:fe:00:00:00:03"),
      use_random_hw_addr: fc.constant(false),
      host_if_name: pick("rec0", "rec0", "nosuch0"),
      rx_frame_size: fc.constant(2048),
      tx_frame_size: fc.constant(2048),
      rx_frames_per_block: fc.constant(32),
      tx_frames_per_block: fc.constant(32),
      flags: fc.constant(0),
      num_rx_queues: fc.constant(1),
      num_tx_queues: fc.constant(1),
    }),
  },
  {
    weight: 1,
    arbitrary: api("af_packet_create_v2", {
      ...{ hw_addr: pick("02:fe:00:00:00:04"), use_random_hw_addr: fc.constant(false) },
      ...{ host_if_name: pick("rec0", "nosuch0"), flags: fc.constant(0), num_rx_queues: fc.constant(1) },
      ...{ rx_frame_size: fc.constant(2048), tx_frame_size: fc.constant(2048) },
      ...{ rx_frames_per_block: fc.constant(32), tx_frames_per_block: fc.constant(32) },
    }),
  },
  {
    weight: 1,
    arbitrary: api("af_packet_create", {
      hw_addr: pick("02:fe:00:00:00:04"),
      use_random_hw_addr: fc.constant(false),
      // Where there is such a device, the interface gets no queues, and the first packet by it ends VPP.
      host_if_name: pick("nosuch0"),
    }),
  },
  { weight: 1, arbitrary: api("af_packet_delete", { host_if_name: pick("rec0", "nosuch0") }) },
  { weight: 1, arbitrary: api("af_packet_dump", {}) },
);

// --- L2

const bdId = fc.oneof({ weight: 6, arbitrary: pick(1, 2) }, { weight: 1, arbitrary: pick(0, 7, 0x1000000) });
const bdFields = {
  bd_id: bdId,
  flood: yesNo,
  uu_flood: yesNo,
  forward: yesNo,
  learn: yesNo,
  arp_term: yesNo,
  // Without a uu-fwd port the next ARP request ends VPP (vnet/l2/l2_uu_fwd.c:179).
  arp_ufwd: fc.constant(false),
  mac_age: pick(0, 5),
  bd_tag: pick("", "vpplb"),
  is_add: mostlyAdd.map((del) => !del),
};
const l2 = fc.oneof(
  { weight: 3, arbitrary: api("bridge_domain_add_del_v2", bdFields) },
  { weight: 1, arbitrary: api("bridge_domain_add_del", bdFields) },
  {
    weight: 3,
    arbitrary: api("bridge_domain_dump", { bd_id: pick(NO_INDEX, 1, 2, 0, 9), sw_if_index: pick(NO_INDEX) }),
  },
  {
    weight: 5,
    arbitrary: api("sw_interface_set_l2_bridge", {
      rx_sw_if_index: pick(1, 2, 3, 4242),
      bd_id: bdId,
      port_type: pick(0, 0, 1, 1, 2, 9),
      shg: pick(0, 1, 5),
      enable: mostlyAdd.map((del) => !del),
    }),
  },
  { weight: 1, arbitrary: api("bridge_flags", { bd_id: bdId, is_set: yesNo, flags: pick(1, 2, 4, 8, 16, 31) }) },
  { weight: 1, arbitrary: api("bridge_domain_set_mac_age", { bd_id: bdId, mac_age: pick(0, 3) }) },
  {
    weight: 3,
    arbitrary: api("l2fib_add_del", {
      mac: pick("02:00:00:00:00:01", "02:00:00:00:00:02"),
      bd_id: bdId,
      sw_if_index: swIfIndex,
      is_add: yesNo,
      static_mac: yesNo,
      filter_mac: yesNo,
      bvi_mac: fc.constant(false),
    }),
  },
  { weight: 3, arbitrary: api("l2_fib_table_dump", { bd_id: pick(1, 2, NO_INDEX, 9) }) },
  { weight: 1, arbitrary: api("l2fib_flush_bd", { bd_id: bdId }) },
  // Only of what the opening brought up: for others VPP counts beyond its memory (vnet/l2/l2_input.c:231).
  { weight: 1, arbitrary: api("l2fib_flush_int", { sw_if_index: pick(1, 2, 4242) }) },
  {
    weight: 2,
    arbitrary: cli(
      "show bridge-domain",
      ...["show bridge-domain 1 int", "show bridge-domain 2 int", "set bridge-domain learn 1 disable"],
      ...["set interface l2 bridge loop0 1 bvi", "set interface l2 bridge loop1 2", "set interface l3 loop0"],
    ),
  },
  { weight: 1, arbitrary: api("l2fib_flush_all", {}) },
);

// --- IP

const routePrefix = pick(
  ...["0.0.0.0/0", "192.168.9.0/24", "192.168.9.7/32", "192.168.9.7/24", "10.60.1.2/32", "10.61.0.0/16", "10.0.0.0/8"],
  ...["::/0", "2001:db8:99::/48", "2001:db8:60::9/128"],
).map(parsePrefix);

function pathFor(af: number): fc.Arbitrary<{ type: number }> {
  const hops = af === 0 ? ["10.60.1.7", "10.70.0.0", "10.2.2.5", "0.0.0.0"] : ["2001:db8:60::7", "fd00::1", "::"];
  return fc
    .record({
      sw_if_index: fc.oneof({ weight: 3, arbitrary: swIfIndex }, { weight: 2, arbitrary: fc.constant(NO_INDEX) }),
      weight: pick(0, 1, 1, 2, 5),
      preference: pick(0, 0, 0, 1),
      type: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: pick(2, 1) }),
      table_id: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: pick(10, 99) }),
      hop: pick(...hops),
    })
    .map(({ hop, ...rest }) => ({
      ...rest,
      // Without interface and next hop it would be a lookup in another table, which isn't offered.
      ...(rest.sw_if_index === NO_INDEX && hop === hops.at(-1) ? { sw_if_index: 1 } : {}),
      // A path to the host itself by an interface that isn't there ends VPP.
      ...(rest.type === 1 && rest.sw_if_index !== 1 ? { sw_if_index: NO_INDEX } : {}),
      rpf_id: 0,
      flags: 0,
      proto: af,
      nh: { address: parseAddress(hop).un },
      n_labels: 0,
    }));
}

const route = routePrefix.chain((prefix) =>
  fc.record({
    is_add: mostlyAdd.map((del) => !del),
    is_multipath: yesNo,
    route: fc.record({
      table_id: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: pick(10, 99) }),
      stats_index: fc.constant(0),
      prefix: fc.constant(prefix),
      paths: fc.array(pathFor(prefix.address.af), { minLength: 0, maxLength: 3 }),
    }),
  }),
);

const ip = fc.oneof(
  {
    weight: 6,
    arbitrary: route.map((fields): Command => ({
      kind: "api",
      name: "ip_route_add_del",
      fields,
    })),
  },
  {
    weight: 2,
    arbitrary: yesNo.map((is_ip6): Command => ({
      kind: "api",
      name: "ip_route_dump",
      fields: { table: { table_id: 0, is_ip6 } },
    })),
  },
  {
    weight: 2,
    arbitrary: api("ip_route_lookup", { table_id: pick(0, 0, 99), exact: pick(0, 1), prefix: routePrefix }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ is_add: yesNo, table_id: pick(0, 10, 20), is_ip6: yesNo, name: pick("", "vrf10") })
      .map(({ is_add, ...table }): Command => ({ kind: "api", name: "ip_table_add_del", fields: { is_add, table } })),
  },
  { weight: 1, arbitrary: api("ip_table_dump", {}) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        is_add: mostlyAdd.map((del) => !del),
        sw_if_index: swIfIndex,
        flags: pick(0, 1, 2),
        mac_address: pick("02:00:00:00:00:07", "02:00:00:00:00:08"),
        ip_address: pick("10.60.1.7", "10.60.1.2", "2001:db8:60::7").map(parseAddress),
      })
      .map(({ is_add, ...neighbor }): Command => ({
        kind: "api",
        name: "ip_neighbor_add_del",
        fields: { is_add, neighbor },
      })),
  },
  { weight: 2, arbitrary: api("ip_neighbor_dump", { sw_if_index: pick(NO_INDEX, 1, 2), af: pick(0, 1) }) },
  { weight: 1, arbitrary: api("ip_neighbor_flush", { sw_if_index: pick(NO_INDEX, 1), af: pick(0, 1) }) },
);

const control = fc.oneof(
  api("get_first_msg_id", { name: pick("nosuch_00000000", "lb_1234") }),
  api("show_threads", {}),
  api("get_f64_endian_value", { f64_one: pick(1, 2) }),
  api("get_f64_increment_by_one", { f64_value: pick(1, -7.5) }),
  api("api_versions", {}),
);

/** Calls of one area each, and all of them mixed. */
export const areas = {
  lb,
  interfaces: fc.oneof({ weight: 6, arbitrary: interfaces }, { weight: 1, arbitrary: hostInterfaces }),
  l2: fc.oneof({ weight: 3, arbitrary: l2 }, { weight: 1, arbitrary: interfaces }),
  ip: fc.oneof({ weight: 2, arbitrary: ip }, { weight: 1, arbitrary: interfaces }),
  links,
  filters,
  memifs,
  all: fc.oneof(
    { weight: 8, arbitrary: lb },
    { weight: 6, arbitrary: interfaces },
    { weight: 1, arbitrary: hostInterfaces },
    { weight: 4, arbitrary: l2 },
    { weight: 4, arbitrary: ip },
    { weight: 4, arbitrary: filters },
    { weight: 2, arbitrary: memifs },
    { weight: 1, arbitrary: control },
  ),
} as const;

/** What nearly every sequence starts with, so that the calls after it find something. */
export const opening: readonly Command[] = [
  { kind: "api", name: "create_loopback", fields: { mac_address: "00:00:00:00:00:00" } },
  { kind: "api", name: "create_loopback", fields: { mac_address: "00:00:00:00:00:00" } },
  { kind: "api", name: "sw_interface_set_flags", fields: { sw_if_index: 1, flags: 1 } },
  { kind: "api", name: "sw_interface_set_flags", fields: { sw_if_index: 2, flags: 1 } },
];
