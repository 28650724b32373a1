import { NO_INDEX, type BridgeDomain, type BridgeMember, type Interface, type L2Attachment } from "../model.ts";
import { Pool } from "../pool.ts";
import { RV } from "../retval.ts";
import { IpMacs } from "./ip-macs.ts";
import { L2Fib } from "./l2fib.ts";
import { TagRewrite } from "./tag-rewrite.ts";

/** vnet/error.h. */
const BD_ALREADY_EXISTS = -119;
const BD_IN_USE = -120;
const BD_NOT_MODIFIABLE = -121;
const BD_ID_EXCEED_MAX = -122;
const BD_ALREADY_HAS_BVI = -152;

const LEARN_LIMIT = 16 * 1024 * 1024;
const MAX_BD_ID = 0xffffff;

export interface BridgeDomainOptions {
  readonly flood?: boolean;
  readonly uuFlood?: boolean;
  readonly forward?: boolean;
  readonly learn?: boolean;
  readonly arpTerm?: boolean;
  readonly arpUfwd?: boolean;
  readonly macAgeMin?: number;
  readonly tag?: string;
}

/**
 * Bridge domains and their members (vnet/l2/l2_bd.c, l2_input.c set_int_l2_mode). Domain 0, index 0, always exists and
 * stays out of `show bridge-domain`. Return values are VPP's.
 */
export class Bridges {
  readonly domains = new Pool<BridgeDomain>({ lowestFirst: true });
  readonly fib: L2Fib;
  /** What the next domain at an index takes over from the last: its age unless given, its BSN (l2_bd.c bd_delete). */
  readonly #left: { readonly macAgeMin: number; readonly seqNum: number }[] = [];
  /**
   * What was a BVI and left is flooded to no more, unless it is a BVI again (l2_input.c set_int_l2_mode). To loopbacks
   * VPP floods only as BVIs from the start.
   */
  readonly #unflooded = new WeakSet<Interface>();
  /** Indexes of interfaces that were members of a domain: l2-input masks by the features that only its members are told. */
  readonly #everMembers = new Set<number>();
  /** By interface index: as in VPP they outlive an interface that is routed when it goes. */
  readonly #rewrites: (TagRewrite | undefined)[] = [];
  readonly #interface: (swIfIndex: number) => Interface | undefined;

  constructor(interfaceOf: (swIfIndex: number) => Interface | undefined, now: () => number) {
    this.#interface = interfaceOf;
    this.fib = new L2Fib(this.domains, now);
    this.domains.add((index) => newDomain(index, 0, {}));
  }

  byId(bdId: number): BridgeDomain | undefined {
    for (const domain of this.domains) if (domain.bdId === bdId) return domain;
    return undefined;
  }

  /** bd_add_del with is_add: features default to on as in the CLI; the API passes each one. */
  create(bdId: number, options: BridgeDomainOptions): number {
    if (this.byId(bdId) !== undefined) return BD_ALREADY_EXISTS;
    if (bdId > MAX_BD_ID) return BD_ID_EXCEED_MAX;
    this.domains.add((index) => {
      const { macAgeMin = 0, seqNum = 0 } = this.#left[index] ?? {};
      return { ...newDomain(index, bdId, { macAgeMin, ...options }), seqNum };
    });
    return RV.OK;
  }

  delete(bdId: number): number {
    const domain = this.byId(bdId);
    if (bdId === 0) return BD_NOT_MODIFIABLE;
    if (domain === undefined) return RV.NO_SUCH_ENTRY;
    if (domain.members.length > 0) return BD_IN_USE;
    this.fib.flushDomain(domain.bdIndex);
    this.domains.remove(domain.bdIndex);
    this.#left[domain.bdIndex] = { macAgeMin: domain.macAgeMin, seqNum: domain.seqNum };
    return RV.OK;
  }

  /** A free bridge-domain id for "auto": the lowest unused. */
  unusedId(): number {
    let id = 1;
    while (this.byId(id) !== undefined) id += 1;
    return id;
  }

  /**
   * Puts an interface into a bridge domain, which is created if need be, or moves it. A second BVI is refused with
   * BD_ALREADY_HAS_BVI (-152); the interface then bridges to the domain without being a member of it, as in VPP.
   */
  attach(swIfIndex: number, bdId: number, portType: L2Attachment["portType"], shg: number): number {
    const iface = this.#interface(swIfIndex);
    if (iface === undefined) return RV.INVALID_SW_IF_INDEX;
    if (this.byId(bdId) === undefined) {
      const result = this.create(bdId, {});
      if (result !== RV.OK) return result;
    }
    const oldShg = iface.l2?.shg ?? 0;
    this.#leave(iface);
    const domain = this.byId(bdId)!;
    this.fib.countInterface(swIfIndex);
    const isDeaf = !this.#everMembers.has(swIfIndex);
    // Domain 0, which drops, counts as having one.
    if (portType === "bvi" && (domain.bviSwIfIndex !== NO_INDEX || domain.bdIndex === 0)) {
      iface.l2 = { bdIndex: domain.bdIndex, shg: oldShg, portType: "normal", isDeaf };
      return BD_ALREADY_HAS_BVI;
    }
    iface.l2 = { bdIndex: domain.bdIndex, shg, portType, isDeaf: isDeaf && portType === "uu-fwd" };
    if (portType !== "uu-fwd") this.#everMembers.add(swIfIndex);
    setL2(iface, true);
    if (portType === "bvi") this.#unflooded.delete(iface);
    const isLoopback = iface.kind === "loopback" && portType !== "bvi";
    const floods = !isLoopback && !this.#unflooded.has(iface);
    const member: BridgeMember = { swIfIndex, shg, flags: portType, floods };
    if (portType === "bvi") {
      domain.members.unshift(member);
      domain.bviSwIfIndex = swIfIndex;
      this.fib.add({ mac: iface.mac.slice(), bdIndex: domain.bdIndex, swIfIndex, static: true, bvi: true });
    } else if (portType === "uu-fwd") {
      domain.uuFwdSwIfIndex = swIfIndex;
    } else {
      const last = domain.members.filter((each) => each.floods).length;
      domain.members.splice(member.floods ? last : domain.members.length, 0, member);
    }
    return RV.OK;
  }

  /** Everything that one interface receives leaves by the other (MODE_L2_XC). -2 where either is missing. */
  crossConnect(swIfIndex: number, to: number): number {
    const iface = this.#interface(swIfIndex);
    if (iface === undefined || this.#interface(to) === undefined) return RV.INVALID_SW_IF_INDEX;
    this.#leave(iface);
    iface.xconnect = to;
    setL2(iface, true);
    return RV.OK;
  }

  /** Back to L3; the tag rewrite goes too. */
  detach(swIfIndex: number): void {
    this.#rewrites[swIfIndex] = undefined;
    const iface = this.#interface(swIfIndex);
    if (iface === undefined) return;
    this.#leave(iface);
    setL2(iface, false);
  }

  /** Before an interface goes: what it was cross-connected to is routed too, a bridge's member or not (l2_input_interface_add_del). */
  interfaceRemoved({ swIfIndex, xconnect, l2 }: Interface): void {
    if (xconnect !== undefined) this.detach(xconnect);
    if (xconnect !== undefined || l2 !== undefined) this.detach(swIfIndex);
  }

  /** The tag rewrite of an interface, undefined where none was ever set. */
  rewriteOf(swIfIndex: number): TagRewrite | undefined {
    return this.#rewrites[swIfIndex];
  }

  /** l2vtr_configure of an interface; -71 where there are no Ethernet headers, -72 where it lacks tags. */
  setRewrite(iface: Interface, op: number, isDot1q: boolean, tag1: number, tag2: number): number {
    if ((iface.sup ?? iface).kind === "local") return RV.INVALID_INTERFACE;
    const rewrite = (this.#rewrites[iface.swIfIndex] ??= new TagRewrite());
    return rewrite.configure(iface.sub, op, isDot1q, tag1, tag2);
  }

  #leave(iface: Interface): void {
    const { swIfIndex } = iface;
    iface.xconnect = undefined;
    const domain = iface.l2 === undefined ? undefined : this.domains.get(iface.l2.bdIndex);
    if (domain === undefined) return;
    const at = domain.members.findIndex((member) => member.swIfIndex === swIfIndex);
    if (at >= 0) domain.members.splice(at, 1);
    if (domain.bviSwIfIndex === swIfIndex) {
      domain.bviSwIfIndex = NO_INDEX;
      this.fib.delete(domain.bdIndex, iface.mac);
      this.#unflooded.add(iface);
    }
    if (domain.uuFwdSwIfIndex === swIfIndex) domain.uuFwdSwIfIndex = NO_INDEX;
    // A BVI doesn't learn by itself.
    if (domain.learn || iface.l2?.portType !== "bvi") this.fib.flushInterface(swIfIndex);
    iface.l2 = undefined;
  }
}

/** What a frame's tags lead to has to know whether it is to be bridged. */
function setL2(iface: Interface, isL2: boolean): void {
  (iface.sup ?? iface).subs?.setL2(iface.sub, isL2);
}

function newDomain(bdIndex: number, bdId: number, options: BridgeDomainOptions): BridgeDomain {
  return {
    bdIndex,
    bdId,
    flood: options.flood ?? true,
    uuFlood: options.uuFlood ?? true,
    forward: options.forward ?? true,
    learn: options.learn ?? true,
    arpTerm: options.arpTerm ?? false,
    arpUfwd: options.arpUfwd ?? false,
    macAgeMin: options.macAgeMin ?? 0,
    tag: options.tag ?? "",
    seqNum: 0,
    bviSwIfIndex: NO_INDEX,
    uuFwdSwIfIndex: NO_INDEX,
    members: [],
    learnLimit: LEARN_LIMIT,
    learnCount: 0,
    ipMacs: new IpMacs(),
  };
}
