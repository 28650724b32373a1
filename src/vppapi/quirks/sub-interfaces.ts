import type { VppClient } from "../client.ts";
import type { Fields } from "../codec/message.ts";
import { SubIfFlags } from "../generated/enums.ts";
import { refused } from "./lb-encoding.ts";

const ALL = 0xffff_ffff;
const MAX_VLAN = 4095;
/** L2_API_PORT_TYPE_BVI of l2.api. */
const BVI = 1;

interface Tags {
  readonly flags: number;
  readonly outer: number;
  readonly inner: number;
}

/** Sub-interfaces with the same text have the same place in VPP's tables (vnet/ethernet/node.c, ethernet_sw_interface_get_config). */
function placeOf({ flags, outer, inner }: Tags): string {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(SubIfFlags.SUB_IF_API_FLAG_DEFAULT)) return "default";
  if (has(SubIfFlags.SUB_IF_API_FLAG_NO_TAGS) || flags === 0) return "untagged";
  const kind = has(SubIfFlags.SUB_IF_API_FLAG_DOT1AD) ? "dot1ad" : "dot1q";
  if (has(SubIfFlags.SUB_IF_API_FLAG_ONE_TAG)) return `${kind} ${outer}`;
  return `${kind} ${outer} inner-dot1q ${has(SubIfFlags.SUB_IF_API_FLAG_INNER_VLAN_ID_ANY) ? "any" : inner}`;
}

/**
 * vnet/interface.c:616: what is refused because the tags are taken is undone with the deletion of whoever has them: that
 * interface hears nothing any more. Untagged is the interface itself. (Seen on 26.06 and 26.10.)
 */
async function refuseTaken(name: string, swIfIndex: number, id: number, tags: Tags, client: VppClient): Promise<void> {
  const place = placeOf(tags);
  if (place === "untagged") throw refused(name, "untagged packets are the interface's own, and it would lose them");
  const rows = await client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
  // The same id VPP refuses before it touches anything.
  const other = rows.find(
    (row) =>
      row.sup_sw_if_index === swIfIndex &&
      row.sw_if_index !== swIfIndex &&
      row.sub_id !== id &&
      placeOf({ flags: row.sub_if_flags, outer: row.sub_outer_vlan_id, inner: row.sub_inner_vlan_id }) === place,
  );
  if (other !== undefined) {
    throw refused(name, `${other.interface_name} has the tags (${place}) already, and would lose them`);
  }
}

/** vnet/ethernet/node.c:1857: the ids are indexes of tables of 4,096; with more VPP reads and writes behind them. */
export async function createSub(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const [outer, inner] = [Number(fields["outer_vlan_id"] ?? 0), Number(fields["inner_vlan_id"] ?? 0)];
  const flags = Number(fields["sub_if_flags"] ?? 0);
  if (outer > MAX_VLAN || inner > MAX_VLAN) {
    throw refused("create_subif", `VLAN ${Math.max(outer, inner)}: VPP would write behind its tables of 4,096 VLANs`);
  }
  const tags = { flags, outer, inner };
  await refuseTaken("create_subif", Number(fields["sw_if_index"] ?? 0), Number(fields["sub_id"] ?? 0), tags, client);
}

/** The same with one exact tag, which is the id. */
export async function createVlan(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const id = Number(fields["vlan_id"] ?? 0);
  if (id === 0 || id > MAX_VLAN) return; // VPP refuses it
  const tags = { flags: SubIfFlags.SUB_IF_API_FLAG_ONE_TAG, outer: id, inner: 0 };
  await refuseTaken("create_vlan_subif", Number(fields["sw_if_index"] ?? 0), id, tags, client);
}

/** local0 as a BVI ends VPP (seen on 26.06): it has no hardware address to put into the domain's table. */
export function bridgeLocal(fields: Readonly<Fields>): undefined {
  const isOn = fields["enable"] !== false;
  if (isOn && Number(fields["rx_sw_if_index"] ?? 0) === 0 && Number(fields["port_type"] ?? 0) === BVI) {
    throw refused("sw_interface_set_l2_bridge", "local0 cannot be a BVI: VPP would end");
  }
  return undefined;
}
