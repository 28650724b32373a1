import type { RawBridge } from "./bridge-domain.ts";
import { observeAclLists, observeReassembly } from "./link-run.ts";
import { observeMemifs, observeMemifSockets } from "./memif.ts";
import type { VppPort } from "./port.ts";
import { observeInterfaceTables, observeTables } from "./table.ts";
import { observeTaps } from "./tap.ts";
import type {
  ObservedAclLists,
  ObservedInterface,
  ObservedMemif,
  ObservedReassembly,
  ObservedState,
  TapSpec,
  VlanSpec,
  VppFeatures,
} from "./types.ts";
import { ALL, macText, number, prefixText, text } from "./wire.ts";

const UP = 1;
const LINK_UP = 2;
/** vnet/l2/l2_vtr.h, L2_VTR_POP_1 */
const VTR_POP_1 = 3;
/** Of `type` in sw_interface_details: IF_API_TYPE_SUB. */
const SUB = 1;

type Detail = Record<string, unknown>;

/** What VPP knows of interfaces beside their dump, each by interface index. */
interface Beside {
  readonly bridges: readonly RawBridge[];
  readonly addresses: ReadonlyMap<number, string[]>;
  readonly hosts: ReadonlyMap<number, string>;
  readonly memifs: ReadonlyMap<number, ObservedMemif>;
  readonly taps: ReadonlyMap<number, TapSpec>;
  readonly tables: ReadonlyMap<number, { ip4: number; ip6: number }>;
  readonly crossConnects: ReadonlyMap<number, number>;
  readonly acls: ReadonlyMap<number, ObservedAclLists>;
  readonly reassembly: ReadonlyMap<number, ObservedReassembly>;
  readonly nameOf: (index: number) => string;
}

export interface ObservedLinks extends Pick<ObservedState, "memifSockets" | "tables"> {
  readonly interfaces: readonly ObservedInterface[];
}

/** Interfaces with all that they have. */
export async function observeLinks(
  port: VppPort,
  features: VppFeatures,
  raw: readonly Detail[],
  bridges: Promise<readonly RawBridge[]>,
  nameOf: (index: number) => string,
): Promise<ObservedLinks> {
  const indexes = raw.map((detail) => number(detail["sw_if_index"])).filter((index) => index !== 0);
  const tables = features.tables === true ? observeTables(port) : Promise.resolve([]);
  const [hosts, memifs, memifSockets, taps, found, inTables, crossConnects, acls, reassembly, members, addresses] =
    await Promise.all([
      port.has("af_packet_dump") ? port.dump("af_packet_dump", {}) : [],
      observeMemifs(port),
      observeMemifSockets(port),
      observeTaps(port),
      tables,
      tables.then((list) => observeInterfaceTables(port, list, indexes)),
      features.crossConnect === true ? port.dump("l2_xconnect_dump", {}) : [],
      features.acl === true ? observeAclLists(port) : new Map<number, ObservedAclLists>(),
      features.reassembly === true ? observeAllReassembly(port, raw) : new Map<number, ObservedReassembly>(),
      bridges,
      observeAddresses(port, indexes),
    ]);
  const beside: Beside = {
    bridges: members,
    addresses,
    hosts: new Map(hosts.map((detail) => [number(detail["sw_if_index"]), text(detail["host_if_name"])])),
    memifs,
    taps,
    tables: inTables,
    crossConnects: new Map(
      crossConnects.map((detail) => [number(detail["rx_sw_if_index"]), number(detail["tx_sw_if_index"])]),
    ),
    acls,
    reassembly,
    nameOf,
  };
  return { interfaces: raw.map((detail) => toInterface(detail, beside)), memifSockets, tables: found };
}

/** Of interfaces that bear a tag: there is one command for each. */
async function observeAllReassembly(port: VppPort, raw: readonly Detail[]): Promise<Map<number, ObservedReassembly>> {
  const tagged = raw.filter((detail) => text(detail["tag"]) !== "");
  const entries = await Promise.all(
    tagged.map(async (detail): Promise<[number, ObservedReassembly][]> => {
      const found = await observeReassembly(text(detail["interface_name"]), port);
      return found === undefined ? [] : [[number(detail["sw_if_index"]), found]];
    }),
  );
  return new Map(entries.flat());
}

async function observeAddresses(port: VppPort, indexes: readonly number[]): Promise<Map<number, string[]>> {
  const perInterface = indexes.map(async (index): Promise<[number, string[]]> => {
    const dumps = await Promise.all(
      [false, true].map((isIpv6) => port.dump("ip_address_dump", { sw_if_index: index, is_ipv6: isIpv6 })),
    );
    return [index, dumps.flat().map((detail) => prefixText(detail["prefix"]))];
  });
  return new Map(await Promise.all(perInterface));
}

function toInterface(detail: Detail, beside: Beside): ObservedInterface {
  const index = number(detail["sw_if_index"]);
  const flags = number(detail["flags"]);
  const vlan = toVlan(detail, beside.nameOf);
  const optional = {
    hostInterface: beside.hosts.get(index),
    memif: beside.memifs.get(index),
    tap: beside.taps.get(index),
    vlan,
    bridge: beside.bridges.map(({ members }) => members.get(index)).find((member) => member !== undefined),
    tables: beside.tables.get(index),
    crossConnect: mapped(beside.crossConnects.get(index), beside.nameOf),
    acl: beside.acls.get(index),
    reassembly: beside.reassembly.get(index),
  };
  const deviceType = text(detail["interface_dev_type"]);
  return {
    name: text(detail["interface_name"]),
    index,
    deviceType,
    kind: kindOf(optional, deviceType, number(detail["type"] ?? 0)),
    tag: text(detail["tag"]),
    mac: macText(detail["l2_address"]),
    up: (flags & UP) !== 0,
    linkUp: (flags & LINK_UP) !== 0,
    mtu: (detail["mtu"] as number[])[0] ?? 0,
    addresses: beside.addresses.get(index) ?? [],
    ...present(optional),
  };
}

function mapped<A, B>(value: A | undefined, map: (value: A) => B): B | undefined {
  return value === undefined ? undefined : map(value);
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

function kindOf(
  has: { hostInterface: unknown; memif: unknown; tap: unknown; vlan: unknown },
  deviceType: string,
  type: number,
): ObservedInterface["kind"] {
  if (has.vlan !== undefined) return "vlan";
  // Other sub-interfaces: two tags, several tags at once.
  if (type === SUB) return "other";
  if (has.hostInterface !== undefined) return "host";
  if (has.memif !== undefined) return "memif";
  if (has.tap !== undefined) return "tap";
  return deviceType === "Loopback" ? "loopback" : "other";
}

/** `sub_if_flags`: one_tag and exact_match (interface_types.api). */
const ONE_TAG_EXACT = 18;
const KNOWN_FLAGS = 0x1ff;

function toVlan(detail: Detail, nameOf: (index: number) => string): VlanSpec | undefined {
  const parent = Number(detail["sup_sw_if_index"] ?? detail["sw_if_index"]);
  if (parent === number(detail["sw_if_index"]) || Number(detail["type"] ?? 0) !== SUB) return undefined;
  if ((number(detail["sub_if_flags"]) & KNOWN_FLAGS) !== ONE_TAG_EXACT) return undefined;
  return {
    parent: nameOf(parent),
    id: number(detail["sub_outer_vlan_id"]),
    pop: number(detail["vtr_op"]) === VTR_POP_1,
  };
}

/** What its message table says of an interface's possible parts. */
export function linkFeatures(
  port: VppPort,
): Pick<VppFeatures, "memif" | "tap" | "vlan" | "crossConnect" | "tables" | "reassembly"> {
  return {
    memif: port.has("memif_dump") && (port.has("memif_create_v2") || port.has("memif_create")),
    tap: port.has("sw_interface_tap_v2_dump") && (port.has("tap_create_v3") || port.has("tap_create_v2")),
    vlan: port.has("create_vlan_subif") && port.has("l2_interface_vlan_tag_rewrite"),
    crossConnect: port.has("sw_interface_set_l2_xconnect") && port.has("l2_xconnect_dump"),
    tables: port.has("ip_table_add_del") && port.has("ip_table_dump") && port.has("sw_interface_set_table"),
    reassembly: port.has("ip_reassembly_enable_disable"),
  };
}

/** Every interface. */
export function dumpInterfaces(port: VppPort): Promise<Detail[]> {
  return port.dump("sw_interface_dump", { sw_if_index: ALL, name_filter_valid: false, name_filter: "" });
}
