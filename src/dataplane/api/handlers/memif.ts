/** memif.api: plugins/memif/memif_api.c. */
import { RETVAL } from "vpp-api-ts/codec";
import { MemifMaster } from "../../../memif/index.ts";
import type { Dataplane } from "../../dataplane.ts";
import { memifOf, MODE_ETHERNET, type MemifInterface } from "../../memif/memif.ts";
import type { MemifSocket } from "../../memif/sockets.ts";
import { NO_INDEX } from "../../model.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";

const ROLE_MASTER = 0;
const ROLE_SLAVE = 1;
const DEFAULT_RING_SIZE = 1024;
const DEFAULT_BUFFER_SIZE = 2048;
const ADMIN_UP = 1;
const LINK_UP = 2;
/** Of `string socket_filename[108]` with its end. */
const MAX_FILENAME = 107;

interface SocketFields {
  readonly is_add: boolean;
  readonly socket_id: number;
  readonly socket_filename: string;
}

function addDelSocket(dataplane: Dataplane, fields: SocketFields, id: number): number {
  const { sockets } = memifOf(dataplane);
  const refusal = fields.is_add ? sockets.add(id, fields.socket_filename) : sockets.delete(id);
  return refusal?.retval ?? 0;
}

function addDelSocketV2(dataplane: Dataplane, fields: SocketFields): Fields {
  const { is_add, socket_id: asked } = fields;
  if (asked === 0) return { retval: RETVAL.INVALID_ARGUMENT, socket_id: 0 };
  const id = is_add && asked === NO_INDEX ? memifOf(dataplane).sockets.unusedId() : asked;
  return { retval: addDelSocket(dataplane, fields, id), socket_id: id };
}

interface CreateFields {
  readonly role: number;
  readonly mode: number;
  readonly rx_queues: number;
  readonly tx_queues: number;
  readonly id: number;
  readonly socket_id: number;
  readonly ring_size: number;
  readonly buffer_size: number;
  readonly no_zero_copy: boolean;
  readonly hw_addr: Uint8Array;
  readonly secret: string;
}

/** 0 stands for the default, an all-zero MAC address for a random one. */
function create(dataplane: Dataplane, fields: CreateFields): Fields {
  const ringSize = fields.ring_size || DEFAULT_RING_SIZE;
  if ((ringSize & (ringSize - 1)) !== 0) return { retval: RETVAL.INVALID_ARGUMENT, sw_if_index: 0 };
  const { swIfIndex, retval = 0 } = memifOf(dataplane).create({
    ...{ id: fields.id, socketId: fields.socket_id, mode: fields.mode, ringSize },
    isMaster: fields.role === ROLE_MASTER,
    bufferSize: fields.buffer_size || DEFAULT_BUFFER_SIZE,
    rxQueues: fields.rx_queues || 1,
    txQueues: fields.tx_queues || 1,
    zeroCopy: !fields.no_zero_copy,
    secret: fields.secret.slice(0, 23),
    ...(fields.hw_addr.every((byte) => byte === 0) ? {} : { mac: fields.hw_addr }),
  });
  return { retval, sw_if_index: swIfIndex };
}

function details({ iface, side, args, socket, run }: MemifInterface): Fields {
  const isMaster = side instanceof MemifMaster;
  return {
    sw_if_index: iface.swIfIndex,
    hw_addr: iface.mac,
    id: args.id,
    role: isMaster ? ROLE_MASTER : ROLE_SLAVE,
    mode: MODE_ETHERNET,
    zero_copy: !isMaster && args.zeroCopy,
    socket_id: socket.id,
    ring_size: run.ringSize,
    buffer_size: run.bufferSize,
    flags: (iface.adminUp ? ADMIN_UP : 0) | (iface.linkUp ? LINK_UP : 0),
    if_name: iface.name,
  };
}

export const memifHandlers: Handlers = {
  memif_socket_filename_add_del: action<SocketFields>((fields, { dataplane }) => {
    const { socket_id: id } = fields;
    if (id === 0 || id === NO_INDEX) return RETVAL.INVALID_ARGUMENT;
    return addDelSocket(dataplane, { ...fields, socket_filename: fields.socket_filename.slice(0, MAX_FILENAME) }, id);
  }),
  memif_socket_filename_add_del_v2: request<SocketFields>((fields, { dataplane }) => addDelSocketV2(dataplane, fields)),
  memif_socket_filename_dump: dump(
    (_fields: Fields, { dataplane }) => memifOf(dataplane).sockets.all(),
    ({ id, filename }: MemifSocket) => ({ socket_id: id, socket_filename: filename.slice(0, MAX_FILENAME) }),
  ),
  memif_create: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  memif_create_v2: request<CreateFields>((fields, { dataplane }) => create(dataplane, fields)),
  memif_delete: action<{ sw_if_index: number }>(({ sw_if_index }, { dataplane }) =>
    memifOf(dataplane).delete(sw_if_index),
  ),
  memif_dump: dump((_fields: Fields, { dataplane }) => memifOf(dataplane).interfaces, details),
};
