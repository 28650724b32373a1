import type { Fields } from "../codec/message.ts";
import type { VppClient } from "../client.ts";
import { refused } from "./lb-encoding.ts";

const ALL = 0xffff_ffff;
/** BRIDGE_API_FLAG_ARP_UFWD of l2.api. */
const ARP_UFWD = 0x20;

const WHY =
  "arp_ufwd without a uu-fwd port: the first ARP broadcast of the domain would end VPP; set it by bridge_flags when the " +
  "domain has such a port";

/**
 * vnet/l2/l2_uu_fwd.c:179: with arp_ufwd, ARP broadcasts go to the domain's uu-fwd port; where it has none, l2-output reads
 * its configuration at index ~0 (SIGSEGV, seen on 26.06 and 26.10-rc0). A new domain has none.
 */
export function createBridge(name: string) {
  return (fields: Readonly<Fields>): undefined => {
    if (fields["arp_ufwd"] === true && fields["is_add"] !== false) throw refused(name, WHY);
    return undefined;
  };
}

export async function bridgeFlags(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  if (fields["is_set"] !== true || (Number(fields["flags"] ?? 0) & ARP_UFWD) === 0) return;
  const id = Number(fields["bd_id"] ?? 0);
  const rows = await client.dumpAll("bridge_domain_dump", { bd_id: id, sw_if_index: ALL });
  if (rows.some((row) => row.bd_id === id && row.uu_fwd_sw_if_index === ALL)) throw refused("bridge_flags", WHY);
}

/** vnet/l2/l2_input.c:231: counts in a vector that may not reach to the interface (SIGSEGV, or what is behind it spoils). */
export async function flushInterface(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const index = Number(fields["sw_if_index"] ?? 0);
  const rows = await client.dumpAll("bridge_domain_dump", { bd_id: ALL, sw_if_index: ALL });
  const isMember = rows.some(
    (row) => row.uu_fwd_sw_if_index === index || row.sw_if_details.some((port) => port.sw_if_index === index),
  );
  if (!isMember) {
    throw refused(
      "l2fib_flush_int",
      `interface ${index} is in no bridge domain, and VPP could write beyond its memory`,
    );
  }
}
