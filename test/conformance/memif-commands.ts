/**
 * Random calls of memif sockets and interfaces. Nobody listens where slaves connect, and no two sockets that listen share
 * a file: VPP's count of users goes wrong after a failure to listen. Other modes than Ethernet end VPP or are not here.
 */
import fc from "fast-check";
import type { Fields } from "./client.ts";
import type { Command } from "./commands.ts";

const NO_INDEX = 0xffffffff;
const pick = fc.constantFrom;

function api(name: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Command> {
  return fc.record(fields).map((values) => ({ kind: "api", name, fields: values as Fields }));
}

function cli(...lines: string[]): fc.Arbitrary<Command> {
  return pick(...lines).map((line) => ({ kind: "cli", line }));
}

/** Relative, so that each subject has its own. Even ids are for masters, odd ones for slaves, so each file has one use. */
const socket = pick(0, 2, 2, 3, 3, 4, 5, 77, NO_INDEX).chain((socket_id) =>
  fc.record({
    socket_id: fc.constant(socket_id),
    socket_filename: pick(`s${socket_id}.sock`, `s${socket_id}.sock`, `sub/s${socket_id}.sock`, ""),
    is_add: pick(true, true, true, false),
  }),
);

const secrets = pick("", "", "geheim", "x".repeat(23));
const interfaces = fc.record({
  socket_id: pick(0, 2, 2, 3, 3, 4, 5, 99),
  id: pick(0, 1, 1, 2, NO_INDEX),
  ring_size: pick(0, 1024, 1024, 1, 2048, 32768, 1000),
  buffer_size: pick(0, 2048, 64, 4096),
  rx_queues: pick(0, 1, 2, 200),
  tx_queues: pick(0, 1, 3),
  no_zero_copy: fc.boolean(),
  use_dma: fc.constant(false),
  hw_addr: pick("02:fe:00:00:00:05", "02:fe:00:00:00:06"),
  secret: secrets,
  odd: pick(false, false, false, false, true),
});

/** Master on even sockets, slave on odd ones, seldom the other way round. */
function create(name: string): fc.Arbitrary<Command> {
  return interfaces.map(({ odd, ...fields }) => ({
    kind: "api",
    name,
    fields: {
      ...fields,
      mode: 0,
      role: fields.socket_id === 99 ? 0 : odd ? (fields.socket_id % 2) ^ 1 : fields.socket_id % 2,
    },
  }));
}

const swIfIndex = fc.oneof({ weight: 8, arbitrary: pick(3, 4, 5, 6, 7) }, { weight: 1, arbitrary: pick(0, 1, 4242) });

export const memifs = fc.oneof(
  {
    weight: 5,
    arbitrary: socket.map((fields): Command => ({ kind: "api", name: "memif_socket_filename_add_del_v2", fields })),
  },
  {
    weight: 2,
    arbitrary: socket.map((fields): Command => ({ kind: "api", name: "memif_socket_filename_add_del", fields })),
  },
  { weight: 2, arbitrary: api("memif_socket_filename_dump", {}) },
  { weight: 8, arbitrary: create("memif_create_v2") },
  { weight: 2, arbitrary: create("memif_create") },
  { weight: 3, arbitrary: api("memif_delete", { sw_if_index: swIfIndex }) },
  { weight: 3, arbitrary: api("memif_dump", {}) },
  { weight: 5, arbitrary: api("sw_interface_set_flags", { sw_if_index: swIfIndex, flags: pick(0, 1) }) },
  { weight: 1, arbitrary: api("hw_interface_set_mtu", { sw_if_index: swIfIndex, mtu: pick(1500, 9000) }) },
  {
    weight: 2,
    arbitrary: api("sw_interface_dump", {
      sw_if_index: fc.constant(NO_INDEX),
      name_filter_valid: fc.boolean(),
      name_filter: fc.constant("memif"),
    }),
  },
  { weight: 3, arbitrary: cli("show memif") },
  {
    weight: 6,
    arbitrary: cli(
      ...[
        "create memif socket",
        "create memif socket id 4 filename s4.sock",
        "create memif socket id 5 filename s5.sock",
      ],
      ...["create memif socket id 0 filename x", "create memif socket id 6", "create memif socket id 6 nonsense"],
      ...["create memif socket filename s6.sock", "create memif socket id 4 filename other.sock"],
      ...["delete memif socket", "delete memif socket id 4", "delete memif socket id 5", "delete memif socket id 0"],
      ...["delete memif socket id 88", "delete memif socket foo"],
      ...[
        "create interface memif hw-addr 02:fe:00:00:00:08",
        "create interface memif master hw-addr 02:fe:00:00:00:08",
        "create interface memif id 1 socket-id 99 slave",
      ],
      ...[
        "create interface memif id 3 socket-id 4 master hw-addr 02:fe:00:00:00:09",
        "create interface memif socket-id 5 id 3 slave no-zero-copy hw-addr 02:fe:00:00:00:09",
      ],
      "create interface memif id 4 socket-id 4 ring-size 512 buffer-size 1024 master hw-addr 02:fe:00:00:00:07",
      ...[
        "create interface memif id 5 socket-id 5 rx-queues 2 tx-queues 3 slave secret abc hw-addr 02:fe:00:00:00:09",
        "create interface memif foo",
      ],
      ...[
        "create interface memif id 6 socket-id 4 ring-size 1000 master",
        "create interface memif ring-size 65536 master",
      ],
      ...[
        "create interface memif rx-queues 0",
        "create interface memif tx-queues 256",
        "create interface",
        "create memif",
      ],
      ...["delete interface memif", "delete interface memif local0", "delete interface memif memif4/3"],
      ...[
        "delete interface memif memif5/3",
        "delete interface memif sw_if_index 3",
        "delete interface memif sw_if_index 900",
      ],
      ...["delete interface memif foo", "show memif memif4/3", "show memif memif2/1 memif3/1", "show memif foo"],
      ...["set interface state memif2/1 up", "set interface state memif3/1 up", "set interface state memif3/1 down"],
      ...["show interface", "show hardware-interfaces memif2/1", "show hardware-interfaces memif3/1"],
    ),
  },
);
