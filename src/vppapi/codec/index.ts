/** The pure half of vpp-api-ts: definitions, codecs, frames, addresses. No I/O. */
export { VppError } from "../errors.ts";
export type { VppErrorCode, VppErrorDetails } from "../errors.ts";
export { RETVAL, retvalName } from "../retval.ts";
export type { RetvalName } from "../retval.ts";
export {
  ADDRESS_IP4,
  ADDRESS_IP6,
  formatAddress,
  formatIp4,
  formatIp6,
  formatMac,
  formatPrefix,
  parseAddress,
  parseIp4,
  parseIp6,
  parseMac,
  parsePrefix,
} from "./address.ts";
export type { Address, Prefix } from "./address.ts";
export type { Input, Ip4Address, Ip6Address, MacAddress } from "./input.ts";
export { builtinSchema } from "./builtin.ts";
export { FRAME_HEADER_BYTES, FrameReader, MAX_PAYLOAD_BYTES, encodeFrame } from "./frame.ts";
export { SOCKCLNT_DELETE_OK, sockclnt } from "./handshake.ts";
export type { ApiAlias, ApiBlock, ApiField, ApiItem, ApiJson, ApiService } from "./json.ts";
export { MessageCodec } from "./message.ts";
export type { Fields } from "./message.ts";
export { ApiSchema } from "./schema.ts";
export type * from "../generated/index.ts";
export * from "../generated/enums.ts";
