import type { Interface } from "../model.ts";
import { RV } from "../retval.ts";
import type { Fib } from "./fib.ts";
import { addressKey, covers, hostPrefix, mask4, prefix4, prefix6 } from "./prefix.ts";
import type { FibEntryFlag } from "./types.ts";

const CONNECTED: ReadonlySet<FibEntryFlag> = new Set(["connected", "attached"]);
const LOCAL: ReadonlySet<FibEntryFlag> = new Set(["connected", "local"]);
const DROP: ReadonlySet<FibEntryFlag> = new Set(["drop", "uRPF-exempt"]);
const ATTACHED: ReadonlySet<FibEntryFlag> = new Set(["attached"]);

/**
 * Adds an address with its routes: local, connected and, for IPv4, network and broadcast address or the other of a /31
 * (vnet/ip/ip4_forward.c ip4_add_interface_routes). The first IPv6 address enables IPv6.
 * @returns 0, ADDRESS_LENGTH_MISMATCH (-59) for another length in the same prefix, DUPLICATE_IF_ADDRESS (-105)
 */
export function addInterfaceAddress(
  fib: Fib,
  interfaces: Iterable<Interface>,
  iface: Interface,
  address: number | Uint8Array,
  length: number,
): number {
  const refused = checkAddress(interfaces, iface, address, length);
  if (refused !== RV.OK) return refused;
  if (typeof address === "number") {
    iface.addresses4.push({ address, length });
    addRoutes4(fib, iface, address, length);
  } else {
    iface.ip6Enabled = true;
    iface.addresses6.push({ address: address.slice(), length });
    addRoutes6(fib, iface, address, length);
  }
  return RV.OK;
}

/** Removes an address and the routes that no other address of the interface needs; -60 if it is not there. */
export function deleteInterfaceAddress(
  fib: Fib,
  iface: Interface,
  address: number | Uint8Array,
  length: number,
): number {
  if (typeof address === "number") {
    const at = iface.addresses4.findIndex((a) => a.address === address && a.length === length);
    if (at < 0) return RV.ADDRESS_NOT_FOUND_FOR_INTERFACE;
    iface.addresses4.splice(at, 1);
    deleteRoutes4(fib, iface, address, length);
    return RV.OK;
  }
  const key = addressKey(address);
  const at = iface.addresses6.findIndex((a) => addressKey(a.address) === key && a.length === length);
  if (at < 0) return RV.ADDRESS_NOT_FOUND_FOR_INTERFACE;
  iface.addresses6.splice(at, 1);
  const prefix = prefix6(address, length);
  fib.delete(iface.fibIndex6, hostPrefix(address), "interface");
  if (!iface.addresses6.some((a) => a.length === length && covers(prefix, hostPrefix(a.address))))
    fib.delete(iface.fibIndex6, prefix, "interface");
  return RV.OK;
}

/** The checks of ip4_add_del_interface_address_internal: overlaps are refused unless equal in length and interface. */
function checkAddress(
  interfaces: Iterable<Interface>,
  iface: Interface,
  address: number | Uint8Array,
  length: number,
): number {
  const isIp4 = typeof address === "number";
  const host = hostPrefix(address);
  for (const other of interfaces) {
    if ((isIp4 ? other.fibIndex4 : other.fibIndex6) !== (isIp4 ? iface.fibIndex4 : iface.fibIndex6)) continue;
    for (const known of isIp4 ? other.addresses4 : other.addresses6) {
      const knownPrefix = isIp4
        ? prefix4(known.address as number, known.length)
        : prefix6(known.address as Uint8Array, known.length);
      const wanted = isIp4 ? prefix4(address, length) : prefix6(address, length);
      const overlaps = covers(knownPrefix, host) || covers(wanted, hostPrefix(known.address));
      if (!overlaps) continue;
      if (addressKey(known.address) === addressKey(address)) return RV.DUPLICATE_IF_ADDRESS;
      if (other !== iface || known.length !== length) return RV.ADDRESS_LENGTH_MISMATCH;
    }
  }
  return RV.OK;
}

function addRoutes4(fib: Fib, iface: Interface, address: number, length: number): void {
  const table = iface.fibIndex4;
  const { swIfIndex } = iface;
  fib.update(table, prefix4(address, 32), "interface", LOCAL, [{ swIfIndex, nextHop: address }]);
  const network = prefix4(address, length);
  if (iface.addresses4.filter((a) => a.length === length && covers(network, hostPrefix(a.address))).length > 1) return;
  if (length < 32) fib.update(table, network, "interface", CONNECTED, [{ swIfIndex }]);
  for (const special of edgesOf(address, length))
    fib.update(table, prefix4(special, 32), "interface", DROP, [{ special: "drop" }]);
  if (length === 31) {
    const other = (address ^ 1) >>> 0;
    fib.update(table, prefix4(other, 32), "interface", ATTACHED, [{ swIfIndex, nextHop: other }]);
  }
}

function deleteRoutes4(fib: Fib, iface: Interface, address: number, length: number): void {
  const table = iface.fibIndex4;
  const network = prefix4(address, length);
  if (!iface.addresses4.some((a) => a.length === length && covers(network, hostPrefix(a.address)))) {
    if (length === 31) fib.delete(table, prefix4((address ^ 1) >>> 0, 32), "interface");
    for (const special of edgesOf(address, length)) fib.delete(table, prefix4(special, 32), "interface");
    if (length < 32) fib.delete(table, network, "interface");
  }
  fib.delete(table, prefix4(address, 32), "interface");
}

/** Network and broadcast address of a prefix, unless they are the interface's own. */
function edgesOf(address: number, length: number): number[] {
  if (length > 30) return [];
  const network = (address & mask4(length)) >>> 0;
  const broadcast = (address | ~mask4(length)) >>> 0;
  return [network, broadcast].filter((edge) => edge !== address);
}

function addRoutes6(fib: Fib, iface: Interface, address: Uint8Array, length: number): void {
  const { swIfIndex } = iface;
  fib.update(iface.fibIndex6, hostPrefix(address), "interface", LOCAL, [{ swIfIndex, nextHop: address }]);
  if (length < 128) fib.update(iface.fibIndex6, prefix6(address, length), "interface", CONNECTED, [{ swIfIndex }]);
}
