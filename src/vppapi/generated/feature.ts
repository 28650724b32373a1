// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import type { ApiJson } from "../codec/index.ts";

/** `feature_is_enabled_55db09e2` */
export interface FeatureIsEnabled {
  arc_name: string;
  feature_name: string;
  sw_if_index: number;
}

/** `feature_is_enabled_reply_03f284b5` */
export interface FeatureIsEnabledReply {
  retval: number;
  is_enabled: boolean;
}

export interface FeatureRequests {
  feature_is_enabled: FeatureIsEnabled;
}

export interface FeatureReplies {
  feature_is_enabled: FeatureIsEnabledReply;
}

export interface FeatureDumps {}

export interface FeatureStreams {}

export interface FeatureEvents {}

export const schemas: readonly ApiJson[] = [
  {
    module: "feature",
    types: [],
    unions: [],
    enums: [],
    aliases: {"interface_index":{"type":"u32"}},
    messages: [
      ["feature_is_enabled",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["string","arc_name",64],["string","feature_name",64],["vl_api_interface_index_t","sw_if_index"],{"crc":"0x55db09e2"}],
      ["feature_is_enabled_reply",["u16","_vl_msg_id"],["u32","client_index"],["u32","context"],["i32","retval"],["bool","is_enabled"],{"crc":"0x03f284b5"}],
    ],
    services: {"feature_is_enabled":{"reply":"feature_is_enabled_reply"}},
  },
];
