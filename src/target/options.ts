import type { KernelError } from "../kernel/errors.ts";
import type { DscpVip } from "../kernel/l3dsr.ts";
import type { GreMode } from "../kernel/gre.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { networkText, parsePrefix } from "../kernel/prefix.ts";
import { AF_INET } from "../sys/constants.ts";
import { TargetError } from "./errors.ts";

/** How VPP sends packets of a VIP to its application servers. */
export type Encap = "gre4" | "gre6" | "l3dsr";

export interface TargetOptions {
  /** Where the server lives; default: this process's own network namespace. */
  readonly namespace?: Namespace;
  /** The interface towards the load-balancer ("nsm0"). */
  readonly device: string;
  /** The load-balancer's address on that network (the BVI), one for each family of the VIPs. */
  readonly gateways: readonly string[];
  /** VIP addresses and prefixes of both families ("10.2.2.0/24", "2001:db8:2::1"). */
  readonly vips: readonly string[];
  /** Every encapsulation in use, default ["gre4"]. */
  readonly encaps?: readonly Encap[];
  /** VIPs that come by l3dsr, with their DSCP; needed where `encaps` names l3dsr. */
  readonly l3dsr?: readonly DscpVip[];
  /** Table of the source policy routes, default 222. */
  readonly table?: number;
  /** More prefixes to route by the gateway in the main table, such as the uplink's "10.70.0.0/31". */
  readonly routes?: readonly string[];
  /** Bytes of the path to the clients; default: the device's MTU. */
  readonly mtu?: number;
  /** How GRE is taken off; default "auto". */
  readonly gre?: GreMode | "auto";
  /** The GRE device's name where we make one. */
  readonly greDevice?: string;
  /** Serve also a VPP whose `lb conf` is not set: see GreOptions.unsetSource. Default false. */
  readonly unsetSource?: boolean;
  /** "keep" leaves the device's offloads alone: for a network card with no VPP host-interface behind it. */
  readonly offloads?: "off" | "keep";
}

/** One VIP: its text as the kernel shows it, and its family. */
export interface Vip {
  readonly prefix: string;
  readonly family: 4 | 6;
  /** A single address. */
  readonly host: boolean;
}

/** Options checked and completed. */
export interface Plan {
  readonly device: string;
  readonly vips: readonly Vip[];
  readonly gateways: { readonly 4?: string; readonly 6?: string };
  readonly encaps: readonly Encap[];
  readonly l3dsr: readonly DscpVip[];
  readonly table: number;
  readonly routes: readonly string[];
  readonly mtu: number | undefined;
  readonly gre: GreMode | "auto";
  readonly greDevice: string;
  readonly unsetSource: boolean;
  readonly offloads: "off" | "keep";
}

function family(text: string): 4 | 6 {
  try {
    return parsePrefix(text).family === AF_INET ? 4 : 6;
  } catch (cause) {
    throw new TargetError("INVALID", (cause as KernelError).message, cause);
  }
}

/** @throws TargetError INVALID */
export function vipsOf(texts: readonly string[]): Vip[] {
  return texts.map((text): Vip => {
    const version = family(text);
    const prefix = parsePrefix(text);
    return { prefix: networkText(prefix), family: version, host: prefix.length === (version === 4 ? 32 : 128) };
  });
}

/** @throws TargetError INVALID */
export function checkedTable(table = 222): number {
  if (!(Number.isInteger(table) && table > 0 && table < 2 ** 32) || (table >= 253 && table <= 255)) {
    throw new TargetError("INVALID", `table ${table}: 1 to 4294967295, but not 253 to 255, which are the system's`);
  }
  return table;
}

/** The gateway of each family. @throws TargetError INVALID: a VIP has none */
export function gatewaysOf(texts: readonly string[], vips: readonly Vip[]): { 4?: string; 6?: string } {
  const gateways: { 4?: string; 6?: string } = {};
  for (const gateway of texts) gateways[family(gateway)] = gateway;
  for (const { prefix, family: version } of vips) {
    if (gateways[version] === undefined) {
      throw new TargetError("INVALID", `VIP ${prefix} needs an IPv${version} gateway: the load-balancer's BVI address`);
    }
  }
  return gateways;
}

/** @throws TargetError INVALID */
export function planTarget(options: TargetOptions): Plan {
  const { encaps = ["gre4"], l3dsr = [] } = options;
  const vips = vipsOf(options.vips);
  if (vips.length === 0) throw new TargetError("INVALID", "a target needs at least one VIP");
  if (encaps.length === 0) throw new TargetError("INVALID", "a target needs at least one encapsulation");
  const table = checkedTable(options.table);
  if (encaps.includes("l3dsr") !== l3dsr.length > 0) {
    throw new TargetError(
      "INVALID",
      "encapsulation l3dsr needs the list of its VIPs with their DSCP, and that needs it",
    );
  }
  return {
    device: options.device,
    vips,
    gateways: gatewaysOf(options.gateways, vips),
    encaps,
    l3dsr,
    table,
    routes: options.routes ?? [],
    mtu: options.mtu,
    gre: options.gre ?? "auto",
    greDevice: options.greDevice ?? "vpplbgre",
    unsetSource: options.unsetSource ?? false,
    offloads: options.offloads ?? "off",
  };
}

const OUTER_BYTES: Record<Encap, number> = { gre4: 20 + 4, gre6: 40 + 4, l3dsr: 0 };
const TCP_HEADER = 20;

/**
 * The TCP MSS that a server announces so that the client's full segments fit the tunnel: the encapsulated path's MTU
 * less the outer IP, GRE, inner IP and TCP headers. 1,436 for IPv4 in gre4 at MTU 1,500, 1,396 for IPv6 in gre6. VPP
 * fragments gre4 at best, never gre6, and reports no "too big".
 */
export function announcedMss(mtu: number, encaps: readonly Encap[], inner: 4 | 6): number {
  const outer = Math.max(...encaps.map((encap) => OUTER_BYTES[encap]));
  return mtu - outer - (inner === 4 ? 20 : 40) - TCP_HEADER;
}
