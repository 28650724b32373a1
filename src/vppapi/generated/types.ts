// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { Address, Ip4Address, Ip6Address, MacAddress, Prefix } from "../codec/index.ts";

export interface AbfItfAttach {
  policy_id: number;
  sw_if_index: number;
  priority: number;
  is_ipv6: boolean;
}

export interface AbfPolicy {
  policy_id: number;
  acl_index: number;
  n_paths: number;
  paths: FibPath[];
}

export interface AclRule {
  is_permit: number;
  src_prefix: Prefix;
  dst_prefix: Prefix;
  proto: number;
  srcport_or_icmptype_first: number;
  srcport_or_icmptype_last: number;
  dstport_or_icmpcode_first: number;
  dstport_or_icmpcode_last: number;
  tcp_flags_mask: number;
  tcp_flags_value: number;
}

export interface AddressUnion {
  ip4: Ip4Address;
  ip6: Ip6Address;
}

export interface BdIpMac {
  bd_id: number;
  ip: Address;
  mac: MacAddress;
}

export interface BridgeDomainSwIf {
  context: number;
  sw_if_index: number;
  shg: number;
}

export interface FibMplsLabel {
  is_uniform: number;
  label: number;
  ttl: number;
  exp: number;
}

export interface FibPath {
  sw_if_index: number;
  table_id: number;
  rpf_id: number;
  weight: number;
  preference: number;
  type: number;
  flags: number;
  proto: number;
  nh: FibPathNh;
  n_labels: number;
  label_stack: FibMplsLabel[];
}

export interface FibPathNh {
  address: AddressUnion;
  via_label: number;
  obj_id: number;
  classify_table_index: number;
}

export interface GreTunnel {
  type: number;
  mode: number;
  flags: number;
  session_id: number;
  instance: number;
  outer_table_id: number;
  sw_if_index: number;
  src: Address;
  dst: Address;
}

export interface GreTunnelV2 {
  type: number;
  mode: number;
  flags: number;
  session_id: number;
  instance: number;
  outer_table_id: number;
  sw_if_index: number;
  src: Address;
  dst: Address;
  key: number;
}

export interface Ip4Prefix {
  address: Ip4Address;
  len: number;
}

export interface Ip6Prefix {
  address: Ip6Address;
  len: number;
}

export interface IpNeighbor {
  sw_if_index: number;
  flags: number;
  mac_address: MacAddress;
  ip_address: Address;
}

export interface IpPathMtu {
  client_index: number;
  context: number;
  table_id: number;
  nh: Address;
  path_mtu: number;
}

export interface IpRoute {
  table_id: number;
  stats_index: number;
  prefix: Prefix;
  n_paths: number;
  paths: FibPath[];
}

export interface IpRouteV2 {
  table_id: number;
  stats_index: number;
  prefix: Prefix;
  n_paths: number;
  src: number;
  paths: FibPath[];
}

export interface IpTable {
  table_id: number;
  is_ip6: boolean;
  name: string;
}

export interface LbVip {
  pfx: Prefix;
  protocol: number;
  port: number;
}

export interface MacEntry {
  sw_if_index: number;
  mac_addr: MacAddress;
  action: number;
  flags: number;
}

export interface MacipAclRule {
  is_permit: number;
  src_mac: MacAddress;
  src_mac_mask: MacAddress;
  src_prefix: Prefix;
}

export interface MessageTableEntry {
  index: number;
  name: string;
}

export interface ModuleVersion {
  major: number;
  minor: number;
  patch: number;
  name: string;
}

export interface PrefixMatcher {
  le: number;
  ge: number;
}

export interface PuntRedirectV2 {
  rx_sw_if_index: number;
  af: number;
  n_paths: number;
  paths: FibPath[];
}

export interface ThreadData {
  id: number;
  name: string;
  type: string;
  pid: number;
  cpu_id: number;
  core: number;
  cpu_socket: number;
}
