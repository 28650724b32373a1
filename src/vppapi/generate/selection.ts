/**
 * The messages that are checked in: what programs a load-balancer, and what its users' next steps need. A whole module,
 * or the names in it. Left out on purpose: rpc_call, whose argument is an address that VPP calls (memclnt_api.c:480).
 */
const selection: Readonly<Record<string, true | RegExp>> = {
  abf: true,
  acl: true,
  af_packet: true,
  arping: true,
  feature: /^feature_is_enabled(_reply)?$/,
  gre: true,
  interface: true,
  ip_neighbor: true,
  lb: true,
  memif: true,
  tapv2: true,
  ip: /^ip_(route|table|address|unnumbered|reassembly|local_reass|path_mtu|dump|details|mtu)|^sw_interface_ip6_enable|^set_ip_flow_hash|^ip_container|^add_del_ip_punt/,
  l2: /^(bridge_domain|sw_interface_set_l2_(bridge|xconnect)|l2_fib|l2fib|l2_xconnect|l2_flags|l2_interface_vlan_tag_rewrite|bd_ip_mac|bridge_flags|want_l2_macs|l2_macs)/,
  memclnt:
    /^(sockclnt_(create|delete)|control_ping|get_first_msg_id|api_versions|get_api_json|memclnt_keepalive)(_reply)?$/,
  vlib: /^(cli|cli_inband|show_threads|get_f64_endian_value|get_node_index|add_node_next|get_f64_increment_by_one)(_reply)?$/,
  vpe: /^(show_version|show_vpe_system_time|log_dump|log_details|control_ping|cli|cli_inband|show_threads|get_f64_endian_value|get_f64_increment_by_one|get_node_index)(_reply)?$/,
};

/** Is this message of this module checked in? */
export function isSelected(name: string, module: string): boolean {
  const rule = selection[module];
  if (rule === undefined) return false;
  return rule === true || rule.test(name);
}
