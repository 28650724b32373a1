/** af_packet.api: plugins/af_packet/af_packet_api.c. Ring sizes and flags are accepted and not needed. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { createHostInterface, deleteHostInterface } from "../../host-interface.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";

/** AF_PACKET_API_MODE_*. */
const MODE_ETHERNET = 1;
const MODE_IP = 2;

interface CreateFields {
  readonly host_if_name: string;
  readonly hw_addr: Uint8Array;
  readonly use_random_hw_addr: boolean;
  /** Of version 3. */
  readonly mode?: number;
}

function create(dataplane: Dataplane, fields: CreateFields): Fields {
  const { retval, swIfIndex } = createHostInterface(dataplane, {
    hostIfName: fields.host_if_name,
    ...(fields.use_random_hw_addr ? {} : { mac: fields.hw_addr }),
  });
  // The reply to a failure has index 0; only "exists already" names the interface.
  const isNamed = retval === 0 || retval === RETVAL.IF_ALREADY_EXISTS;
  return { retval, sw_if_index: isNamed ? swIfIndex : 0 };
}

export const afPacketHandlers: Handlers = {
  af_packet_create: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  af_packet_create_v2: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  af_packet_create_v3: request<CreateFields>((fields, { dataplane }) => {
    if (fields.mode === MODE_ETHERNET) return create(dataplane, fields);
    // An interface without Ethernet headers has no place in this packet graph.
    if (fields.mode === MODE_IP) return { retval: RETVAL.UNIMPLEMENTED, sw_if_index: 0 };
    return { retval: RETVAL.INVALID_VALUE, sw_if_index: 0xffffffff };
  }),
  af_packet_delete: action<{ host_if_name: string }>(({ host_if_name }, { dataplane }) =>
    deleteHostInterface(dataplane, host_if_name) === 0 ? 0 : RETVAL.SYSCALL_ERROR_1,
  ),
  af_packet_dump: dump(
    (_fields: Fields, { dataplane }) => [...dataplane.interfaces].filter((each) => each.kind === "host"),
    (each) => ({ sw_if_index: each.swIfIndex, host_if_name: each.hostIfName ?? "" }),
  ),
};
