import { bindTable } from "./interface-control.ts";
import { randomFillSync } from "node:crypto";
import { AbfMain } from "./abf/abf.ts";
import { AclMain } from "./acl/acl.ts";
import { Fib } from "./fib/fib.ts";
import { addInterfaceAddress, deleteInterfaceAddress, interfaceRoutesChanged } from "./fib/interface-address.ts";
import { hostPrefix, prefix4, prefix6 } from "./fib/prefix.ts";
import { LbDpo, type FibChild } from "./fib/types.ts";
import { InterfaceFeatures } from "./features.ts";
import { abfNode } from "./graph/abf-node.ts";
import { aclNodes } from "./graph/acl-node.ts";
import { Graph } from "./graph/graph.ts";
import { Bridges } from "./l2/bridge.ts";
import type { SubInterface } from "./l2/sub-interfaces.ts";
import { LbMain, readAddress4 } from "./lb/lb.ts";
import { vipIsIp4, type LbVip } from "./lb/types.ts";
import { InterfaceCounters, type Interface, type InterfaceEvent, type InterfaceKind, type Port } from "./model.ts";
import { Neighbors } from "./neighbor/neighbors.ts";
import { Pool } from "./pool.ts";
import { Reassembly } from "./reassembly/reassembly.ts";
import { RV } from "./retval.ts";
import { ErrorCounters } from "./trace/errors.ts";
import { TraceBuffer } from "./trace/trace.ts";

export interface DataplaneOptions {
  /** Seconds of a clock that never goes back; default: the process's. `now()` counts from the dataplane's start. */
  readonly clock?: () => number;
  /** Where memif sockets with relative names are, as VPP's runtime directory. Default "/run/vpp". */
  readonly runtimeDirectory?: string;
}

export interface NewInterface {
  readonly kind: InterfaceKind;
  readonly name: string;
  /** Default: 02:fe and four random bytes, as VPP's host-interfaces have. */
  readonly mac?: Uint8Array;
  readonly instance?: number;
  readonly hostIfName?: string;
  readonly port?: Port;
  /** Default true. */
  readonly linkUp?: boolean;
  /** Default 9000 (0 for local0), as VPP's. */
  readonly mtu?: number;
  /** Of a sub-interface: what it is on, and its tags. */
  readonly sup?: Interface;
  readonly sub?: SubInterface;
}

/** Where VPP's ethernet interfaces start. */
const DEFAULT_MTU = 9000;
const DEFAULT_STICKY_TICK_MS = 1000;

/**
 * The state of the embedded dataplane and its packet graph. Mechanisms live in the parts; what spans several of them is
 * here. The packet path (`graph`) works without sockets: give interfaces a `Port` and feed `graph.input`.
 */
export class Dataplane {
  readonly startedAtMs = Date.now();
  readonly runtimeDirectory: string;
  readonly interfaces = new Pool<Interface>();
  readonly #hardware = new Pool<Interface>();
  readonly fib: Fib;
  readonly neighbors: Neighbors;
  readonly bridges: Bridges;
  readonly lb: LbMain;
  /** Indexes of interfaces whose making failed half-way since the last events: VPP tells of their deletion. */
  readonly abandoned = new Set<number>();
  /** Names of clients of the binary API, by the index of their connection. */
  readonly apiClients = new Map<number, string>();
  readonly acl: AclMain;
  readonly abf: AbfMain;
  readonly errors = new ErrorCounters();
  readonly trace: TraceBuffer;
  readonly graph: Graph;
  readonly reassembly: Reassembly;
  isClosed = false;
  readonly #clock: () => number;
  readonly #startS: number;
  readonly #listeners = new Set<(event: InterfaceEvent) => void>();
  #tick: NodeJS.Timeout | undefined;

  constructor(options: DataplaneOptions = {}) {
    this.runtimeDirectory = options.runtimeDirectory ?? "/run/vpp";
    this.#clock = options.clock ?? (() => performance.now() / 1000);
    this.#startS = this.#clock();
    const interfaceOf = (swIfIndex: number) => this.interfaces.get(swIfIndex);
    const now = () => this.now();
    this.fib = new Fib({ interface: interfaceOf });
    this.neighbors = new Neighbors(this.fib, interfaceOf, now);
    this.bridges = new Bridges(interfaceOf, now);
    this.trace = new TraceBuffer(now);
    this.lb = new LbMain({
      now,
      trackAddress: (address, isIp4, changed) => this.#trackAddress(address, isIp4, changed),
      addVipRoute: (vip, index) => this.#addVipRoute(vip, index),
      delVipRoute: (vip) => this.fib.delete(0, vipPrefix(vip), "lb"),
    });
    const nodes = aclNodes(this.errors);
    this.acl = new AclMain({ interface: interfaceOf, now, nodes: (node) => nodes.get(node)! });
    this.abf = new AbfMain({
      ...{ fib: this.fib, acl: this.acl, interface: interfaceOf },
      nodes: { 4: abfNode(this.errors, 4), 6: abfNode(this.errors, 6) },
    });
    this.graph = new Graph(this);
    this.reassembly = new Reassembly(this);
    this.neighbors.probe = (swIfIndex, address) => {
      const iface = this.interfaces.get(swIfIndex);
      if (iface?.adminUp === true) this.graph.ask(iface, address);
    };
    this.fib.adjacencies.created = (adjacency) => {
      const known = this.neighbors.find(adjacency.iface.swIfIndex, adjacency.nextHop);
      if (known !== undefined) this.fib.adjacencies.complete(adjacency, known.mac);
      else this.graph.probe(adjacency);
    };
    this.addInterface({ kind: "local", name: "local0", mac: new Uint8Array(6), mtu: 0, linkUp: false });
  }

  /** Seconds since start: VPP's vlib_time_now. */
  now(): number {
    return this.#clock() - this.#startS;
  }

  /** Starts the once-a-second housekeeping (MAC aging, idle sessions); `close` stops it. It does not keep the process alive. */
  start(): void {
    this.#tick ??= setInterval(() => this.#housekeeping(), DEFAULT_STICKY_TICK_MS).unref();
  }

  close(): void {
    this.isClosed = true;
    clearInterval(this.#tick);
    this.#tick = undefined;
    this.reassembly.close();
    for (const iface of this.interfaces) iface.port?.close();
    this.#listeners.clear();
  }

  /** Interface events: admin or link state changed, or deleted. Returns the function that ends it. */
  onInterfaceEvent(listener: (event: InterfaceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  addInterface(wanted: NewInterface): Interface {
    const mac = wanted.mac?.slice() ?? randomMac();
    const iface = this.interfaces.add((swIfIndex) => this.#makeInterface(wanted, swIfIndex, mac));
    if (iface.sup === undefined) this.#hardware.add(() => iface);
    return iface;
  }

  /** Takes the interface out of everything that refers to it. local0 can't be removed. */
  removeInterface(swIfIndex: number): number {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined || swIfIndex === 0) return RV.INVALID_SW_IF_INDEX;
    for (const sub of this.subsOf(iface)) this.removeInterface(sub.swIfIndex);
    if (iface.adminUp) this.#changeAdmin(iface, false);
    this.bridges.interfaceRemoved(iface);
    if (iface.sub !== undefined) iface.sup?.subs?.remove(iface.sub);
    for (const { address, length } of [...iface.addresses4]) this.deleteAddress(swIfIndex, address, length);
    for (const { address, length } of [...iface.addresses6]) this.deleteAddress(swIfIndex, address, length);
    this.fib.linkLocal.clearOwn(swIfIndex);
    // Its tables are no longer held by it.
    for (const proto of [4, 6] as const) bindTable(this, iface, proto, 0);
    this.neighbors.flush(swIfIndex, true);
    this.acl.interfaceRemoved(swIfIndex);
    iface.port?.close();
    this.interfaces.remove(swIfIndex);
    if (iface.sup === undefined) this.#hardware.remove(iface.hwIfIndex);
    this.fib.interfaceChanged(swIfIndex);
    this.#emit(iface, true);
    return RV.OK;
  }

  /** The sub-interfaces of an interface, in the order of their indexes. */
  subsOf(iface: Interface): Interface[] {
    return iface.subs === undefined ? [] : [...this.interfaces].filter((each) => each.sup === iface);
  }

  byName(name: string): Interface | undefined {
    for (const iface of this.interfaces) if (iface.name === name) return iface;
    return undefined;
  }

  setAdminUp(swIfIndex: number, up: boolean): number {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    // A sub-interface can't go up before what it is on (interface.c vnet_sw_interface_set_flags_helper).
    if (iface.sup !== undefined && up && !iface.sup.adminUp) return RV.UNSPECIFIED;
    if (iface.adminUp !== up) this.#changeAdmin(iface, up);
    return RV.OK;
  }

  #changeAdmin(iface: Interface, up: boolean): void {
    iface.adminUp = up;
    (iface.sup ?? iface).subs?.setUp(iface.sub, iface.swIfIndex, up);
    // The link of a loopback and of a host-interface follows its admin state (ethernet/interface.c, af_packet/device.c).
    const linkUp = up && iface.port?.linkUp !== false;
    if (iface.kind !== "local" && iface.sup === undefined) this.#changeLink(iface, linkUp);
    interfaceRoutesChanged(this.fib, iface);
    this.#stateChanged(iface);
    iface.port?.adminChanged?.(up);
  }

  /** Sub-interfaces have the link of what they are on; their admin state stays. */
  #changeLink(iface: Interface, up: boolean): void {
    iface.linkUp = up;
    for (const sub of this.subsOf(iface)) {
      sub.linkUp = up;
      this.fib.interfaceChanged(sub.swIfIndex);
      if (sub.adminUp && up) this.graph.interfaceUp(sub);
    }
  }

  setLinkUp(swIfIndex: number, up: boolean): void {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined || iface.linkUp === up) return;
    this.#changeLink(iface, up);
    this.#stateChanged(iface);
  }

  setMac(swIfIndex: number, mac: Uint8Array): number {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    const { l2 } = iface;
    const isBvi = l2?.portType === "bvi";
    if (isBvi) this.bridges.fib.delete(l2.bdIndex, iface.mac);
    iface.mac = mac.slice(0, 6);
    iface.linkLocal = linkLocalOf(iface.mac);
    if (isBvi)
      this.bridges.fib.add({ mac: iface.mac.slice(), bdIndex: l2.bdIndex, swIfIndex, static: true, bvi: true });
    this.fib.adjacencies.macChanged(iface);
    for (const sub of this.subsOf(iface)) this.setMac(sub.swIfIndex, mac);
    return RV.OK;
  }

  /** Adds an address and its routes; return values are VPP's. */
  addAddress(swIfIndex: number, address: number | Uint8Array, length: number): number {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    return addInterfaceAddress(this.fib, this.interfaces, iface, address, length);
  }

  deleteAddress(swIfIndex: number, address: number | Uint8Array, length: number): number {
    const iface = this.interfaces.get(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    const result = deleteInterfaceAddress(this.fib, iface, address, length);
    if (result !== RV.OK) return result;
    const prefix = typeof address === "number" ? prefix4(address, length) : prefix6(address, length);
    this.neighbors.flush(swIfIndex, false, (neighbor) => {
      const host = hostPrefix(neighbor.address);
      return host.proto === prefix.proto && sameNetwork(host.address, prefix.address, length);
    });
    return RV.OK;
  }

  #housekeeping(): void {
    this.bridges.fib.age();
    this.neighbors.age();
    this.acl.sessions.sweep(this.now());
  }

  #makeInterface(wanted: NewInterface, swIfIndex: number, mac: Uint8Array): Interface {
    const { sup } = wanted;
    const l3 = wanted.mtu ?? DEFAULT_MTU;
    return {
      swIfIndex,
      hwIfIndex: sup?.hwIfIndex ?? this.#hardware.nextIndex,
      name: wanted.name,
      kind: wanted.kind,
      instance: wanted.instance ?? 0,
      hostIfName: wanted.hostIfName,
      mac,
      adminUp: false,
      linkUp: wanted.linkUp ?? true,
      mtu: { l3, ip4: 0, ip6: 0, mpls: 0 },
      linkMtu: l3,
      promiscuous: false,
      tag: "",
      l2: undefined,
      xconnect: undefined,
      sup,
      sub: wanted.sub,
      subs: undefined,
      fibIndex4: 0,
      fibIndex6: 0,
      addresses4: [],
      addresses6: [],
      ip6Enabled: false,
      linkLocal: linkLocalOf(mac),
      counters: new InterfaceCounters(),
      features: new InterfaceFeatures(),
      port: wanted.port,
    };
  }

  #stateChanged(iface: Interface): void {
    if (!iface.adminUp) {
      this.neighbors.flush(iface.swIfIndex, false);
      if (iface.l2 !== undefined) this.bridges.fib.flushInterface(iface.swIfIndex);
    }
    this.fib.interfaceChanged(iface.swIfIndex);
    if (iface.adminUp && iface.linkUp) this.graph.interfaceUp(iface);
    this.#emit(iface, false);
  }

  #emit(iface: Interface, deleted: boolean): void {
    const { swIfIndex, adminUp, linkUp } = iface;
    for (const listener of [...this.#listeners]) listener({ swIfIndex, adminUp, linkUp, deleted });
  }

  #trackAddress(address: Uint8Array, isIp4: boolean, changed: Parameters<LbMainHostTrack>[2]): () => void {
    const child: FibChild = { forwardingChanged: (entry) => changed(entry.loadBalance) };
    const prefix = hostPrefix(isIp4 ? readAddress4(address) : address);
    const entry = this.fib.follow(0, prefix, child);
    changed(entry.loadBalance);
    return () => this.fib.unfollow(entry, child);
  }

  #addVipRoute(vip: LbVip, index: number): void {
    this.fib.updateDpo(0, vipPrefix(vip), "lb", new LbDpo(index, vip.type, vip.port !== 0));
  }
}

type LbMainHostTrack = ConstructorParameters<typeof LbMain>[0]["trackAddress"];

function vipPrefix(vip: LbVip): ReturnType<typeof prefix4> {
  return vipIsIp4(vip.type) ? prefix4(readAddress4(vip.prefix), vip.plen - 96) : prefix6(vip.prefix, vip.plen);
}

function sameNetwork(a: number | Uint8Array, b: number | Uint8Array, length: number): boolean {
  if (typeof a === "number" && typeof b === "number") return prefix4(a, length).address === prefix4(b, length).address;
  if (typeof a === "number" || typeof b === "number") return false;
  return Buffer.compare(prefix6(a, length).address as Uint8Array, prefix6(b, length).address as Uint8Array) === 0;
}

export function randomMac(): Uint8Array {
  const mac = randomFillSync(new Uint8Array(6));
  mac[0] = 0x02;
  mac[1] = 0xfe;
  return mac;
}

/** fe80::/64 with the modified EUI-64 of the MAC address (RFC 4291 appendix A). */
export function linkLocalOf(mac: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  address.set([0xfe, 0x80]);
  address.set([mac[0]! ^ 0x02, mac[1]!, mac[2]!, 0xff, 0xfe, mac[3]!, mac[4]!, mac[5]!], 8);
  return address;
}
