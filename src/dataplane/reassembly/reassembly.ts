import type { Dataplane } from "../dataplane.ts";
import type { Feature } from "../features.ts";
import type { Nodes, Packet } from "../graph/context.ts";
import { ip4Resume } from "../graph/ip4.ts";
import { ip6Resume } from "../graph/ip6.ts";
import type { Interface } from "../model.ts";
import { reassemblyCounters, type ReassemblyCounters } from "./counters.ts";
import { isFragment4, reassemble4 } from "./full4.ts";
import { reassemble6 } from "./full6.ts";
import { shallow4, shallow6 } from "./shallow.ts";
import { WaitingTable, type ReassemblySettings, type Waiting } from "./table.ts";

/** What is put together: whole datagrams, or only their order (shallow virtual). */
export type ReassemblyKind = "full" | "shallow";

const FULL: ReassemblySettings = { timeoutMs: 200, maxReassemblies: 1024, maxFragments: 3, expireWalkMs: 50 };
const SHALLOW: ReassemblySettings = { timeoutMs: 100, maxReassemblies: 1024, maxFragments: 3, expireWalkMs: 10_000 };
/** ICMPv6 time exceeded: fragment reassembly. */
const TIME_EXCEEDED = 3;
const IN_REASSEMBLY = 1;

const NODES = {
  full4: "ip4-full-reassembly-feature",
  full6: "ip6-full-reassembly-feature",
  shallow4: "ip4-sv-reassembly-feature",
  shallow6: "ip6-sv-reassembly-feature",
} as const;

/**
 * Reassembly of fragments (vnet/ip/reass): switched on per interface and family as features, full or shallow, and for own
 * addresses. Tables, limits and timeouts are one per family and kind.
 */
export class Reassembly {
  readonly full4: WaitingTable;
  readonly full6: WaitingTable;
  readonly shallow4: WaitingTable;
  readonly shallow6: WaitingTable;
  /** Whether fragments for own addresses are put together (ip_local_reass_enable_disable). */
  local4 = true;
  local6 = true;
  readonly #dp: Dataplane;
  readonly #features: Readonly<Record<keyof typeof NODES, Feature>>;
  readonly #localCounters: { readonly 4: ReassemblyCounters; readonly 6: ReassemblyCounters };
  /** How often shallow reassembly was switched on, counted as VPP counts (u32). */
  readonly #uses = new WeakMap<Interface, { 4: number; 6: number }>();

  constructor(dp: Dataplane) {
    this.#dp = dp;
    const now = (): number => dp.now();
    const counted = (node: string) => reassemblyCounters(dp.errors, node);
    const expired4 = counted("ip4-full-reassembly-expire-walk").timeout;
    const expired6 = counted("ip6-full-reassembly-expire-walk").timeout;
    this.full4 = new WaitingTable(FULL, false, now, () => (expired4.count += 1));
    this.full6 = new WaitingTable(FULL, false, now, (waiting) => {
      expired6.count += 1;
      this.#tellSender(waiting);
    });
    this.shallow4 = new WaitingTable(SHALLOW, true, now);
    this.shallow6 = new WaitingTable(SHALLOW, true, now);
    this.#localCounters = { 4: counted("ip4-local-full-reassembly"), 6: counted("ip6-local-full-reassembly") };
    this.#features = this.#makeFeatures(counted);
  }

  table(kind: ReassemblyKind, proto: 4 | 6): WaitingTable {
    if (kind === "full") return proto === 4 ? this.full4 : this.full6;
    return proto === 4 ? this.shallow4 : this.shallow6;
  }

  /** Switches one family and kind on an interface. Shallow is counted: it is off when as often as it was on. */
  enable(iface: Interface, kind: ReassemblyKind, proto: 4 | 6, isOn: boolean): void {
    if (kind === "full") return this.#switch(iface, kind, proto, isOn);
    const uses = this.#uses.get(iface) ?? { 4: 0, 6: 0 };
    this.#uses.set(iface, uses);
    const before = uses[proto];
    uses[proto] = (before + (isOn ? 1 : -1)) >>> 0;
    if (isOn ? before === 0 : uses[proto] === 0) this.#switch(iface, kind, proto, isOn);
  }

  /** ip4-local: false where the fragment was kept or dropped, else `p` is a whole datagram. */
  local(n: Nodes, p: Packet, proto: 4 | 6): boolean {
    const counters = this.#localCounters[proto];
    if (proto === 4) {
      if (this.local4) return reassemble4(n, p, this.full4, counters);
    } else if (this.local6) return reassemble6(n, p, this.full6, counters, true);
    n.drop(p, n.counters.ethernetNone, p.rx);
    return false;
  }

  close(): void {
    for (const table of [this.full4, this.full6, this.shallow4, this.shallow6]) table.close();
  }

  #switch(iface: Interface, kind: ReassemblyKind, proto: 4 | 6, isOn: boolean): void {
    const arc = proto === 4 ? "ip4-unicast" : "ip6-unicast";
    const feature = this.#features[`${kind}${proto}`];
    if (isOn) iface.features.enable(arc, feature);
    else iface.features.disable(arc, feature.node);
  }

  #makeFeatures(counted: (node: string) => ReassemblyCounters): Record<keyof typeof NODES, Feature> {
    const full4 = counted(NODES.full4);
    const full6 = counted(NODES.full6);
    const [sv4, sv6] = [counted(NODES.shallow4), counted(NODES.shallow6)];
    const resume4 = (bytes: Uint8Array, waiting: Waiting) => this.#resume(bytes, waiting, 4);
    const resume6 = (bytes: Uint8Array, waiting: Waiting) => this.#resume(bytes, waiting, 6);
    return {
      full4: {
        node: NODES.full4,
        run: (n, p) => !isFragment4(p.bytes, p.start) || reassemble4(n, p, this.full4, full4),
      },
      full6: { node: NODES.full6, run: (n, p) => reassemble6(n, p, this.full6, full6, false) },
      shallow4: { node: NODES.shallow4, run: (n, p) => shallow4(n, p, this.shallow4, sv4, resume4) },
      shallow6: { node: NODES.shallow6, run: (n, p) => shallow6(n, p, this.shallow6, sv6, resume6) },
    };
  }

  /** What was held back goes on with the features after this one. */
  #resume(bytes: Uint8Array, { rx }: Waiting, proto: 4 | 6): void {
    const { graph } = this.#dp;
    if (!this.#isHere(rx)) return;
    const p = graph.allocate(bytes.length, rx);
    p.bytes.set(bytes, p.start);
    if (proto === 4) ip4Resume(graph, p, this.#features.shallow4);
    else ip6Resume(graph, p, this.#features.shallow6);
  }

  /** RFC 8200, 4.5: the sender of a first fragment hears that the others did not come in time. */
  #tellSender({ first, rx }: Waiting): void {
    if (first === undefined || !this.#isHere(rx)) return;
    const { graph } = this.#dp;
    const p = graph.allocate(first.length, rx);
    p.bytes.set(first, p.start);
    graph.icmp6Error(p, TIME_EXCEEDED, IN_REASSEMBLY, 0);
    graph.flush();
  }

  #isHere(iface: Interface): boolean {
    return this.#dp.interfaces.get(iface.swIfIndex) === iface;
  }
}
