import { aclTag, digest } from "./acl.ts";
import { Assigner, titleOfKey } from "./assign.ts";
import { anythingTo, echoRule, FIRST_PRIORITY, flowRules, vppPriority } from "./flow-rules.ts";
import type { DiffInput } from "./kind.ts";
import type {
  AclRule,
  DesiredAbf,
  DesiredAcl,
  DesiredFlow,
  DesiredRoute,
  DesiredState,
  DesiredSteering,
  DesiredStream,
  DesiredVip,
  RoutePath,
  SteeredFlow,
  SteeredStream,
  SteeredVip,
  StreamVip,
} from "./types.ts";
import { familyOf, hostPrefix } from "./wire.ts";

type Family = 4 | 6;

const FAMILIES: readonly Family[] = [4, 6];

/**
 * Turns streams, flows and their VIPs into what VPP has: lb VIPs, routes, ACLs and policies. Pure.
 *
 * - A stream is an all-port lb VIP on an address of its own: VPP finds it through the forwarding table alone, whatever
 *   the packet's destination is (plugins/lb/node.c, lb_node_fn, all-port VIPs).
 * - A flow is an ACL and a policy that sends what matches to a next hop of the flow's own, which is a route to its
 *   stream: it counts the flow's packets, and the flow goes to another stream in one step.
 * - A VIP is a route to its stream, or to nowhere, which counts what no flow takes. Where it is the only user of its
 *   stream when it is made, it is an lb VIP of its own, and stays so while flows and other VIPs come and go: nothing
 *   that is established moves.
 *
 * A state without `steering` comes back as it is.
 */
export function compile(input: DiffInput): DesiredState {
  const { steering, ...rest } = input.desired;
  return steering === undefined ? input.desired : new Compiler(steering, rest, input).compile();
}

class Compiler {
  readonly #steering: DesiredSteering;
  readonly #rest: DesiredState;
  readonly #input: DiffInput;
  readonly #assigner: Assigner;
  readonly #problems: string[] = [];
  readonly #streams = new Map<string, SteeredStream>();
  readonly #vips: DesiredVip[] = [];
  readonly #routes: DesiredRoute[] = [];
  readonly #acls: DesiredAcl[] = [];
  readonly #abf: DesiredAbf[] = [];

  constructor(steering: DesiredSteering, rest: DesiredState, input: DiffInput) {
    this.#steering = steering;
    this.#rest = rest;
    this.#input = input;
    const given = steering.streams.flatMap((stream) => stream.anchors);
    this.#assigner = new Assigner(steering.pools, input.owned.assigned ?? new Map(), given);
  }

  compile(): DesiredState {
    const vips = this.#steering.vips.map((vip) => this.#vip(vip));
    const flows = this.#steering.flows.flatMap((flow) => FAMILIES.flatMap((family) => this.#flow(flow, family) ?? []));
    for (const family of FAMILIES) this.#rules(family);
    const rest = this.#rest;
    return {
      ...rest,
      vips: [...rest.vips, ...this.#vips],
      routes: [...rest.routes, ...this.#routes],
      acls: [...(rest.acls ?? []), ...this.#acls],
      abf: [...(rest.abf ?? []), ...this.#abf],
      policyIds: this.#steering.policyIds,
      steered: {
        streams: [...this.#streams.values()],
        flows,
        vips,
        names: { streams: this.#steering.streams.map((one) => one.name), flows: this.#steering.flows },
        echo: this.#steering.echo,
        assigned: this.#assigner.result(this.#input.observed),
        problems: this.#problems,
      },
    };
  }

  /** The stream's address for a family, made at its first use. */
  #anchor(name: string, family: Family): string | undefined {
    const known = this.#streams.get(`${name} ${family}`);
    if (known !== undefined) return known.anchor.split("/")[0];
    const stream = this.#steering.streams.find((one) => one.name === name);
    if (stream === undefined) return undefined;
    const given = stream.anchors.find((one) => familyOf(one) === family);
    // Another table is another lb VIP: the new one is ready before anything is sent to it.
    const shape = `${stream.encap}/${stream.tableSize}${stream.srcIpSticky ? "/sticky" : ""}`;
    const address = this.#assign(`stream ${name} ${family} ${shape}`, family, given);
    if (address === undefined) return undefined;
    const anchor = hostPrefix(address);
    this.#vips.push({ ...lbVip(stream, anchor), title: `stream ${name} (IPv${family})` });
    this.#streams.set(`${name} ${family}`, { name, family, anchor });
    return address;
  }

  #assign(key: string, family: Family, given?: string): string | undefined {
    const address = this.#assigner.assign(key, family, given);
    if (address === undefined) {
      const pool = family === 4 ? this.#steering.pools.ip4 : this.#steering.pools.ip6;
      this.#problems.push(`${titleOfKey(key)}: no address is free in ${pool}: set steering.anchors to a larger one`);
    }
    return address;
  }

  #vip(vip: StreamVip): SteeredVip {
    const family = familyOf(vip.prefix);
    const stream = this.#steering.streams.find((one) => one.name === vip.stream);
    const what = vipText(vip);
    if (stream === undefined) {
      const sentence = `${what}: drop and count what no flow takes`;
      this.#routes.push(route(vip.prefix, { special: "drop" }, what, sentence));
      return { ...vip, table: "none" };
    }
    if (this.#hasOwnTable(vip)) {
      this.#vips.push({ ...lbVip(stream, vip.prefix), ...(vip.name === undefined ? {} : { name: vip.name }) });
      return { ...vip, table: "own" };
    }
    const address = this.#anchor(stream.name, family);
    if (address !== undefined)
      this.#routes.push(route(vip.prefix, { address }, what, `${what} goes to stream ${stream.name}`));
    return { ...vip, table: "shared" };
  }

  /** What VPP has stays as it is; a VIP that is new has a table of its own where nobody else uses its stream. */
  #hasOwnTable(vip: StreamVip): boolean {
    const { observed, owned } = this.#input;
    if (observed.vips.some((one) => one.prefix === vip.prefix)) return true;
    if (owned.routes.has(vip.prefix) && observed.routes.some((one) => one.prefix === vip.prefix && one.table === 0))
      return false;
    const { flows, vips } = this.#steering;
    const others = vips.some((one) => one !== vip && one.stream === vip.stream);
    return !others && !flows.some((flow) => flow.stream === vip.stream || flow.vips.includes(vip.prefix));
  }

  #flow(flow: DesiredFlow, family: Family): SteeredFlow | undefined {
    const rules = flowRules(flow, family);
    const anchor = rules.length === 0 ? undefined : this.#anchor(flow.stream, family);
    if (anchor === undefined) return undefined;
    const title = `flow ${flow.name} (IPv${family})`;
    const sentence = `${title} goes to stream ${flow.stream}`;
    const hop = this.#hop(`flow ${flow.name} ${family}`, family, route("", { address: anchor }, title, sentence));
    if (hop === undefined) return undefined;
    const acl = this.#classify("flow", flow.name, family, title, rules, hop, vppPriority(flow.priority));
    return { name: flow.name, family, stream: flow.stream, acl, hop: hostPrefix(hop) };
  }

  #hop(key: string, family: Family, to: DesiredRoute): string | undefined {
    const address = this.#assign(key, family);
    if (address !== undefined) this.#routes.push({ ...to, prefix: hostPrefix(address) });
    return address;
  }

  #classify(
    kind: string,
    name: string,
    family: Family,
    title: string,
    rules: readonly AclRule[],
    via: string,
    priority: number,
  ): string {
    // VPP takes an ACL once on an interface: a rule with another priority or next hop has one of its own.
    const rank = digest(`${priority} ${via}`, 6);
    const tag = aclTag(this.#rest.ownership.tag, kind, `${name}/${family}/${rank}`);
    this.#acls.push({ tag, title, rules });
    this.#abf.push({ acl: tag, title, via, priority, interfaces: this.#steering.interfaces });
    return tag;
  }

  /** What holds for all flows of a family: echo requests, and that nobody outside can use the addresses inside. */
  #rules(family: Family): void {
    const echo = this.#steering.echo.filter((one) => familyOf(one.prefix) === family);
    const used = [...this.#routes, ...this.#vips].some(
      (one) => one.title !== undefined && familyOf(one.prefix) === family,
    );
    if (!used && echo.length === 0) return;
    const pool = family === 4 ? this.#steering.pools.ip4 : this.#steering.pools.ip6;
    const guard = `addresses inside VPP (IPv${family})`;
    this.#routes.push(route(pool, { special: "drop" }, guard, `drop what is sent to ${guard} that nothing uses`));
    const toEcho = (policy: string) => echo.filter((one) => one.policy === policy).map((one) => echoRule(one.prefix));
    this.#rule("filter", family, { special: "drop" }, [...toEcho("drop"), anythingTo(pool)]);
    const answered = toEcho("answer");
    if (answered.length > 0) this.#rule("answer", family, { special: "local" }, answered);
  }

  #rule(name: "filter" | "answer", family: Family, to: Omit<RoutePath, "weight" | "table">, rules: AclRule[]): void {
    const key = `rule ${name} ${family}`;
    const title = titleOfKey(key);
    const does = name === "filter" ? "drops what it takes" : "are sent by VPP itself";
    const hop = this.#hop(key, family, route("", to, title, `${title}: ${does}`));
    if (hop !== undefined) this.#classify("rule", name, family, title, rules, hop, FIRST_PRIORITY);
  }
}

function lbVip({ name, encap, tableSize, srcIpSticky, servers }: DesiredStream, prefix: string): DesiredVip {
  return { stream: name, prefix, encap, tableSize, srcIpSticky, servers };
}

function route(prefix: string, to: Omit<RoutePath, "weight" | "table">, title: string, sentence: string): DesiredRoute {
  return { prefix, table: 0, via: [{ ...to, weight: 1, table: 0 }], title, sentence };
}

/** `VIP www (20.0.0.1/32)` */
export function vipText({ name, prefix }: Pick<StreamVip, "name" | "prefix">): string {
  return name === undefined ? `VIP ${prefix}` : `VIP ${name} (${prefix})`;
}
