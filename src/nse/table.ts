import { isDeepStrictEqual } from "node:util";
import type { DesiredState, ObservedInterface, ObservedState } from "../bridge/index.ts";
import type { DrainRecord, Overlay } from "../controller/index.ts";
import { AddressBook } from "./addresses.ts";
import type { Offer } from "./context.ts";
import type { NseEvent, ServerStanding } from "./events.ts";
import { reservedAddresses, servedVips, withConnections, withDefaults } from "./overlay.ts";
import { hostOf, toOverlay, toServed, vppNameOf, wishOf, type ConnectionRecord, type Leaving } from "./record.ts";
import type { NseSettings } from "./settings.ts";
import { isAlive, nextChange, seen, standingOf } from "./standing.ts";

export interface TableListener {
  tell(event: NseEvent): void;
  /** What clients are told has changed. */
  offerChanged(): void;
  /** What outlives the agent has changed. */
  dirty(): void;
  /** VPP made the connection's socket anew: who holds the old one's descriptor has to ask for the new one. */
  renewed(record: ConnectionRecord): void;
  /** A memif's socket is of no use any more. */
  freed(filename: string): void;
}

/** Of memifs; the file's own have low numbers. */
const FIRST_SOCKET = 1_000_000;

/** The connections of this endpoint: what they make of what VPP should hold, and what VPP shows of them. */
export class ConnectionTable implements Overlay {
  readonly live = new Map<string, ConnectionRecord>();
  readonly book: AddressBook;
  #leaving: Leaving[] = [];
  readonly #settings: NseSettings;
  readonly #listener: TableListener;
  readonly #now: () => number;
  #desired: DesiredState | undefined;
  #interfaces: ReadonlyMap<string, ObservedInterface> = new Map();
  #offer: Offer | undefined;
  #ordered: ReadonlySet<string> = new Set();
  #sockets = FIRST_SOCKET;

  constructor(settings: NseSettings, listener: TableListener, now: () => number = Date.now) {
    this.#settings = settings;
    this.#listener = listener;
    this.#now = now;
    this.book = new AddressBook(settings.networks);
  }

  get leaving(): readonly Leaving[] {
    return this.#leaving;
  }

  /** What clients are told; undefined until VPP was seen to be there with a configuration. */
  get offer(): Offer | undefined {
    return this.#interfaces.size === 0 ? undefined : this.#offer;
  }

  /** Connections of before a restart. Those whose addresses are not ours any more are left out, and returned. */
  restore(live: readonly ConnectionRecord[], leaving: readonly Leaving[]): ConnectionRecord[] {
    const lost: ConnectionRecord[] = [];
    for (const record of live) {
      if (this.book.claim(record.addresses)) this.live.set(record.id, record);
      else lost.push(record);
    }
    this.#leaving = leaving.map((one) => ({
      ...one,
      addresses: one.addresses.filter((address) => this.book.claimOne(address)),
    }));
    for (const record of lost) {
      const addresses = record.addresses.filter((address) => !this.book.contains(hostOf(address)));
      this.#leaving.push({ ...toLeaving(record), addresses });
    }
    return lost;
  }

  /* ---- the overlay ---- */

  apply(desired: DesiredState, drains: readonly DrainRecord[]): DesiredState {
    this.#ordered = new Set(drains.flatMap((drain) => (drain.vip === undefined ? [drain.server] : [])));
    const connections = [...this.live.values()].map((record) => toOverlay(record, this.standing(record)));
    const leaving = this.#leaving.map(({ addresses }) => ({
      interface: { type: "none" } as const,
      addresses: addresses.map(hostOf),
      server: "down" as const,
      reachable: false,
    }));
    return withConnections(desired, [...connections, ...leaving], this.#settings);
  }

  look(observed: ObservedState, fresh: boolean): void {
    if (fresh && this.#interfaces.size > 0) {
      const at = new Date(this.#now()).toISOString();
      this.#listener.tell({ type: "vpp_restarted", at, message: "VPP is another one than before" });
    }
    this.#interfaces = new Map(observed.interfaces.map((one) => [one.name, one]));
    const nowMs = this.#now();
    for (const record of this.live.values()) this.#lookAt(record, fresh, nowMs);
    this.#sweep(observed);
    this.#refreshOffer();
  }

  accepted(desired: DesiredState): void {
    this.#desired = desired;
    this.book.reserve(reservedAddresses(withDefaults(desired, this.#settings)));
    this.#refreshOffer();
  }

  nextMs(nowMs: number): number | undefined {
    const times = [...this.live.values()]
      .map((record) => nextChange(record.memory, wishOf(record, false), nowMs, this.#settings.linkLossMs))
      .filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /* ---- connections ---- */

  standing(record: ConnectionRecord): ServerStanding {
    if (record.removal !== undefined) return record.memory.wasUp ? "down" : "none";
    const ordered = record.addresses.some((address) => this.#ordered.has(hostOf(address)));
    return standingOf(record.memory, wishOf(record, ordered), this.#now(), this.#settings.linkLossMs);
  }

  /** Something of the connection stays in VPP until it was taken away there. */
  leave(one: Leaving): void {
    this.#leaving.push(one);
  }

  /** As VPP was seen last. */
  observed(record: ConnectionRecord): ObservedInterface | undefined {
    return this.#interfaces.get(vppNameOf(record));
  }

  /** Whether nothing of it is left in VPP. */
  isGone(one: Leaving): boolean {
    return !this.#leaving.includes(one);
  }

  /** A number for a memif socket that nobody uses. */
  nextSocket(): number {
    const used = new Set([
      ...[...this.live.values()].map(({ link }) => (link.type === "MEMIF" ? link.socket : 0)),
      ...this.#leaving.map((one) => one.socket),
      ...(this.#desired?.memifSockets ?? []).map((socket) => socket.id),
    ]);
    do this.#sockets = this.#sockets >= 2 * FIRST_SOCKET ? FIRST_SOCKET : this.#sockets + 1;
    while (used.has(this.#sockets));
    return this.#sockets;
  }

  #lookAt(record: ConnectionRecord, fresh: boolean, nowMs: number): void {
    const { linkLossMs, managed } = this.#settings;
    if (record.link.type === "MEMIF") {
      if (fresh) record.renewing = true;
      else if (record.renewing && this.observed(record) !== undefined) {
        record.renewing = false;
        this.#listener.renewed(record);
      }
    }
    const before = record.memory;
    // A hook has to program a new VPP itself: nothing is taken to be coming back.
    const lossMs = fresh && !managed ? 0 : linkLossMs;
    record.memory = seen(before, { up: this.#isUp(record), fresh, nowMs, lossMs });
    if (before.wasUp !== record.memory.wasUp) this.#listener.dirty();
    if (record.removal !== undefined) return;
    const alive = isAlive(record.memory, nowMs) && !(fresh && !managed);
    if (alive !== record.told.alive) this.#tellAlive(record, alive, fresh);
    const drained = record.drain !== undefined && record.memory.wasUp && this.standing(record) === "down";
    if (drained && !record.told.drained && isAlive(record.memory, nowMs)) {
      const why = record.idle === true ? "no-connections" : "deadline";
      this.#tell(
        record,
        { type: "drained", why },
        `${record.client} is drained: ${why === "deadline" ? "its time is over" : "it has no connections"}`,
      );
    }
    record.told = { alive, drained };
  }

  #tellAlive(record: ConnectionRecord, alive: boolean, fresh: boolean): void {
    const name = vppNameOf(record);
    if (alive) return this.#tell(record, { type: "server_up" }, `${record.client} is a server: ${name} is up`);
    const why = fresh || record.memory.lostAtMs === undefined ? "vpp" : "link";
    this.#tell(record, { type: "server_down", why }, `${record.client} cannot be reached: ${name} is down`);
  }

  #tell(record: ConnectionRecord, what: OfRecord, message: string): void {
    const at = new Date(this.#now()).toISOString();
    this.#listener.tell({ ...what, at, message, connection: toServed(record, this.standing(record)) });
  }

  #isUp(record: ConnectionRecord): boolean {
    const { link } = record;
    if (link.type === "KERNEL" && (link.ifindex === undefined || !record.carrier)) return false;
    const found = this.#interfaces.get(vppNameOf(record));
    return found?.up === true && found.linkUp && found.bridge?.id === this.#settings.bridge;
  }

  /** Forgets what VPP holds nothing of any more. */
  #sweep(observed: ObservedState): void {
    if (this.#leaving.length === 0) return;
    const held = new Set(
      observed.vips.flatMap((vip) => vip.servers.filter((one) => one.used || one.flows > 0).map((one) => one.address)),
    );
    const used = this.#settings.managed ? held : new Set<string>();
    const file = new Set(this.#desired === undefined ? [] : reservedAddresses(this.#desired));
    const stays = (one: Leaving) =>
      this.#interfaces.has(one.interface) ||
      one.addresses.some((address) => used.has(hostOf(address)) && !file.has(hostOf(address)));
    const gone = this.#leaving.filter((one) => !stays(one));
    if (gone.length === 0) return;
    this.#leaving = this.#leaving.filter(stays);
    for (const { addresses, filename } of gone) {
      this.book.release(addresses);
      if (filename !== undefined) this.#listener.freed(filename);
    }
    this.#listener.dirty();
  }

  #refreshOffer(): void {
    if (this.#desired === undefined) return;
    const { networks, mtu, bridge } = this.#settings;
    const whole = withDefaults(this.#desired, this.#settings);
    const bvi = whole.interfaces.find((one) => one.bridge?.id === bridge && one.bridge.bvi);
    const mac = bvi?.mac ?? this.#interfaces.get(bvi?.name ?? "")?.mac;
    const sources = [whole.lbConf?.ip4Source, whole.lbConf?.ip6Source].filter((one) => one !== undefined && isSet(one));
    const offer: Offer = {
      vips: servedVips(this.#desired, this.#settings),
      networks,
      mtu,
      sources: sources as string[],
      ...(mac === undefined ? {} : { mac }),
    };
    if (isDeepStrictEqual(offer, this.#offer)) return;
    const before = this.#offer;
    this.#offer = offer;
    if (before !== undefined) this.#tellVips(before, offer);
    this.#listener.offerChanged();
  }

  #tellVips(before: Offer, after: Offer): void {
    const at = new Date(this.#now()).toISOString();
    const prefixes = (offer: Offer) => offer.vips.map((vip) => vip.prefix);
    for (const prefix of prefixes(after).filter((one) => !prefixes(before).includes(one)))
      this.#listener.tell({ type: "vip_added", at, prefix, message: `clients serve VIP ${prefix} now` });
    for (const prefix of prefixes(before).filter((one) => !prefixes(after).includes(one)))
      this.#listener.tell({ type: "vip_removed", at, prefix, message: `clients do not serve VIP ${prefix} any more` });
  }
}

/** An event without what every event of a record has. */
type OfRecord =
  | { readonly type: "server_up" }
  | { readonly type: "server_down"; readonly why: "link" | "vpp" }
  | { readonly type: "drained"; readonly why: "deadline" | "no-connections" | "undone" };

function isSet(source: string): boolean {
  return source !== "255.255.255.255" && !/^ffff(:ffff){7}$/.test(source);
}

/** What a connection leaves behind, its addresses included. */
export function toLeaving(record: ConnectionRecord): Leaving {
  const { link, addresses } = record;
  const memif = link.type === "MEMIF" ? { socket: link.socket, filename: link.filename } : {};
  return { addresses, interface: vppNameOf(record), ...memif };
}
