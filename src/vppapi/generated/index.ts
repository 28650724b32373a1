// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.
import { schemas as abfSchemas } from "./abf.ts";
import type { AbfDumps, AbfEvents, AbfReplies, AbfRequests, AbfStreams } from "./abf.ts";
import { schemas as aclSchemas } from "./acl.ts";
import type { AclDumps, AclEvents, AclReplies, AclRequests, AclStreams } from "./acl.ts";
import { schemas as af_packetSchemas } from "./af_packet.ts";
import type { AfPacketDumps, AfPacketEvents, AfPacketReplies, AfPacketRequests, AfPacketStreams } from "./af_packet.ts";
import { schemas as arpingSchemas } from "./arping.ts";
import type { ArpingDumps, ArpingEvents, ArpingReplies, ArpingRequests, ArpingStreams } from "./arping.ts";
import { schemas as featureSchemas } from "./feature.ts";
import type { FeatureDumps, FeatureEvents, FeatureReplies, FeatureRequests, FeatureStreams } from "./feature.ts";
import { schemas as greSchemas } from "./gre.ts";
import type { GreDumps, GreEvents, GreReplies, GreRequests, GreStreams } from "./gre.ts";
import { schemas as interfaceSchemas } from "./interface.ts";
import type { InterfaceDumps, InterfaceEvents, InterfaceReplies, InterfaceRequests, InterfaceStreams } from "./interface.ts";
import { schemas as ipSchemas } from "./ip.ts";
import type { IpDumps, IpEvents, IpReplies, IpRequests, IpStreams } from "./ip.ts";
import { schemas as ip_neighborSchemas } from "./ip_neighbor.ts";
import type { IpNeighborDumps, IpNeighborEvents, IpNeighborReplies, IpNeighborRequests, IpNeighborStreams } from "./ip_neighbor.ts";
import { schemas as l2Schemas } from "./l2.ts";
import type { L2Dumps, L2Events, L2Replies, L2Requests, L2Streams } from "./l2.ts";
import { schemas as lbSchemas } from "./lb.ts";
import type { LbDumps, LbEvents, LbReplies, LbRequests, LbStreams } from "./lb.ts";
import { schemas as memclntSchemas } from "./memclnt.ts";
import type { MemclntDumps, MemclntEvents, MemclntReplies, MemclntRequests, MemclntStreams } from "./memclnt.ts";
import { schemas as memifSchemas } from "./memif.ts";
import type { MemifDumps, MemifEvents, MemifReplies, MemifRequests, MemifStreams } from "./memif.ts";
import { schemas as tapv2Schemas } from "./tapv2.ts";
import type { Tapv2Dumps, Tapv2Events, Tapv2Replies, Tapv2Requests, Tapv2Streams } from "./tapv2.ts";
import { schemas as vlibSchemas } from "./vlib.ts";
import type { VlibDumps, VlibEvents, VlibReplies, VlibRequests, VlibStreams } from "./vlib.ts";
import { schemas as vpeSchemas } from "./vpe.ts";
import type { VpeDumps, VpeEvents, VpeReplies, VpeRequests, VpeStreams } from "./vpe.ts";

export type * from "./types.ts";
export type * from "./abf.ts";
export type * from "./acl.ts";
export type * from "./af_packet.ts";
export type * from "./arping.ts";
export type * from "./feature.ts";
export type * from "./gre.ts";
export type * from "./interface.ts";
export type * from "./ip.ts";
export type * from "./ip_neighbor.ts";
export type * from "./l2.ts";
export type * from "./lb.ts";
export type * from "./memclnt.ts";
export type * from "./memif.ts";
export type * from "./tapv2.ts";
export type * from "./vlib.ts";
export type * from "./vpe.ts";

/** Fields of a request, by its name; `name_crc` for one version of several. */
export interface Requests extends AbfRequests, AclRequests, AfPacketRequests, ArpingRequests, FeatureRequests, GreRequests, InterfaceRequests, IpRequests, IpNeighborRequests, L2Requests, LbRequests, MemclntRequests, MemifRequests, Tapv2Requests, VlibRequests, VpeRequests {}

/** The reply to a request, by the request's name. */
export interface Replies extends AbfReplies, AclReplies, AfPacketReplies, ArpingReplies, FeatureReplies, GreReplies, InterfaceReplies, IpReplies, IpNeighborReplies, L2Replies, LbReplies, MemclntReplies, MemifReplies, Tapv2Replies, VlibReplies, VpeReplies {}

/** The details that a dump yields, by the dump's name. */
export interface Dumps extends AbfDumps, AclDumps, AfPacketDumps, ArpingDumps, FeatureDumps, GreDumps, InterfaceDumps, IpDumps, IpNeighborDumps, L2Dumps, LbDumps, MemclntDumps, MemifDumps, Tapv2Dumps, VlibDumps, VpeDumps {}

/** The details that a `_get` request yields before its reply. */
export interface Streams extends AbfStreams, AclStreams, AfPacketStreams, ArpingStreams, FeatureStreams, GreStreams, InterfaceStreams, IpStreams, IpNeighborStreams, L2Streams, LbStreams, MemclntStreams, MemifStreams, Tapv2Streams, VlibStreams, VpeStreams {}

/** Messages that VPP sends unasked, once asked for. */
export interface Events extends AbfEvents, AclEvents, AfPacketEvents, ArpingEvents, FeatureEvents, GreEvents, InterfaceEvents, IpEvents, IpNeighborEvents, L2Events, LbEvents, MemclntEvents, MemifEvents, Tapv2Events, VlibEvents, VpeEvents {}

export const schemas = [
  ...abfSchemas,
  ...aclSchemas,
  ...af_packetSchemas,
  ...arpingSchemas,
  ...featureSchemas,
  ...greSchemas,
  ...interfaceSchemas,
  ...ipSchemas,
  ...ip_neighborSchemas,
  ...l2Schemas,
  ...lbSchemas,
  ...memclntSchemas,
  ...memifSchemas,
  ...tapv2Schemas,
  ...vlibSchemas,
  ...vpeSchemas,
];
