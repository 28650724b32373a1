/** TAP interfaces (plugins/tap/tap.c), over the device alone: VPP's need vhost-net, these don't. */
import { KernelError } from "../kernel/errors.ts";
import { Namespace } from "../kernel/namespace.ts";
import { SysError } from "../sys/errors.ts";
import { openTun, type Tun } from "../sys/tun.ts";
import type { Dataplane } from "./dataplane.ts";
import { randomMac } from "./dataplane.ts";
import { TapPort } from "./io/tap-port.ts";
import { NO_INDEX, type Interface } from "./model.ts";
import { RV } from "./retval.ts";

/** vnet/error.h. */
const SYSCALL_ERROR_2 = -12;
const NETLINK_ERROR = -145;
const UNSUPPORTED = -126;
const UNSPECIFIED = -1;
/** TAP_API_FLAG_*: those that a device without vhost-net can't have. */
const FLAG_PERSIST = 4;
const FLAG_ATTACH = 8;
const FLAG_TUN = 16;
const MAX_ID = 1 << 10;

export interface TapOptions {
  /** Of the name `tapN`; undefined takes the lowest free one. */
  readonly id?: number;
  /** Of the dataplane's side. Default: a random one. */
  readonly mac?: Uint8Array;
  /** TAP_API_FLAG_*; offloads are not offered and left out, TUN, persist and attach are refused. */
  readonly flags?: number;
  /** The kernel's side: its name (default: one that the kernel chooses), address and so on. */
  readonly hostIfName?: string;
  readonly hostMac?: Uint8Array;
  readonly hostNamespace?: string;
  readonly hostBridge?: string;
  /** "10.0.0.1/24"; IPv6 alike. */
  readonly hostIp4?: string;
  readonly hostIp6?: string;
  readonly hostIp4Gateway?: string;
  readonly hostIp6Gateway?: string;
  readonly hostMtu?: number;
  readonly rxRing?: number;
  readonly txRing?: number;
}

export interface TapResult {
  /** 0, or VPP's return value. */
  readonly retval: number;
  readonly swIfIndex: number;
  readonly cause?: Error;
}

/** What a dump tells of a TAP. */
export interface TapView {
  readonly iface: Interface;
  readonly id: number;
  readonly hostIfName: string;
  readonly hostMac: Uint8Array;
  readonly options: TapOptions;
}

const taps = new WeakMap<Interface, TapView>();
/** Ids whose making is under way. */
const making = new WeakMap<Dataplane, Set<number>>();

export function tapOf(iface: Interface): TapView | undefined {
  return taps.get(iface);
}

/**
 * tap_create_if: -71 for an id in use, -1 above 1,024, -12 without /dev/net/tun or namespace, -145 where the kernel's side
 * can't be set up, -126 for TUN, persistent and attached devices. Nothing is left then.
 */
export async function createTap(dataplane: Dataplane, options: TapOptions): Promise<TapResult> {
  const refused = (retval: number, cause?: Error): TapResult => ({
    ...{ retval, swIfIndex: NO_INDEX },
    ...(cause === undefined ? {} : { cause }),
  });
  const pending = making.get(dataplane) ?? new Set<number>();
  making.set(dataplane, pending);
  const taken = new Set([...idsOf(dataplane), ...pending]);
  let id = options.id ?? 0;
  if (options.id === undefined) while (taken.has(id)) id += 1;
  if (taken.has(id)) return refused(RV.INVALID_INTERFACE);
  if (id > MAX_ID) return refused(UNSPECIFIED);
  if (((options.flags ?? 0) & (FLAG_TUN | FLAG_PERSIST | FLAG_ATTACH)) !== 0) return refused(UNSUPPORTED);
  pending.add(id);
  try {
    return await make(dataplane, id, options);
  } catch (error) {
    if (error instanceof SysError) return refused(SYSCALL_ERROR_2, error);
    if (error instanceof KernelError) return refused(NETLINK_ERROR, error);
    throw error;
  } finally {
    pending.delete(id);
  }
}

/** tap_delete_if: -2 for what is no TAP. The device goes too. */
export function deleteTap(dataplane: Dataplane, swIfIndex: number): number {
  const iface = dataplane.interfaces.get(swIfIndex);
  const hardware = iface?.sup ?? iface;
  if (hardware?.kind !== "tap") return RV.INVALID_SW_IF_INDEX;
  return dataplane.removeInterface(hardware.swIfIndex);
}

async function make(dataplane: Dataplane, id: number, options: TapOptions): Promise<TapResult> {
  let namespace: Namespace;
  try {
    namespace = options.hostNamespace === undefined ? Namespace.own() : Namespace.open(options.hostNamespace);
  } catch (error) {
    return { retval: SYSCALL_ERROR_2, swIfIndex: NO_INDEX, ...(error instanceof Error ? { cause: error } : {}) };
  }
  let tap: Tun | undefined;
  try {
    tap = namespace.run(() => openTun({ mode: "tap", name: options.hostIfName ?? "tap%d" }));
    const hostMac = options.hostMac ?? randomMac();
    await setUpHost(namespace, tap.name, hostMac, options);
    if (dataplane.isClosed) return { retval: UNSPECIFIED, swIfIndex: NO_INDEX };
    const port = new TapPort(dataplane, tap);
    const { hostIfName: _host, ...rest } = options;
    const iface = dataplane.addInterface({
      ...{ kind: "tap", name: `tap${id}`, instance: id, port },
      ...(rest.mac === undefined ? {} : { mac: rest.mac }),
    });
    taps.set(iface, { iface, id, hostIfName: tap.name, hostMac, options });
    port.attach(iface);
    tap = undefined;
    return { retval: RV.OK, swIfIndex: iface.swIfIndex };
  } finally {
    tap?.close();
    namespace.close();
  }
}

async function setUpHost(namespace: Namespace, name: string, mac: Uint8Array, options: TapOptions): Promise<void> {
  const { hostBridge, hostIp4, hostIp6, hostIp4Gateway, hostIp6Gateway, hostMtu } = options;
  const text = Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
  await namespace.setLink(name, {
    mac: text,
    ...(hostMtu === undefined ? {} : { mtu: hostMtu }),
    ...(hostBridge === undefined ? {} : { master: hostBridge }),
  });
  for (const prefix of [hostIp4, hostIp6]) if (prefix !== undefined) await namespace.addAddress(name, prefix);
  await namespace.setLink(name, { up: true });
  for (const [dst, via] of [
    ["default", hostIp4Gateway],
    ["::/0", hostIp6Gateway],
  ] as const)
    if (via !== undefined) await namespace.addRoute({ dst, via });
}

function idsOf(dataplane: Dataplane): number[] {
  return [...dataplane.interfaces].filter((each) => each.kind === "tap").map((each) => each.instance);
}
