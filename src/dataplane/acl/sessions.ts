import { AclTimeout, timeoutType, type AclSession } from "./session.ts";
import type { FiveTuple } from "./tuple.ts";

/** acl.h: seconds, by AclTimeout. */
const DEFAULT_TIMEOUTS_S = { [AclTimeout.udpIdle]: 600, [AclTimeout.tcpIdle]: 86400, [AclTimeout.tcpTransient]: 120 };
export const DEFAULT_MAX_SESSIONS = 500_000;
/** Sessions that one sweep looks at. */
const SWEEP_SESSIONS = 10_000;
const SLOW_PATH = 2;
const IS_INPUT = 1;
/** What answers an ICMP message, for those that may open a session (session_inlines.h). */
const ICMP4_REPLY: Readonly<Record<number, number>> = { 8: 0, 13: 14, 15: 16, 17: 18 };
const ICMP6_REPLY: Readonly<Record<number, number>> = { 128: 129, 139: 140 };
const ICMP4 = 1;
const ICMP6 = 58;

/**
 * What `permit+reflect` remembers: packets of a known session, in either direction on the interface that it began on, pass
 * without a look at the rules (plugins/acl/session_inlines.h).
 */
export class AclSessions {
  readonly timeoutsS: Record<number, number> = { ...DEFAULT_TIMEOUTS_S };
  maxEntries = DEFAULT_MAX_SESSIONS;
  added = 0;
  deleted = 0;
  readonly #byKey = new Map<string, AclSession>();
  readonly #sessions = new Set<AclSession>();
  #sweep: IterableIterator<AclSession> | undefined;

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): Iterator<AclSession> {
    return this.#sessions.values();
  }

  /** The session of a packet on an interface; none costs one lookup, and nothing where there are no sessions. */
  find(bytes: Uint8Array, tuple: FiveTuple, swIfIndex: number, isInput: boolean): AclSession | undefined {
    if (this.#sessions.size === 0) return undefined;
    return this.#byKey.get(keyOf(bytes, tuple, swIfIndex, isInput));
  }

  /** A packet of a session: keeps it alive and follows TCP. Returns whether its timeout changed. */
  track(session: AclSession, tuple: FiveTuple, isInput: boolean, nowS: number): boolean {
    session.lastActiveS = nowS;
    const before = timeoutType(session);
    if (isInput) session.flagsIn |= tuple.tcpFlags;
    else session.flagsOut |= tuple.tcpFlags;
    return timeoutType(session) !== before;
  }

  /** Remembers a packet's flow and what answers it. undefined where there is no room. */
  add(
    bytes: Uint8Array,
    tuple: FiveTuple,
    swIfIndex: number,
    isInput: boolean,
    epoch: number,
    nowS: number,
  ): AclSession | undefined {
    if (this.#sessions.size >= this.maxEntries) this.#recycle(nowS);
    if (this.#sessions.size >= this.maxEntries) return undefined;
    const key = keyOf(bytes, tuple, swIfIndex, isInput);
    const session: AclSession = {
      swIfIndex,
      isInput,
      protocol: tuple.protocol,
      key,
      reverseKey: reverseKeyOf(bytes, tuple, swIfIndex, isInput),
      epoch,
      lastActiveS: nowS,
      flagsIn: 0,
      flagsOut: 0,
    };
    this.#sessions.add(session);
    this.#byKey.set(key, session);
    if (session.reverseKey !== undefined) this.#byKey.set(session.reverseKey, session);
    this.added += 1;
    return session;
  }

  delete(session: AclSession): void {
    if (!this.#sessions.delete(session)) return;
    if (this.#byKey.get(session.key) === session) this.#byKey.delete(session.key);
    const { reverseKey } = session;
    if (reverseKey !== undefined && this.#byKey.get(reverseKey) === session) this.#byKey.delete(reverseKey);
    this.deleted += 1;
  }

  /** Forgets the sessions of an interface, or all. */
  clear(swIfIndex?: number): void {
    for (const session of [...this.#sessions])
      if (swIfIndex === undefined || session.swIfIndex === swIfIndex) this.delete(session);
  }

  /** A bounded part of the housekeeping: idle sessions go. */
  sweep(nowS: number): void {
    this.#sweep ??= this.#sessions.values();
    for (let i = 0; i < SWEEP_SESSIONS; i += 1) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = undefined;
        return;
      }
      if (this.#isIdle(next.value, nowS)) this.delete(next.value);
    }
  }

  #isIdle(session: AclSession, nowS: number): boolean {
    return nowS - session.lastActiveS > (this.timeoutsS[timeoutType(session)] ?? 0);
  }

  /** Makes room: what is idle, or else the oldest TCP connection that is not established (acl_fa_try_recycle_session). */
  #recycle(nowS: number): void {
    let looked = 0;
    for (const session of this.#sessions) {
      if (++looked > SWEEP_SESSIONS) return;
      if (timeoutType(session) !== AclTimeout.tcpTransient && !this.#isIdle(session, nowS)) continue;
      return this.delete(session);
    }
  }
}

/** VPP's session key: addresses, ports, protocol, interface and direction. */
function keyOf(bytes: Uint8Array, tuple: FiveTuple, swIfIndex: number, isInput: boolean): string {
  const length = tuple.isIp4 ? 4 : 16;
  const { addresses, sourcePort, destinationPort } = tuple;
  const tail = tailOf(tuple, isInput);
  return (
    addressOf(bytes, addresses, length) +
    addressOf(bytes, addresses + length, length) +
    String.fromCharCode(sourcePort, destinationPort, tail, swIfIndex & 0xffff)
  );
}

/** The key of what answers; ICMP has answers for few messages only. */
function reverseKeyOf(bytes: Uint8Array, tuple: FiveTuple, swIfIndex: number, isInput: boolean): string | undefined {
  const length = tuple.isIp4 ? 4 : 16;
  const { addresses, protocol } = tuple;
  let [source, destination] = [tuple.destinationPort, tuple.sourcePort];
  if (protocol === (tuple.isIp4 ? ICMP4 : ICMP6)) {
    const reply = (tuple.isIp4 ? ICMP4_REPLY : ICMP6_REPLY)[tuple.sourcePort];
    if (reply === undefined) return undefined;
    [source, destination] = [reply, tuple.destinationPort];
  }
  return (
    addressOf(bytes, addresses + length, length) +
    addressOf(bytes, addresses, length) +
    String.fromCharCode(source, destination, tailOf(tuple, !isInput), swIfIndex & 0xffff)
  );
}

function tailOf(tuple: FiveTuple, isInput: boolean): number {
  return (tuple.protocol << 8) | (tuple.slowPath ? SLOW_PATH : 0) | (isInput ? IS_INPUT : 0);
}

function addressOf(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i += 2) text += String.fromCharCode((bytes[i]! << 8) | bytes[i + 1]!);
  return text;
}
