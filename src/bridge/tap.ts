import type { ExecuteContext } from "./kind.ts";
import { BridgeError } from "./errors.ts";
import { DONE, retvalOf, tolerate, type VppPort } from "./port.ts";
import type { DesiredTap, TapSpec } from "./types.ts";
import { ALL, familyOf, macText, number, prefixText, text } from "./wire.ts";
import { ip4Text, ip6Text } from "./wire.ts";

/** VPP's SYSCALL_ERROR_1: here, it could not open /dev/net/tun or /dev/vhost-net (vnet/devices/tap/tap.c). */
const SYSCALL_ERROR_1 = -11;

/** VPP marks the TAP with the tag as it makes it: there is no half-made one. @throws BridgeError */
export async function createTap(
  wanted: DesiredTap,
  tag: string,
  { port }: ExecuteContext,
): Promise<Record<string, unknown>> {
  const { tap, mac } = wanted;
  const [ip4, ip6] = [4, 6].map((family) => tap.hostAddresses.find((one) => familyOf(one) === family));
  const fields = {
    id: tap.id,
    use_random_mac: mac === undefined,
    mac_address: mac ?? "00:00:00:00:00:00",
    num_rx_queues: 1,
    num_tx_queues: 1,
    tx_ring_sz: 256,
    rx_ring_sz: 256,
    host_mac_addr_set: tap.hostMac !== undefined,
    host_mac_addr: tap.hostMac ?? "00:00:00:00:00:00",
    host_ip4_prefix_set: ip4 !== undefined,
    host_ip4_prefix: ip4 ?? "0.0.0.0/0",
    host_ip6_prefix_set: ip6 !== undefined,
    host_ip6_prefix: ip6 ?? "::/0",
    host_namespace_set: tap.hostNamespace !== undefined,
    host_namespace: tap.hostNamespace ?? "",
    host_if_name_set: true,
    host_if_name: tap.hostName,
    tag,
  };
  try {
    return await port.request(port.has("tap_create_v3") ? "tap_create_v3" : "tap_create_v2", fields);
  } catch (error) {
    if (retvalOf(error) !== SYSCALL_ERROR_1) throw error;
    throw new BridgeError(
      "UNSUPPORTED",
      `VPP cannot make ${wanted.name}: it cannot open /dev/net/tun or /dev/vhost-net (-11), which most containers lack. ` +
        `Load the vhost_net module and give VPP both devices, or use a veth and \`host\``,
      { cause: error },
    );
  }
}

export async function observeTaps(port: VppPort): Promise<Map<number, TapSpec>> {
  if (!port.has("sw_interface_tap_v2_dump")) return new Map();
  const details = await port.dump("sw_interface_tap_v2_dump", { sw_if_index: ALL });
  return new Map(details.map((detail): [number, TapSpec] => [number(detail["sw_if_index"]), toTap(detail)]));
}

function toTap(detail: Record<string, unknown>): TapSpec {
  const mac = macText(detail["host_mac_addr"]);
  const namespace = text(detail["host_namespace"]);
  return {
    id: number(detail["id"]),
    hostName: text(detail["host_if_name"]),
    ...(namespace === "" ? {} : { hostNamespace: namespace }),
    ...(mac === "00:00:00:00:00:00" ? {} : { hostMac: mac }),
    hostAddresses: [
      hostAddress(detail["host_ip4_prefix"], ip4Text),
      hostAddress(detail["host_ip6_prefix"], ip6Text),
    ].filter((one) => one !== undefined),
  };
}

function hostAddress(value: unknown, format: (bytes: unknown) => string): string | undefined {
  if (typeof value === "string") return value.endsWith("/0") ? undefined : value;
  const { address, len } = value as { address: unknown; len: number };
  if (len === 0) return undefined;
  return address !== null && typeof address === "object" && "af" in address
    ? prefixText(value)
    : `${format(address)}/${len}`;
}

export async function deleteTap(index: number, port: VppPort): Promise<void> {
  await tolerate(port.request("tap_delete_v2", { sw_if_index: index }), DONE.INVALID_SW_IF_INDEX);
}
