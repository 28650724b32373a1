import type { VppClient } from "../client.ts";
import type { Fields } from "../codec/message.ts";
import { VppError } from "../errors.ts";
import { refused } from "./lb-encoding.ts";

/**
 * vnet/interface_api.c fib_table_bind: an interface gives up its table before it takes the wanted one. Where they are the
 * same, and nobody else holds it (it was deleted while the interface was in it), the table is freed: for IPv6 the interface is
 * left in it, for IPv4 a route of another table by that interface goes astray (SIGSEGV, seen on 26.06 and 26.10). Who holds a
 * table cannot be asked.
 */
export async function bindTable(fields: Readonly<Fields>, client: VppClient): Promise<void> {
  const table = Number(fields["vrf_id"] ?? 0);
  if (table === 0) return;
  const index = Number(fields["sw_if_index"] ?? 0);
  const isIp6 = fields["is_ipv6"] === true;
  if ((await boundTo(index, isIp6, client)) !== table) return;
  throw refused(
    "sw_interface_set_table",
    `interface ${index} is in IPv${isIp6 ? 6 : 4} table ${table} already, and VPP may free it under the interface; leave it as it is`,
  );
}

async function boundTo(sw_if_index: number, is_ipv6: boolean, client: VppClient): Promise<number | undefined> {
  try {
    return (await client.request("sw_interface_get_table", { sw_if_index, is_ipv6 })).vrf_id;
  } catch (error) {
    if (VppError.is(error, "RETVAL")) return undefined;
    throw error;
  }
}
