/** acl.api: plugins/acl/acl.c. */
import type { RawRule } from "../../acl/acl.ts";
import type { DirectionLists } from "../../acl/interface-lists.ts";
import type { Acl, AclRule } from "../../acl/types.ts";
import type { Dataplane } from "../../dataplane.ts";
import { NO_INDEX } from "../../model.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { decodeAddress, encodePrefix, fixedText, type WirePrefix } from "./wire.ts";

const PLUGIN_MAJOR = 1;
const PLUGIN_MINOR = 4;

interface WireRule {
  readonly is_permit: number;
  readonly src_prefix: WirePrefix;
  readonly dst_prefix: WirePrefix;
  readonly proto: number;
  readonly srcport_or_icmptype_first: number;
  readonly srcport_or_icmptype_last: number;
  readonly dstport_or_icmpcode_first: number;
  readonly dstport_or_icmpcode_last: number;
  readonly tcp_flags_mask: number;
  readonly tcp_flags_value: number;
}

function decodeRule(rule: WireRule): RawRule {
  return {
    action: rule.is_permit,
    source: decodeAddress(rule.src_prefix.address),
    sourceLength: rule.src_prefix.len,
    destination: decodeAddress(rule.dst_prefix.address),
    destinationLength: rule.dst_prefix.len,
    protocol: rule.proto,
    sourcePortFirst: rule.srcport_or_icmptype_first,
    sourcePortLast: rule.srcport_or_icmptype_last,
    destinationPortFirst: rule.dstport_or_icmpcode_first,
    destinationPortLast: rule.dstport_or_icmpcode_last,
    tcpFlagsMask: rule.tcp_flags_mask,
    tcpFlagsValue: rule.tcp_flags_value,
  };
}

function encodeRule(rule: AclRule): Fields {
  return {
    is_permit: rule.action,
    src_prefix: encodePrefix(rule.source, rule.sourceLength),
    dst_prefix: encodePrefix(rule.destination, rule.destinationLength),
    proto: rule.protocol,
    srcport_or_icmptype_first: rule.sourcePortFirst,
    srcport_or_icmptype_last: rule.sourcePortLast,
    dstport_or_icmpcode_first: rule.destinationPortFirst,
    dstport_or_icmpcode_last: rule.destinationPortLast,
    tcp_flags_mask: rule.tcpFlagsMask,
    tcp_flags_value: rule.tcpFlagsValue,
  };
}

/** Interfaces that a dump is about: one, none where it is unknown, or all. */
function interfacesOf({ interfaces }: Dataplane, swIfIndex: number): number[] {
  if (swIfIndex !== NO_INDEX) return interfaces.has(swIfIndex) ? [swIfIndex] : [];
  return [...interfaces].map((iface) => iface.swIfIndex);
}

interface ListFields {
  readonly sw_if_index: number;
  readonly n_input: number;
  readonly acls: readonly number[];
}

interface WhitelistFields {
  readonly sw_if_index: number;
  readonly n_input: number;
  readonly whitelist: readonly number[];
}

interface Both {
  readonly swIfIndex: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

function bothOf(
  { acl }: Dataplane,
  swIfIndex: number,
  pick: (lists: DirectionLists) => readonly number[] | undefined,
): Both {
  return { swIfIndex, input: pick(acl.input) ?? [], output: pick(acl.output) ?? [] };
}

/** Without an own reply: the handler sends acl_del's (acl.c:1826). */
const statsEnable = {
  kind: "request" as const,
  reply: "acl_del_reply",
  run: (fields: Fields, call: { readonly dataplane: Dataplane }): Fields => {
    call.dataplane.acl.countersEnabled = fields["enable"] === true;
    return {};
  },
};

export const aclHandlers: Handlers = {
  acl_plugin_get_version: request(() => ({ major: PLUGIN_MAJOR, minor: PLUGIN_MINOR })),
  acl_plugin_control_ping: request((_fields, { clientIndex }) => ({
    client_index: clientIndex,
    vpe_pid: process.pid,
  })),
  acl_plugin_get_conn_table_max_entries: request((_fields, { dataplane: { acl } }) => ({
    conn_table_max_entries: BigInt(acl.sessions.maxEntries),
  })),
  acl_add_replace: request<{ acl_index: number; tag: string; r: readonly WireRule[] }>((fields, { dataplane }) => {
    const { retval, aclIndex } = dataplane.acl.addReplace(fields.acl_index, fields.tag, fields.r.map(decodeRule));
    return { retval, acl_index: aclIndex };
  }),
  acl_del: action<{ acl_index: number }>((fields, { dataplane }) => dataplane.acl.delete(fields.acl_index)),
  acl_interface_add_del: action<{ is_add: boolean; is_input: boolean; sw_if_index: number; acl_index: number }>(
    (fields, { dataplane: { acl } }) =>
      acl.addDelList(fields.sw_if_index, fields.is_add, fields.is_input, fields.acl_index),
  ),
  acl_interface_set_acl_list: action<ListFields>(({ sw_if_index, n_input, acls }, { dataplane: { acl } }) =>
    acl.setLists(sw_if_index, acls.slice(0, n_input), acls.slice(n_input)),
  ),
  acl_dump: dump(
    (fields: { acl_index: number }, { dataplane: { acl } }): Acl[] => {
      if (fields.acl_index === NO_INDEX) return [...acl.acls];
      const one = acl.get(fields.acl_index);
      return one === undefined ? [] : [one];
    },
    ({ index, tag, rules }) => ({
      acl_index: index,
      tag: fixedText(tag),
      count: rules.length,
      r: rules.map(encodeRule),
    }),
    "acl_details",
  ),
  acl_interface_list_dump: dump(
    (fields: { sw_if_index: number }, { dataplane }): Both[] =>
      interfacesOf(dataplane, fields.sw_if_index).map((swIfIndex) => {
        dataplane.acl.shown(swIfIndex);
        return bothOf(dataplane, swIfIndex, (lists) => lists.listOf(swIfIndex));
      }),
    ({ swIfIndex, input, output }) => ({
      sw_if_index: swIfIndex,
      count: (input.length + output.length) & 0xff,
      n_input: input.length & 0xff,
      acls: [...input, ...output],
    }),
    "acl_interface_list_details",
  ),
  acl_interface_set_etype_whitelist: action<WhitelistFields>(
    ({ sw_if_index, n_input, whitelist }, { dataplane: { acl } }) =>
      acl.setEtherTypes(sw_if_index, whitelist.slice(0, n_input), whitelist.slice(n_input)),
  ),
  acl_interface_etype_whitelist_dump: dump(
    (fields: { sw_if_index: number }, { dataplane }): Both[] =>
      interfacesOf(dataplane, fields.sw_if_index)
        .map((swIfIndex) => bothOf(dataplane, swIfIndex, (lists) => lists.whitelists.get(swIfIndex)))
        .filter(({ input, output }) => input.length + output.length > 0),
    ({ swIfIndex, input, output }) => ({
      sw_if_index: swIfIndex,
      count: (input.length + output.length) & 0xff,
      n_input: input.length & 0xff,
      whitelist: [...input, ...output],
    }),
    "acl_interface_etype_whitelist_details",
  ),
  acl_stats_intf_counters_enable: statsEnable,
  acl_plugin_use_hash_lookup_set: action<{ enable: boolean }>(({ enable }, { dataplane: { acl } }) => {
    acl.useHash = enable;
    return RETVAL_OK;
  }),
  acl_plugin_use_hash_lookup_get: request((_fields, { dataplane: { acl } }) => ({ enable: acl.useHash })),
};

const RETVAL_OK = 0;
