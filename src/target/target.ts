import type { GreDecapsulator } from "../kernel/gre.ts";
import { Namespace } from "../kernel/namespace.ts";
import { Changes } from "./changes.ts";
import { TargetError } from "./errors.ts";
import { greItems, KERNEL_GRE, openGre, outerFamilies } from "./gre.ts";
import { look, type Finding } from "./item.ts";
import { targetItems } from "./items.ts";
import { planTarget, type Plan, type TargetOptions } from "./options.ts";

/**
 * An application server's side of a host, as VPP's lb plugin needs it: the VIPs local, GRE taken off, replies routed by
 * source to the load-balancer with an MSS that fits, ARP that does not speak for the VIP, offloads off. Every step is
 * kept if it is there already and otherwise undone by `close`.
 */
export class Target {
  readonly plan: Plan;
  readonly #namespace: Namespace;
  readonly #ownNamespace: boolean;
  readonly #changes: Changes;
  #gre: GreDecapsulator | undefined;
  #closed = false;

  private constructor(plan: Plan, namespace: Namespace, own: boolean) {
    this.plan = plan;
    this.#namespace = namespace;
    this.#ownNamespace = own;
    this.#changes = new Changes(namespace);
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
      const findings: Finding[] = [];
      const items = [...targetItems(self.#namespace, plan), ...greItems(self.#namespace, plan, devices)];
      for (const item of items) findings.push(await look(item));
      return findings;
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
    return this.#changes.check();
  }

  /** Sets right what `check` would complain about (somebody flushed a rule, a link went down). */
  async repair(): Promise<Finding[]> {
    for (const item of this.#changes.items) await this.#changes.add(item);
    return this.check();
  }

  async #setUp(): Promise<void> {
    for (const item of targetItems(this.#namespace, this.plan)) await this.#changes.add(item);
    if (outerFamilies(this.plan.encaps).length === 0) return;
    this.#gre = await openGre(this.#namespace, { ...this.plan, devices: [this.plan.device] });
    for (const item of greItems(this.#namespace, this.plan, this.#gre.devices)) await this.#changes.add(item);
  }

  /** Takes back everything that `open` and `repair` changed, in reverse. Idempotent. @throws TargetError SETUP */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#gre?.close();
    } finally {
      await this.#changes.keepOnly([]).finally(() => {
        if (this.#ownNamespace) this.#namespace.close();
      });
    }
  }
}
