import { SubFlag } from "../l2/sub-interfaces.ts";
import type { Interface } from "../model.ts";
import { RV } from "../retval.ts";
import type { Fib } from "./fib.ts";
import { isLinkLocal } from "./link-local.ts";
import { addressKey, covers, hostPrefix, mask4, maskBytes, prefix4, prefix6, prefixKey } from "./prefix.ts";
import type { FibEntryFlag, FibPrefix } from "./types.ts";

type Address = number | Uint8Array;

const CONNECTED: ReadonlySet<FibEntryFlag> = new Set(["connected", "attached"]);
const LOCAL: ReadonlySet<FibEntryFlag> = new Set(["connected", "local"]);
const DROP: ReadonlySet<FibEntryFlag> = new Set(["drop", "uRPF-exempt"]);
const ATTACHED: ReadonlySet<FibEntryFlag> = new Set(["attached"]);

/** vnet/error.h. */
const ADDRESS_IN_USE = -105;
const DUPLICATE_IF_ADDRESS = -127;
const UNSUPPORTED = -126;
const ADDRESS_NOT_DELETABLE = -61;
const IP6_NOT_ENABLED = -62;

/** How many addresses need a connected prefix's routes; per interface, by prefix. */
const prefixUsers = new WeakMap<Interface, Map<string, number>>();
/** How often IPv6 was enabled: by each address, and by the operator (vnet/ip/ip6_link.c il_locks). */
const ip6Locks = new WeakMap<Interface, number>();

/**
 * Adds an address (ip4_add_del_interface_address, ip6_...). Its routes exist while the interface is up.
 * @returns 0, or -105 (IPv4) and -127 (IPv6) for what overlaps an address of another interface or with another length or
 *   is the same, -59 for a length that its family lacks, -126 for local0
 */
export function addInterfaceAddress(
  fib: Fib,
  interfaces: Iterable<Interface>,
  iface: Interface,
  address: Address,
  length: number,
): number {
  if (!supportsAddressing(iface)) return UNSUPPORTED;
  if (isLinkLocal(address)) return setLinkLocal(fib, iface, address as Uint8Array, length);
  const isIp4 = typeof address === "number";
  if (overlaps(interfaces, iface, address, length)) return isIp4 ? ADDRESS_IN_USE : DUPLICATE_IF_ADDRESS;
  if (length === 0 || length > (isIp4 ? 32 : 128)) return RV.ADDRESS_LENGTH_MISMATCH;
  if (isIp4) iface.addresses4.push({ address, length });
  else {
    iface.addresses6.push({ address: address.slice(), length });
    enableIp6(fib, iface);
  }
  if (iface.adminUp) addRoutes(fib, iface, address, length);
  return RV.OK;
}

/**
 * Removes an address; the length given doesn't count for finding it, only for which routes go, as in VPP.
 * @returns 0, or -60 where the interface has no such address
 */
export function deleteInterfaceAddress(fib: Fib, iface: Interface, address: Address, length: number): number {
  if (!supportsAddressing(iface)) return UNSUPPORTED;
  if (isLinkLocal(address)) {
    if (length !== 128) return RV.ADDRESS_LENGTH_MISMATCH;
    const isOwn = addressKey(iface.linkLocal) === addressKey(address);
    return isOwn && iface.ip6Enabled ? ADDRESS_NOT_DELETABLE : RV.ADDRESS_NOT_FOUND_FOR_INTERFACE;
  }
  const addresses: { address: Address; length: number }[] =
    typeof address === "number" ? iface.addresses4 : iface.addresses6;
  const key = addressKey(address);
  const at = addresses.findIndex((each) => addressKey(each.address) === key);
  if (at < 0) return RV.ADDRESS_NOT_FOUND_FOR_INTERFACE;
  addresses.splice(at, 1);
  if (iface.adminUp) deleteRoutes(fib, iface, address, length);
  if (typeof address !== "number") disableIp6(fib, iface);
  return RV.OK;
}

/** The routes of all addresses come when the interface goes up, and go when it goes down. */
export function interfaceRoutesChanged(fib: Fib, iface: Interface): void {
  for (const { address, length } of [...iface.addresses4, ...iface.addresses6]) {
    if (iface.adminUp) addRoutes(fib, iface, address, length);
    else deleteRoutes(fib, iface, address, length);
  }
}

/** ip6_link_enable: -81 where it is on already, which counts nevertheless. */
export function enableIp6(fib: Fib, iface: Interface): number {
  const locks = ip6Locks.get(iface) ?? 0;
  ip6Locks.set(iface, locks + 1);
  iface.ip6Enabled = true;
  if (locks === 0) fib.linkLocal.setOwn(iface, iface.linkLocal);
  return locks === 0 ? RV.OK : RV.VALUE_EXIST;
}

/** ip6_link_disable: off when as often as it was switched on. */
export function disableIp6(fib: Fib, iface: Interface): number {
  const locks = ip6Locks.get(iface) ?? 0;
  if (locks === 0) return IP6_NOT_ENABLED;
  ip6Locks.set(iface, locks - 1);
  iface.ip6Enabled = locks > 1;
  if (locks === 1) fib.linkLocal.clearOwn(iface.swIfIndex);
  return RV.OK;
}

/** vnet_sw_interface_supports_addressing: not local0, nor a sub-interface that takes more tags than its own. */
export function supportsAddressing({ kind, sub }: Interface): boolean {
  return kind !== "local" && (sub === undefined || (sub.flags & SubFlag.exactMatch) !== 0);
}

function setLinkLocal(fib: Fib, iface: Interface, address: Uint8Array, length: number): number {
  if (length !== 128) return RV.ADDRESS_LENGTH_MISMATCH;
  iface.linkLocal = address.slice();
  if (!iface.ip6Enabled) return enableIp6(fib, iface);
  fib.linkLocal.setOwn(iface, address);
  return RV.OK;
}

/** Overlapping subnets of a table are refused, but for several addresses of one subnet on one interface. */
function overlaps(interfaces: Iterable<Interface>, iface: Interface, address: Address, length: number): boolean {
  const isIp4 = typeof address === "number";
  const wanted = toPrefix(address, Math.min(length, isIp4 ? 32 : 128));
  const host = hostPrefix(address);
  for (const other of interfaces) {
    if ((isIp4 ? other.fibIndex4 : other.fibIndex6) !== (isIp4 ? iface.fibIndex4 : iface.fibIndex6)) continue;
    for (const known of isIp4 ? other.addresses4 : other.addresses6) {
      const touches = covers(toPrefix(known.address, known.length), host) || covers(wanted, hostPrefix(known.address));
      const isNeighbour =
        other === iface && known.length === length && addressKey(known.address) !== addressKey(address);
      if (touches && !isNeighbour) return true;
    }
  }
  return false;
}

function toPrefix(address: Address, length: number): FibPrefix {
  return typeof address === "number" ? prefix4(address, length) : prefix6(address, length);
}

function usersOf(iface: Interface): Map<string, number> {
  let users = prefixUsers.get(iface);
  if (users === undefined) prefixUsers.set(iface, (users = new Map()));
  return users;
}

/** ip4_add_interface_routes: the address itself, and with its first address the prefix, its edges, or a /31's other end. */
function addRoutes(fib: Fib, iface: Interface, address: Address, length: number): void {
  const { swIfIndex } = iface;
  const host = hostPrefix(address);
  const table = host.proto === 4 ? iface.fibIndex4 : iface.fibIndex6;
  fib.update(table, host, "interface", LOCAL, [{ swIfIndex, nextHop: address }]);
  if (length === host.length) return;
  // An IPv4 prefix keeps the address that it came with, an IPv6 one doesn't (ip6_add_interface_prefix_routes).
  const network = typeof address === "number" ? prefix4(address, length) : prefix6(maskBytes(address, length), length);
  const users = usersOf(iface);
  const count = users.get(prefixKey(network)) ?? 0;
  users.set(prefixKey(network), count + 1);
  if (count > 0) return;
  fib.update(table, network, "interface", CONNECTED, [{ swIfIndex }]);
  if (typeof address !== "number") return;
  for (const edge of edgesOf(address, length))
    fib.update(table, prefix4(edge, 32), "interface", DROP, [{ special: "drop" }]);
  if (length === 31) {
    const other = (address ^ 1) >>> 0;
    fib.update(table, prefix4(other, 32), "interface", ATTACHED, [{ swIfIndex, nextHop: other }]);
  }
}

function deleteRoutes(fib: Fib, iface: Interface, address: Address, length: number): void {
  const host = hostPrefix(address);
  const table = host.proto === 4 ? iface.fibIndex4 : iface.fibIndex6;
  if (length < host.length) deletePrefixRoutes(fib, iface, address, length);
  fib.delete(table, host, "interface");
}

function deletePrefixRoutes(fib: Fib, iface: Interface, address: Address, length: number): void {
  const network = toPrefix(address, length);
  const table = network.proto === 4 ? iface.fibIndex4 : iface.fibIndex6;
  const users = usersOf(iface);
  const count = users.get(prefixKey(network)) ?? 0;
  if (count === 0) return;
  users.set(prefixKey(network), count - 1);
  if (count > 1) return;
  if (typeof address === "number") {
    for (const edge of edgesOf(address, length)) fib.delete(table, prefix4(edge, 32), "interface");
    if (length === 31) fib.delete(table, prefix4((address ^ 1) >>> 0, 32), "interface");
  }
  fib.delete(table, network, "interface");
}

/** Network and broadcast address of a prefix, unless they are the interface's own. */
function edgesOf(address: number, length: number): number[] {
  if (length > 30) return [];
  const network = (address & mask4(length)) >>> 0;
  const broadcast = (address | ~mask4(length)) >>> 0;
  return [network, broadcast].filter((edge) => edge !== address);
}
