// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
/** `vl_api_acl_action_t` */
export const AclAction = {
  ACL_ACTION_API_DENY: 0,
  ACL_ACTION_API_PERMIT: 1,
  ACL_ACTION_API_PERMIT_REFLECT: 2,
} as const;

/** `vl_api_address_family_t` */
export const AddressFamily = {
  ADDRESS_IP4: 0,
  ADDRESS_IP6: 1,
} as const;

/** `vl_api_af_packet_flags_t` */
export const AfPacketFlags = {
  AF_PACKET_API_FLAG_QDISC_BYPASS: 1,
  AF_PACKET_API_FLAG_CKSUM_GSO: 2,
  AF_PACKET_API_FLAG_VERSION_2: 8,
} as const;

/** `vl_api_af_packet_mode_t` */
export const AfPacketMode = {
  AF_PACKET_API_MODE_ETHERNET: 1,
  AF_PACKET_API_MODE_IP: 2,
} as const;

/** `vl_api_bd_flags_t` */
export const BdFlags = {
  BRIDGE_API_FLAG_NONE: 0,
  BRIDGE_API_FLAG_LEARN: 1,
  BRIDGE_API_FLAG_FWD: 2,
  BRIDGE_API_FLAG_FLOOD: 4,
  BRIDGE_API_FLAG_UU_FLOOD: 8,
  BRIDGE_API_FLAG_ARP_TERM: 16,
  BRIDGE_API_FLAG_ARP_UFWD: 32,
} as const;

/** `vl_api_fib_path_flags_t` */
export const FibPathFlags = {
  FIB_API_PATH_FLAG_NONE: 0,
  FIB_API_PATH_FLAG_RESOLVE_VIA_ATTACHED: 1,
  FIB_API_PATH_FLAG_RESOLVE_VIA_HOST: 2,
  FIB_API_PATH_FLAG_POP_PW_CW: 4,
} as const;

/** `vl_api_fib_path_nh_proto_t` */
export const FibPathNhProto = {
  FIB_API_PATH_NH_PROTO_IP4: 0,
  FIB_API_PATH_NH_PROTO_IP6: 1,
  FIB_API_PATH_NH_PROTO_MPLS: 2,
  FIB_API_PATH_NH_PROTO_ETHERNET: 3,
  FIB_API_PATH_NH_PROTO_BIER: 4,
} as const;

/** `vl_api_fib_path_type_t` */
export const FibPathType = {
  FIB_API_PATH_TYPE_NORMAL: 0,
  FIB_API_PATH_TYPE_LOCAL: 1,
  FIB_API_PATH_TYPE_DROP: 2,
  FIB_API_PATH_TYPE_UDP_ENCAP: 3,
  FIB_API_PATH_TYPE_BIER_IMP: 4,
  FIB_API_PATH_TYPE_ICMP_UNREACH: 5,
  FIB_API_PATH_TYPE_ICMP_PROHIBIT: 6,
  FIB_API_PATH_TYPE_SOURCE_LOOKUP: 7,
  FIB_API_PATH_TYPE_DVR: 8,
  FIB_API_PATH_TYPE_INTERFACE_RX: 9,
  FIB_API_PATH_TYPE_CLASSIFY: 10,
} as const;

/** `vl_api_gre_tunnel_type_t` */
export const GreTunnelType = {
  GRE_API_TUNNEL_TYPE_L3: 0,
  GRE_API_TUNNEL_TYPE_TEB: 1,
  GRE_API_TUNNEL_TYPE_ERSPAN: 2,
} as const;

/** `vl_api_if_status_flags_t` */
export const IfStatusFlags = {
  IF_STATUS_API_FLAG_ADMIN_UP: 1,
  IF_STATUS_API_FLAG_LINK_UP: 2,
} as const;

/** `vl_api_if_type_t` */
export const IfType = {
  IF_API_TYPE_HARDWARE: 0,
  IF_API_TYPE_SUB: 1,
  IF_API_TYPE_P2P: 2,
  IF_API_TYPE_PIPE: 3,
} as const;

/** `vl_api_ip_dscp_t` */
export const IpDscp = {
  IP_API_DSCP_CS0: 0,
  IP_API_DSCP_CS1: 8,
  IP_API_DSCP_AF11: 10,
  IP_API_DSCP_AF12: 12,
  IP_API_DSCP_AF13: 14,
  IP_API_DSCP_CS2: 16,
  IP_API_DSCP_AF21: 18,
  IP_API_DSCP_AF22: 20,
  IP_API_DSCP_AF23: 22,
  IP_API_DSCP_CS3: 24,
  IP_API_DSCP_AF31: 26,
  IP_API_DSCP_AF32: 28,
  IP_API_DSCP_AF33: 30,
  IP_API_DSCP_CS4: 32,
  IP_API_DSCP_AF41: 34,
  IP_API_DSCP_AF42: 36,
  IP_API_DSCP_AF43: 38,
  IP_API_DSCP_CS5: 40,
  IP_API_DSCP_EF: 46,
  IP_API_DSCP_CS6: 48,
  IP_API_DSCP_CS7: 50,
} as const;

/** `vl_api_ip_flow_hash_config_t` */
export const IpFlowHashConfig = {
  IP_API_FLOW_HASH_SRC_IP: 1,
  IP_API_FLOW_HASH_DST_IP: 2,
  IP_API_FLOW_HASH_SRC_PORT: 4,
  IP_API_FLOW_HASH_DST_PORT: 8,
  IP_API_FLOW_HASH_PROTO: 16,
  IP_API_FLOW_HASH_REVERSE: 32,
  IP_API_FLOW_HASH_SYMETRIC: 64,
  IP_API_FLOW_HASH_FLOW_LABEL: 128,
} as const;

/** `vl_api_ip_flow_hash_config_v2_t` */
export const IpFlowHashConfigV2 = {
  IP_API_V2_FLOW_HASH_SRC_IP: 1,
  IP_API_V2_FLOW_HASH_DST_IP: 2,
  IP_API_V2_FLOW_HASH_SRC_PORT: 4,
  IP_API_V2_FLOW_HASH_DST_PORT: 8,
  IP_API_V2_FLOW_HASH_PROTO: 16,
  IP_API_V2_FLOW_HASH_REVERSE: 32,
  IP_API_V2_FLOW_HASH_SYMETRIC: 64,
  IP_API_V2_FLOW_HASH_FLOW_LABEL: 128,
  IP_API_V2_FLOW_HASH_GTPV1_TEID: 256,
} as const;

/** `vl_api_ip_neighbor_event_flags_t` */
export const IpNeighborEventFlags = {
  IP_NEIGHBOR_API_EVENT_FLAG_ADDED: 1,
  IP_NEIGHBOR_API_EVENT_FLAG_REMOVED: 2,
} as const;

/** `vl_api_ip_neighbor_flags_t` */
export const IpNeighborFlags = {
  IP_API_NEIGHBOR_FLAG_NONE: 0,
  IP_API_NEIGHBOR_FLAG_STATIC: 1,
  IP_API_NEIGHBOR_FLAG_NO_FIB_ENTRY: 2,
} as const;

/** `vl_api_ip_proto_t` */
export const IpProto = {
  IP_API_PROTO_HOPOPT: 0,
  IP_API_PROTO_ICMP: 1,
  IP_API_PROTO_IGMP: 2,
  IP_API_PROTO_TCP: 6,
  IP_API_PROTO_UDP: 17,
  IP_API_PROTO_GRE: 47,
  IP_API_PROTO_ESP: 50,
  IP_API_PROTO_AH: 51,
  IP_API_PROTO_ICMP6: 58,
  IP_API_PROTO_EIGRP: 88,
  IP_API_PROTO_OSPF: 89,
  IP_API_PROTO_SCTP: 132,
  IP_API_PROTO_RESERVED: 255,
} as const;

/** `vl_api_ip_reass_type_t` */
export const IpReassType = {
  IP_REASS_TYPE_FULL: 0,
  IP_REASS_TYPE_SHALLOW_VIRTUAL: 1,
} as const;

/** `vl_api_l2_port_type_t` */
export const L2PortType = {
  L2_API_PORT_TYPE_NORMAL: 0,
  L2_API_PORT_TYPE_BVI: 1,
  L2_API_PORT_TYPE_UU_FWD: 2,
} as const;

/** `vl_api_lb_encap_type_t` */
export const LbEncapType = {
  LB_API_ENCAP_TYPE_GRE4: 0,
  LB_API_ENCAP_TYPE_GRE6: 1,
  LB_API_ENCAP_TYPE_L3DSR: 2,
  LB_API_ENCAP_TYPE_NAT4: 3,
  LB_API_ENCAP_TYPE_NAT6: 4,
  LB_API_ENCAP_N_TYPES: 5,
} as const;

/** `vl_api_lb_srv_type_t` */
export const LbSrvType = {
  LB_API_SRV_TYPE_CLUSTERIP: 0,
  LB_API_SRV_TYPE_NODEPORT: 1,
  LB_API_SRV_N_TYPES: 2,
} as const;

/** `vl_api_link_duplex_t` */
export const LinkDuplex = {
  LINK_DUPLEX_API_UNKNOWN: 0,
  LINK_DUPLEX_API_HALF: 1,
  LINK_DUPLEX_API_FULL: 2,
} as const;

/** `vl_api_log_level_t` */
export const LogLevel = {
  VPE_API_LOG_LEVEL_EMERG: 0,
  VPE_API_LOG_LEVEL_ALERT: 1,
  VPE_API_LOG_LEVEL_CRIT: 2,
  VPE_API_LOG_LEVEL_ERR: 3,
  VPE_API_LOG_LEVEL_WARNING: 4,
  VPE_API_LOG_LEVEL_NOTICE: 5,
  VPE_API_LOG_LEVEL_INFO: 6,
  VPE_API_LOG_LEVEL_DEBUG: 7,
  VPE_API_LOG_LEVEL_DISABLED: 8,
} as const;

/** `vl_api_mac_event_action_t` */
export const MacEventAction = {
  MAC_EVENT_ACTION_API_ADD: 0,
  MAC_EVENT_ACTION_API_DELETE: 1,
  MAC_EVENT_ACTION_API_MOVE: 2,
} as const;

/** `vl_api_memif_mode_t` */
export const MemifMode = {
  MEMIF_MODE_API_ETHERNET: 0,
  MEMIF_MODE_API_IP: 1,
  MEMIF_MODE_API_PUNT_INJECT: 2,
} as const;

/** `vl_api_memif_role_t` */
export const MemifRole = {
  MEMIF_ROLE_API_MASTER: 0,
  MEMIF_ROLE_API_SLAVE: 1,
} as const;

/** `vl_api_rx_mode_t` */
export const RxMode = {
  RX_MODE_API_UNKNOWN: 0,
  RX_MODE_API_POLLING: 1,
  RX_MODE_API_INTERRUPT: 2,
  RX_MODE_API_ADAPTIVE: 3,
  RX_MODE_API_DEFAULT: 4,
} as const;

/** `vl_api_sub_if_flags_t` */
export const SubIfFlags = {
  SUB_IF_API_FLAG_NO_TAGS: 1,
  SUB_IF_API_FLAG_ONE_TAG: 2,
  SUB_IF_API_FLAG_TWO_TAGS: 4,
  SUB_IF_API_FLAG_DOT1AD: 8,
  SUB_IF_API_FLAG_EXACT_MATCH: 16,
  SUB_IF_API_FLAG_DEFAULT: 32,
  SUB_IF_API_FLAG_OUTER_VLAN_ID_ANY: 64,
  SUB_IF_API_FLAG_INNER_VLAN_ID_ANY: 128,
  SUB_IF_API_FLAG_MASK_VNET: 254,
  SUB_IF_API_FLAG_DOT1AH: 256,
} as const;

/** `vl_api_tap_flags_t` */
export const TapFlags = {
  TAP_API_FLAG_GSO: 1,
  TAP_API_FLAG_CSUM_OFFLOAD: 2,
  TAP_API_FLAG_PERSIST: 4,
  TAP_API_FLAG_ATTACH: 8,
  TAP_API_FLAG_TUN: 16,
  TAP_API_FLAG_GRO_COALESCE: 32,
  TAP_API_FLAG_PACKED: 64,
  TAP_API_FLAG_IN_ORDER: 128,
  TAP_API_FLAG_CONSISTENT_QP: 256,
} as const;

/** `vl_api_tunnel_encap_decap_flags_t` */
export const TunnelEncapDecapFlags = {
  TUNNEL_API_ENCAP_DECAP_FLAG_NONE: 0,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_COPY_DF: 1,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_SET_DF: 2,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_COPY_DSCP: 4,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_COPY_ECN: 8,
  TUNNEL_API_ENCAP_DECAP_FLAG_DECAP_COPY_ECN: 16,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_INNER_HASH: 32,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_COPY_HOP_LIMIT: 64,
  TUNNEL_API_ENCAP_DECAP_FLAG_ENCAP_COPY_FLOW_LABEL: 128,
} as const;

/** `vl_api_tunnel_mode_t` */
export const TunnelMode = {
  TUNNEL_API_MODE_P2P: 0,
  TUNNEL_API_MODE_MP: 1,
} as const;
