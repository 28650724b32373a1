import type { VppClient } from "../client.ts";
import type { Fields } from "../codec/message.ts";
import { refused } from "./lb-encoding.ts";

/**
 * plugins/af_packet/af_packet_api.c: the first version of the request asks for no queues, and the first packet that is to leave
 * by such an interface ends VPP (SIGSEGV in af_packet_device_class_tx_fn, seen on 26.06 and 26.10).
 */
export function createHostInterface(_fields: Readonly<Fields>, client: VppClient): undefined {
  if (!client.has("af_packet_create_v2")) return undefined;
  throw refused(
    "af_packet_create",
    "it makes an interface without queues, and the first packet by it ends VPP; use af_packet_create_v3",
  );
}
