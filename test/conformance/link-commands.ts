/** Random calls of sub-interfaces, tag rewrites and cross-connects. */
import fc from "fast-check";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import type { Fields } from "./client.ts";
import type { Command } from "./commands.ts";

const NO_INDEX = 0xffffffff;
const pick = fc.constantFrom;

function api(name: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Command> {
  return fc.record(fields).map((values) => ({ kind: "api", name, fields: values as Fields }));
}

function cli(...lines: string[]): fc.Arbitrary<Command> {
  return pick(...lines).map((line) => ({ kind: "cli", line }));
}

function often<T>(value: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: other });
}

const swIfIndex = often(pick(1, 2, 3, 4, 5, 6), pick(0, 7, 8, 4242, NO_INDEX - 1));
/** A sub-interface of a sub-interface ends VPP sooner or later: only hardware, or none. */
const hardware = often(pick(1, 2), pick(4242));
/** Ids above 4095 are written beyond VPP's tables. */
const vlan = often(pick(0, 100, 101, 200), pick(7, 4095));
/** noTags 1, oneTag 2, twoTags 4, dot1ad 8, exact 16, default 32, outerAny 64, innerAny 128. */
const flags = often(pick(18, 18, 2, 20, 4, 10, 26, 28, 132), pick(0, 1, 17, 32, 66, 196, 148, 255));

/** What has no tags takes the place of the interface itself, which then gets no event of its own: not compared. */
const subInterfaces = fc.oneof(
  {
    weight: 3,
    arbitrary: api("create_vlan_subif", { sw_if_index: hardware, vlan_id: often(pick(100, 101, 200), pick(0, 4096)) }),
  },
  {
    weight: 4,
    arbitrary: api("create_subif", {
      sw_if_index: hardware,
      sub_id: pick(1, 2, 100, 200),
      sub_if_flags: flags,
      outer_vlan_id: vlan,
      inner_vlan_id: vlan,
    }),
  },
  { weight: 2, arbitrary: api("delete_subif", { sw_if_index: swIfIndex }) },
  { weight: 5, arbitrary: api("sw_interface_set_flags", { sw_if_index: swIfIndex, flags: pick(1, 1, 1, 0) }) },
  {
    weight: 3,
    arbitrary: cli(
      ...[
        "create sub-interfaces loop0 100",
        "create sub-interfaces loop0 300-302",
        "create sub-interfaces loop1 5 default",
      ],
      ...[
        "create sub-interfaces loop1 6 dot1q 100",
        "create sub-interfaces loop1 7 dot1q 100 inner-dot1q 5 exact-match",
      ],
      ...["create sub-interfaces loop1 8 dot1ad 100 inner-dot1q any", "create sub-interfaces loop0 9 dot1q any"],
      ...["create sub-interfaces loop0 10 dot1q any inner-dot1q any exact-match", "create sub-interfaces nosuch 1"],
      ...["create sub-interfaces loop0", "create sub-interfaces loop0 5-3", "create sub-interfaces loop0 11 dot1q x"],
      ...["create sub-interfaces loop0 12 dot1q 12 exact-match", "delete sub-interface loop0.100"],
      ...["delete sub-interface loop0", "delete sub-interface loop0.9", "create sub-interfaces loop0.100 1"],
    ),
  },
);

const settings = fc.oneof(
  {
    weight: 4,
    arbitrary: api("sw_interface_add_del_address", {
      sw_if_index: swIfIndex,
      is_add: pick(true, true, false),
      del_all: often(fc.constant(false), fc.constant(true)),
      prefix: pick("10.60.1.1/24", "10.61.0.1/16", "2001:db8:60::1/64").map(parsePrefix),
    }),
  },
  {
    weight: 2,
    arbitrary: api("sw_interface_set_mtu", { sw_if_index: swIfIndex, mtu: pick([1500, 0, 0, 0], [0, 1400, 1300, 0]) }),
  },
  { weight: 1, arbitrary: api("hw_interface_set_mtu", { sw_if_index: swIfIndex, mtu: pick(1400, 9000) }) },
  {
    weight: 1,
    arbitrary: api("sw_interface_tag_add_del", { sw_if_index: swIfIndex, is_add: fc.boolean(), tag: pick("vpplb") }),
  },
  {
    weight: 1,
    arbitrary: api("sw_interface_set_table", { sw_if_index: swIfIndex, is_ipv6: fc.boolean(), vrf_id: pick(0, 10) }),
  },
  { weight: 2, arbitrary: api("ip_address_dump", { sw_if_index: swIfIndex, is_ipv6: fc.boolean() }) },
);

const layer2 = fc.oneof(
  {
    weight: 4,
    arbitrary: api("l2_interface_vlan_tag_rewrite", {
      sw_if_index: swIfIndex,
      vtr_op: often(pick(0, 1, 2, 3, 4, 5, 6, 7, 8), pick(9, NO_INDEX)),
      push_dot1q: pick(0, 1, 7),
      tag1: pick(0, 9, 300, 70000),
      tag2: pick(0, 10),
    }),
  },
  {
    weight: 4,
    arbitrary: api("sw_interface_set_l2_xconnect", {
      rx_sw_if_index: swIfIndex,
      tx_sw_if_index: swIfIndex,
      enable: pick(true, true, false),
    }),
  },
  {
    weight: 4,
    arbitrary: api("sw_interface_set_l2_bridge", {
      // local0 ends VPP.
      rx_sw_if_index: swIfIndex.map((index) => index || 1),
      bd_id: pick(1, 2),
      port_type: pick(0, 0, 0, 1, 2),
      shg: pick(0, 1),
      enable: pick(true, true, true, false),
    }),
  },
  {
    weight: 3,
    arbitrary: cli(
      ...["set interface l2 tag-rewrite loop0.100 pop 1", "set interface l2 tag-rewrite loop0.100 push dot1q 7 8"],
      ...["set interface l2 tag-rewrite loop1.7 pop 2", "set interface l2 tag-rewrite loop1.7 translate 2-1 dot1ad 4"],
      ...["set interface l2 tag-rewrite loop0.100 nonsense", "set interface l2 tag-rewrite loop0.100 disable"],
      ...[
        "set interface l2 xconnect loop0.100 loop1",
        "set interface l2 xconnect loop0.100",
        "set interface l3 loop0.100",
      ],
      ...["set interface l3 loop0", "set interface l2 bridge loop0.100 1", "set interface l2 bridge loop0 1 bvi"],
    ),
  },
);

const shown = fc.oneof(
  {
    weight: 4,
    arbitrary: api("sw_interface_dump", {
      sw_if_index: often(fc.constant(NO_INDEX), swIfIndex),
      name_filter_valid: fc.constant(false),
      name_filter: fc.constant(""),
    }),
  },
  { weight: 2, arbitrary: api("l2_xconnect_dump", {}) },
  {
    weight: 1,
    arbitrary: api("bridge_domain_dump", { bd_id: fc.constant(NO_INDEX), sw_if_index: fc.constant(NO_INDEX) }),
  },
  {
    weight: 5,
    arbitrary: cli(
      ...[
        // Without "show interface": the real VPP's counters count its own multicast listener reports after a second.
        "show interface address",
        "show mode",
        "show interface vtr loop0.100",
        "show interface vtr",
      ],
      ...["show interface vtr loop1.7", "show bridge-domain 1 int", "show bridge-domain 2 int"],
      ...[
        "set interface state loop0.100 up",
        "set interface mtu packet 1234 loop0.100",
        "set interface mtu 1300 loop0.100",
      ],
      ...["set interface mac address loop0 02:fe:00:00:00:0b", "set interface ip address loop0.100 10.9.0.1/24"],
      ...["set interface ip address loop1.6 10.9.1.1/24"],
    ),
  },
  { weight: 1, arbitrary: api("want_interface_events", { enable_disable: pick(1, 1, 0), pid: pick(7) }) },
);

const ipMac = fc.record({
  bd_id: often(pick(1, 2), pick(0, 7)),
  ip: pick("10.60.1.7", "10.60.1.8", "2001:db8:60::7").map(parseAddress),
  mac: pick("02:00:00:00:00:07", "02:00:00:00:00:08"),
});

const others = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(pick(true, true, false), ipMac).map(([is_add, entry]): Command => ({
      ...{ kind: "api", name: "bd_ip_mac_add_del", fields: { is_add, entry } },
    })),
  },
  { weight: 2, arbitrary: api("bd_ip_mac_dump", { bd_id: pick(1, 2, NO_INDEX, 9) }) },
  { weight: 1, arbitrary: api("bd_ip_mac_flush", { bd_id: pick(1, 2, 0, 9) }) },
  {
    weight: 1,
    arbitrary: cli(
      ...["set bridge-domain arp entry 1 10.60.1.9 02:00:00:00:00:09", "set bridge-domain arp entry 1 del-all"],
      ...["set bridge-domain arp entry 1 10.60.1.9 02:00:00:00:00:0a del", "set bridge-domain arp entry 9 del-all"],
      ...["set bridge-domain arp term 1", "set bridge-domain arp entry 1 nonsense", "show ip neighbor-config"],
      ...["set ip neighbor-config ip4 limit 1000 age 60 recycle", "set ip neighbor-config ip6 norecycle"],
    ),
  },
  {
    weight: 1,
    arbitrary: api("ip_neighbor_config", {
      af: pick(0, 1),
      max_number: pick(0, 50_000),
      max_age: pick(0, 600),
      recycle: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: api("ip_neighbor_config_get", { af: pick(0, 1) }) },
  {
    weight: 2,
    arbitrary: api("ip_reassembly_set", {
      ...{ timeout_ms: pick(200, 5000), max_reassemblies: pick(10, 2048), max_reassembly_length: pick(3, 60) },
      ...{ expire_walk_interval_ms: pick(50, 10_000), is_ip6: fc.boolean(), type: pick(0, 1) },
    }),
  },
  { weight: 2, arbitrary: api("ip_reassembly_get", { is_ip6: fc.boolean(), type: pick(0, 1) }) },
  {
    weight: 2,
    arbitrary: api("ip_reassembly_enable_disable", {
      // Of others VPP makes what it is asked for, or ends.
      ...{ sw_if_index: pick(1, 2), enable_ip4: fc.boolean(), enable_ip6: fc.boolean(), type: pick(0, 1) },
    }),
  },
  { weight: 1, arbitrary: api("ip_local_reass_get", {}) },
  {
    weight: 1,
    arbitrary: api("ip_local_reass_enable_disable", { enable_ip4: fc.boolean(), enable_ip6: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: cli(
      ...["show ip4-full-reassembly", "show ip6-full-reassembly", "show ip4-sv-reassembly", "show ip6-sv-reassembly"],
      ...[
        "set interface reassembly loop0 on",
        "set interface reassembly loop0 ip4",
        "set interface reassembly nosuch on",
      ],
      ...["set interface reassembly loop0", "set interface reassembly loop0 nonsense"],
    ),
  },
);

export const links: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: subInterfaces },
  { weight: 2, arbitrary: settings },
  { weight: 3, arbitrary: layer2 },
  { weight: 2, arbitrary: others },
  { weight: 3, arbitrary: shown },
);
