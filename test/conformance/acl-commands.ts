/** Random calls of access lists, ACL-based forwarding and tables. */
import fc from "fast-check";
import { parseAddress, parsePrefix } from "vpp-api-ts/codec";
import type { Fields } from "./client.ts";
import type { Command } from "./commands.ts";

const NO_INDEX = 0xffffffff;
const pick = fc.constantFrom;
const yesNo = fc.boolean();

function api(name: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Command> {
  return fc.record(fields).map((values) => ({ kind: "api", name, fields: values as Fields }));
}

function cli(...lines: string[]): fc.Arbitrary<Command> {
  return pick(...lines).map((line) => ({ kind: "cli", line }));
}

function often<T>(value: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 8, arbitrary: value }, { weight: 1, arbitrary: other });
}

const aclIndex = often(pick(0, 1, 2, 3), pick(4, 77, NO_INDEX));
const swIfIndex = often(pick(1, 2), pick(0, 3, 4242));

const prefix4 = often(
  pick("0.0.0.0/0", "10.0.0.0/8", "20.0.0.1/32", "192.0.2.128/25"),
  pick("10.1.2.3/8", "1.2.3.4/31"),
);
const prefix6 = often(pick("::/0", "2001:db8::/32", "2001:db8::1/128"), pick("2001:db8::77/63", "fe80::1/10"));
const port = pick(0, 1, 80, 5000, 5999, 65535);
const range = often(
  fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  pick([9, 8] as const),
);

function ruleOf(prefix: fc.Arbitrary<string>, other: fc.Arbitrary<string>): fc.Arbitrary<Fields> {
  const parsed = (text: string): Fields => parsePrefix(text) as unknown as Fields;
  return fc
    .record({
      is_permit: often(pick(0, 1, 2), pick(3, 255)),
      src_prefix: often(prefix, other).map(parsed),
      dst_prefix: prefix.map(parsed),
      proto: pick(0, 1, 6, 17, 58, 132),
      source: range,
      destination: range,
      tcp_flags_mask: pick(0, 0, 2, 18),
      tcp_flags_value: pick(0, 0, 2),
      length: often(fc.constant(undefined), pick(33, 129, 200)),
    })
    .map(({ source, destination, length, ...rule }) => ({
      ...rule,
      ...(length === undefined ? {} : { dst_prefix: { ...rule.dst_prefix, len: length } }),
      ...{ srcport_or_icmptype_first: source[0], srcport_or_icmptype_last: source[1] },
      ...{ dstport_or_icmpcode_first: destination[0], dstport_or_icmpcode_last: destination[1] },
    }));
}

const rule = fc.oneof(
  { weight: 3, arbitrary: ruleOf(prefix4, often(prefix4, prefix6)) },
  { weight: 1, arbitrary: ruleOf(prefix6, often(prefix6, prefix4)) },
);

const lists = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        acl_index: fc.oneof(fc.constant(NO_INDEX), aclIndex),
        tag: pick("", "flow-a", "a tag", "x".repeat(63)),
        r: fc.array(rule, { maxLength: 3 }),
      })
      .map(({ r, ...fields }): Command => ({
        kind: "api",
        name: "acl_add_replace",
        fields: { ...fields, count: r.length, r },
      })),
  },
  { weight: 4, arbitrary: api("acl_del", { acl_index: aclIndex }) },
  { weight: 2, arbitrary: api("acl_dump", { acl_index: fc.oneof(fc.constant(NO_INDEX), aclIndex) }) },
  {
    weight: 6,
    arbitrary: api("acl_interface_add_del", {
      is_add: fc.oneof(fc.constant(true), yesNo),
      is_input: yesNo,
      sw_if_index: swIfIndex,
      acl_index: aclIndex,
    }),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ sw_if_index: swIfIndex, n_input: pick(0, 1, 2, 5), acls: fc.array(aclIndex, { maxLength: 4 }) })
      .map((fields): Command => ({
        kind: "api",
        name: "acl_interface_set_acl_list",
        fields: { ...fields, count: fields.acls.length },
      })),
  },
  {
    weight: 3,
    arbitrary: api("acl_interface_list_dump", { sw_if_index: fc.oneof(fc.constant(NO_INDEX), swIfIndex) }),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        sw_if_index: swIfIndex,
        n_input: pick(0, 1),
        whitelist: fc.array(pick(0x806, 0x88cc), { maxLength: 3 }),
      })
      .map((fields): Command => ({
        kind: "api",
        name: "acl_interface_set_etype_whitelist",
        fields: { ...fields, count: fields.whitelist.length },
      })),
  },
  {
    weight: 2,
    arbitrary: api("acl_interface_etype_whitelist_dump", { sw_if_index: fc.oneof(fc.constant(NO_INDEX), swIfIndex) }),
  },
  { weight: 1, arbitrary: api("acl_plugin_get_version", {}) },
  { weight: 1, arbitrary: api("acl_plugin_get_conn_table_max_entries", {}) },
  { weight: 1, arbitrary: api("acl_plugin_use_hash_lookup_get", {}) },
  { weight: 1, arbitrary: api("acl_plugin_use_hash_lookup_set", { enable: yesNo }) },
);

const aclLines = cli(
  ...["show acl-plugin acl", "show acl-plugin acl index 1", "show acl-plugin interface", "sh acl-plugin interface acl"],
  ...["show acl-plugin interface sw_if_index 1 acl detail", "show acl-plugin interface sw_if_index 2 detail"],
  ...["show acl-plugin lookup context", "show acl-plugin lookup context index 1", "show acl-plugin lookup user"],
  ...["show acl-plugin lookup user index 1", "show acl-plugin nosuch", "set acl-plugin acl permit dport 7-3"],
  ...["set acl-plugin acl permit src 10.1.1.1/8 dst 20.0.0.1/32 proto 6 dport 80, deny tag web"],
  ...["set acl-plugin acl index 1 permit+reflect dst 2001:db8::/32 src ::/0 tcpflags 2 mask 18", "set acl-plugin acl"],
  ...["set acl-plugin acl permit dst 2001:db8::/32", "set acl-plugin acl action 7 sport 3 count 2,,deny"],
  ...["set acl-plugin interface loop0 input acl 1", "set acl-plugin interface loop0 input acl 1 del"],
  ...[
    "set acl-plugin interface loop1 output acl 0",
    "set acl-plugin interface loop1",
    "set acl-plugin interface acl 1",
  ],
  ...["delete acl-plugin acl index 2", "delete acl-plugin acl index 99", "delete acl-plugin acl", "set acl-plugin x"],
  ...["set acl-plugin reclassify-sessions 1", "set acl-plugin reclassify-sessions 0", "set acl-plugin session"],
  ...["set acl-plugin session timeout udp idle 30", "set acl-plugin session timeout udp idle x"],
  ...["set acl-plugin session table max-entries 1000", "set acl-plugin session table max-entries"],
  ...["set acl-plugin session timeout tcp transient 7", "set acl-plugin l4-match-nonfirst-fragment 1"],
  ...["show acl-plugin memory", "clear acl-plugin sessions", "show acl-plugin decode 5tuple zz"],
  ...[
    "show acl-plugin decode 5tuple 1 2 3 4 5 6",
    "show acl-plugin decode 5tuple 1 2 3 4 0003000611110050 0b12000000000007",
  ],
);

const HOPS = ["198.18.0.1", "198.18.0.2", "10.60.1.7", "2001:db8::7"];

const path = fc
  .record({
    sw_if_index: often(fc.constant(NO_INDEX), pick(1, 4242)),
    table_id: often(fc.constant(0), pick(99)),
    weight: pick(0, 1, 2),
    preference: pick(0, 0, 1),
    type: often(fc.constant(0), pick(2)),
    hop: pick(...HOPS),
  })
  .map(({ hop, ...rest }): Fields => {
    const { af, un } = parseAddress(hop);
    return { ...rest, rpf_id: 0, flags: 0, proto: af, nh: { address: un }, n_labels: 0 };
  });

const policies = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        is_add: fc.oneof(fc.constant(true), yesNo),
        policy_id: pick(1, 2, 3),
        acl_index: aclIndex,
        paths: often(fc.array(path, { minLength: 1, maxLength: 2 }), fc.constant<Fields[]>([])),
      })
      .map(({ is_add, ...policy }): Command => ({
        kind: "api",
        name: "abf_policy_add_del",
        fields: { is_add, policy: { ...policy, n_paths: policy.paths.length } },
      })),
  },
  {
    weight: 8,
    arbitrary: fc
      .record({
        is_add: fc.oneof(fc.constant(true), yesNo),
        policy_id: pick(1, 2, 3),
        sw_if_index: pick(1, 2),
        priority: pick(0, 1, 5, 5, 0x7fffffff, NO_INDEX),
        is_ipv6: often(fc.constant(false), fc.constant(true)),
      })
      .map(({ is_add, ...attach }): Command => ({
        kind: "api",
        name: "abf_itf_attach_add_del",
        fields: { is_add, attach },
      })),
  },
  { weight: 3, arbitrary: api("abf_policy_dump", {}) },
  { weight: 3, arbitrary: api("abf_itf_attach_dump", {}) },
  { weight: 1, arbitrary: api("abf_plugin_get_version", {}) },
  {
    weight: 2,
    arbitrary: cli(
      ...[
        "show abf attach",
        "show abf attach nosuch",
        "show abf policy 99",
        "show abf policy x",
        "abf policy add id 4",
      ],
      ...["abf policy add acl 1 via 10.60.1.7", "abf policy add id 4 via 10.60.1.7", "abf attach ip4 policy 99 loop0"],
      ...["abf attach policy 1 loop0", "abf attach ip4 policy 1", "abf attach ip4 loop0", "abf attach ip4 bogus"],
      ...[
        "abf policy add id 4 acl 1 via 10.60.1.7 nosuch",
        "abf policy del id 99 via 10.60.1.7",
        "abf policy del id 1",
      ],
    ),
  },
);

const tables = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ is_add: yesNo, table_id: pick(0, 10, 20), is_ip6: yesNo, name: pick("", "vrf10", "\u00fc") })
      .map(({ is_add, ...table }): Command => ({
        kind: "api",
        name: "ip_table_add_del_v2",
        fields: { is_add, table: { ...table, create_mfib: true } },
      })),
  },
  {
    weight: 2,
    arbitrary: api("sw_interface_set_table", { sw_if_index: swIfIndex, is_ipv6: yesNo, vrf_id: pick(0, 10, 20, 77) }),
  },
  { weight: 2, arbitrary: api("sw_interface_get_table", { sw_if_index: swIfIndex, is_ipv6: yesNo }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ table_id: pick(10, 20, 77), is_ip6: yesNo, name: pick("") })
      .map((table): Command => ({ kind: "api", name: "ip_table_flush", fields: { table } })),
  },
  { weight: 1, arbitrary: api("ip_table_dump", {}) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        is_add: often(fc.constant(true), yesNo),
        sw_if_index: pick(1, 2),
        prefix: pick("10.60.1.1/24", "10.60.2.1/24"),
      })
      .map(({ prefix, ...fields }): Command => ({
        kind: "api",
        name: "sw_interface_add_del_address",
        fields: { ...fields, del_all: false, prefix: parsePrefix(prefix) },
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        is_add: often(fc.constant(true), yesNo),
        hop: pick("198.18.0.1", "198.18.0.2"),
        table_id: pick(0, 0, 10),
      })
      .map(({ is_add, hop, table_id }): Command => ({
        kind: "api",
        name: "ip_route_add_del",
        fields: {
          ...{ is_add, is_multipath: false },
          route: {
            ...{ table_id, stats_index: 0, prefix: parsePrefix("20.0.0.1/32") },
            paths: [
              {
                ...{ sw_if_index: NO_INDEX, table_id: 0, weight: 1, preference: 0, type: 0, rpf_id: 0, flags: 0 },
                ...{ proto: 0, nh: { address: parseAddress(hop).un }, n_labels: 0 },
              },
            ],
          },
        },
      })),
  },
  { weight: 1, arbitrary: cli("show ip table", "show ip6 table", "create loopback interface") },
  {
    weight: 1,
    arbitrary: fc.constant<Command>({
      kind: "api",
      name: "ip_route_lookup",
      fields: { table_id: 0, exact: 0, prefix: parsePrefix("20.0.0.1/32") },
    }),
  },
);

export const filters: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: lists },
  { weight: 2, arbitrary: aclLines },
  { weight: 3, arbitrary: policies },
  { weight: 2, arbitrary: tables },
);

interface Policy {
  readonly acl: number;
  readonly paths: Set<string>;
  /** Attachments as `interface` -> family. */
  readonly attached: Map<number, boolean>;
}

/**
 * The commands without those of abf that end VPP or leave it astray: a path that the policy has, an attachment of an unknown
 * policy, deleting the last path of an attached one, detaching by the wrong family.
 */
export function withoutTraps(commands: readonly Command[]): Command[] {
  const known = new Map<number, Policy>();
  return commands.filter((command) => {
    if (command.kind !== "api") return true;
    if (command.name === "abf_policy_add_del") return keepPolicy(known, command.fields);
    if (command.name === "abf_itf_attach_add_del") return keepAttachment(known, command.fields);
    return true;
  });
}

function keepPolicy(known: Map<number, Policy>, fields: Fields): boolean {
  const {
    policy_id: id,
    acl_index: acl,
    paths,
  } = fields["policy"] as { policy_id: number; acl_index: number; paths: Fields[] };
  if (paths.length === 0 || paths.some(isRefused)) return true;
  const keys = paths.map(pathKey);
  if (new Set(keys).size < keys.length) return false;
  const policy = known.get(id);
  if (fields["is_add"] === true) {
    if (policy === undefined) known.set(id, { acl, paths: new Set(keys), attached: new Map() });
    else if (policy.acl === acl) {
      if (keys.some((key) => policy.paths.has(key))) return false;
      for (const key of keys) policy.paths.add(key);
    }
    return true;
  }
  if (policy === undefined) return true;
  // Of paths that are not there VPP takes none away, and leaves the policy on a freed list.
  if (!keys.every((key) => policy.paths.has(key))) return false;
  if (keys.length < policy.paths.size) for (const key of keys) policy.paths.delete(key);
  else if (policy.attached.size > 0) return false;
  else known.delete(id);
  return true;
}

/** An interface or table that is not there; a path that drops has neither (fib_api.c fib_api_path_decode). */
function isRefused(path: Fields): boolean {
  if (path["type"] !== 0) return false;
  return path["sw_if_index"] === NO_INDEX ? path["table_id"] === 99 : path["sw_if_index"] === 4242;
}

/** VPP tells paths apart by what they lead to alone. */
function pathKey(path: Fields): string {
  if (path["type"] !== 0) return `drop ${path["proto"] as number}`;
  return JSON.stringify([path["sw_if_index"], path["nh"], path["proto"]]);
}

function keepAttachment(known: Map<number, Policy>, fields: Fields): boolean {
  const {
    policy_id: id,
    sw_if_index,
    is_ipv6,
  } = fields["attach"] as {
    policy_id: number;
    sw_if_index: number;
    is_ipv6: boolean;
  };
  const policy = known.get(id);
  if (fields["is_add"] === true) {
    if (policy === undefined) return false;
    if (!policy.attached.has(sw_if_index)) policy.attached.set(sw_if_index, is_ipv6);
    return true;
  }
  if (policy?.attached.has(sw_if_index) !== true) return true;
  if (policy.attached.get(sw_if_index) !== is_ipv6) return false;
  policy.attached.delete(sw_if_index);
  return true;
}
