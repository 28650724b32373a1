import { KernelError } from "../kernel/errors.ts";
import { GreDecapsulator } from "../kernel/gre.ts";
import { Namespace } from "../kernel/namespace.ts";
import { TargetError } from "./errors.ts";
import { look, type Finding, type Item, type Undo } from "./item.ts";
import { reversePathItems, targetItems } from "./items.ts";
import { planTarget, type Plan, type TargetOptions } from "./options.ts";

const KERNEL_GRE = ["gre0", "ip6gre0"] as const;

function outerFamilies(plan: Plan): (4 | 6)[] {
  return [...(plan.encaps.includes("gre4") ? [4 as const] : []), ...(plan.encaps.includes("gre6") ? [6 as const] : [])];
}

/** Whether somebody takes GRE off in the namespace: the kernel's devices, or one of ours. */
async function lookForGre(namespace: Namespace, plan: Plan): Promise<string> {
  const up = (await namespace.links()).filter((link) => link.up).map((link) => link.name);
  if (up.includes(plan.greDevice)) return "";
  const missing = outerFamilies(plan)
    .map((family) => (family === 4 ? KERNEL_GRE[0] : KERNEL_GRE[1]))
    .filter((name) => !up.includes(name));
  return missing.length === 0 ? "" : `neither ${missing.join(" and ")} nor ${plan.greDevice} is up`;
}

/**
 * An application server's side of a host, as VPP's lb plugin needs it: the VIPs local, GRE taken off, replies routed by
 * source to the load-balancer with an MSS that fits, ARP that does not speak for the VIP, offloads off. Every step is
 * kept if it is there already and otherwise undone by `close`.
 */
export class Target {
  readonly plan: Plan;
  readonly #namespace: Namespace;
  readonly #ownNamespace: boolean;
  readonly #undo: Undo[] = [];
  #items: Item[] = [];
  #gre: GreDecapsulator | undefined;
  #closed = false;

  private constructor(plan: Plan, namespace: Namespace, own: boolean) {
    this.plan = plan;
    this.#namespace = namespace;
    this.#ownNamespace = own;
  }

  /** @throws TargetError INVALID (options), SETUP (a step failed; what was done before it is undone) */
  static async open(options: TargetOptions): Promise<Target> {
    const plan = planTarget(options);
    const self = new Target(plan, options.namespace ?? Namespace.own(), options.namespace === undefined);
    try {
      await self.#setUp();
      return self;
    } catch (error) {
      await self.close().catch(() => undefined);
      throw error;
    }
  }

  /** What a host lacks that is not set up by us, or was set up by hand. Changes nothing. @throws TargetError INVALID */
  static async inspect(options: TargetOptions): Promise<Finding[]> {
    const plan = planTarget(options);
    const self = new Target(plan, options.namespace ?? Namespace.own(), options.namespace === undefined);
    try {
      const up = (await self.#namespace.links()).filter((link) => link.up).map((link) => link.name);
      const devices = [plan.greDevice, ...KERNEL_GRE].filter((name) => up.includes(name));
      self.#items = [...targetItems(self.#namespace, plan), ...self.#greItems(devices)];
      return await self.check();
    } finally {
      await self.close();
    }
  }

  /** The decapsulator and its counters; undefined where only l3dsr is in use. */
  get gre(): GreDecapsulator | undefined {
    return this.#gre;
  }

  /** Looks at every step anew: what is not as it must be, why that matters and what helps. */
  async check(): Promise<Finding[]> {
    if (this.#closed) throw new TargetError("CLOSED", "this target is closed");
    const findings: Finding[] = [];
    for (const item of this.#items) findings.push(await look(item));
    return findings;
  }

  /** Sets right what `check` would complain about (somebody flushed a rule, a link went down). */
  async repair(): Promise<Finding[]> {
    for (const item of this.#items) await this.#ensure(item);
    return this.check();
  }

  async #setUp(): Promise<void> {
    const items = targetItems(this.#namespace, this.plan);
    for (const item of items) await this.#ensure(item);
    this.#items = items;
    const outer = outerFamilies(this.plan);
    if (outer.length === 0) return;
    try {
      const { gre: mode, greDevice: device, unsetSource } = this.plan;
      this.#gre = await GreDecapsulator.open(this.#namespace, {
        ...{ mode, device, outer },
        ...(unsetSource ? { unsetSource: this.plan.device } : {}),
      });
    } catch (cause) {
      throw new TargetError("SETUP", `GRE cannot be taken off here: ${(cause as Error).message}`, cause);
    }
    const gre = this.#gre;
    this.#undo.push(() => gre.close());
    const greItems = this.#greItems(gre.devices);
    for (const item of greItems) await this.#ensure(item);
    this.#items = [...items, ...greItems];
  }

  #greItems(devices: readonly string[]): Item[] {
    if (outerFamilies(this.plan).length === 0) return [];
    return [
      {
        what: "GRE is taken off",
        why: "VPP wraps every packet for a server in GRE; the kernel answers with ICMP errors otherwise",
        fix: "ip link add gre0 type gre; ip link set up dev gre0 - or let vpplb do it, where the kernel has no GRE",
        look: () => lookForGre(this.#namespace, this.plan),
        apply: () => undefined,
      },
      ...reversePathItems(this.#namespace, devices),
    ];
  }

  async #ensure(item: Item): Promise<void> {
    try {
      if ((await item.look()) === "") return;
      const undo = await item.apply();
      if (undo !== undefined) this.#undo.push(undo);
    } catch (cause) {
      const message = `cannot make sure that ${item.what}: ${(cause as Error).message} (needed because ${item.why})`;
      throw new TargetError("SETUP", message, cause);
    }
  }

  /** Takes back everything that `open` and `repair` changed, in reverse. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let first: unknown;
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        // A device that is gone took its settings along.
        if (!KernelError.is(error, "NOT_FOUND")) first ??= error;
      }
    }
    if (this.#ownNamespace) this.#namespace.close();
    if (first !== undefined) throw new TargetError("SETUP", `clean-up failed: ${(first as Error).message}`, first);
  }
}
