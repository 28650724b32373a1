import type { Namespace } from "../kernel/namespace.ts";
import type { RouteSpec } from "../kernel/routes.ts";
import type { RuleSpec } from "../kernel/rules.ts";
import type { Offload } from "../sys/ethtool.ts";
import { clearDscpVips } from "../kernel/l3dsr.ts";

/** How to take one change back: plain data, so that it can be kept on disk for whoever comes after a crash. */
export type Undo =
  | { readonly do: "link-down"; readonly device: string }
  | { readonly do: "delete-link"; readonly device: string }
  | { readonly do: "offloads-on"; readonly device: string; readonly offloads: readonly Offload[] }
  | { readonly do: "delete-address"; readonly device: string; readonly prefix: string }
  | { readonly do: "delete-route"; readonly route: RouteSpec }
  | { readonly do: "restore-route"; readonly route: RouteSpec }
  | { readonly do: "delete-rule"; readonly rule: RuleSpec }
  | { readonly do: "sysctl"; readonly name: string; readonly value: string }
  | { readonly do: "clear-dscp"; readonly table?: string };

/** One thing that a server needs: how to see it, how to make it so, and how to explain it. */
export interface Item {
  /** The place that it fills: two items with the same key are the same thing in two states. */
  readonly key: string;
  /** "VIP 10.2.2.0/24 is local" */
  readonly what: string;
  /** What goes wrong without it. */
  readonly why: string;
  /** What the user does about it, as a command where there is one. */
  readonly fix: string;
  /** "" where all is well, else what was found instead. Never throws for a state that can be described. */
  look(): string | Promise<string>;
  /** What would take `apply` back, as things are now; undefined where there is nothing to undo. */
  undo(): Undo | undefined | Promise<Undo | undefined>;
  /** Makes it so; called only where `look` found something else. */
  apply(): void | Promise<void>;
}

/** Takes back what an item did; what is gone already is no error of `delete-*`. @throws KernelError */
export async function undo(namespace: Namespace, change: Undo): Promise<void> {
  switch (change.do) {
    case "link-down":
      return namespace.setLink(change.device, { up: false });
    case "delete-link":
      return void (await namespace.deleteLink(change.device));
    case "offloads-on":
      return namespace.setOffloads(change.device, Object.fromEntries(change.offloads.map((name) => [name, true])));
    case "delete-address":
      return void (await namespace.deleteAddress(change.device, change.prefix));
    case "delete-route":
      return void (await namespace.deleteRoute(change.route));
    case "restore-route":
      return namespace.addRoute(change.route).catch(async (error: unknown) => {
        // It cannot come back: ours goes all the same.
        const { dst, family, table } = change.route;
        await namespace.deleteRoute({ dst, family, table });
        throw error;
      });
    case "delete-rule":
      return void (await namespace.deleteRule(change.rule));
    case "sysctl":
      return namespace.sysctl(change.name, change.value);
    case "clear-dscp":
      return void (await clearDscpVips(namespace, change.table));
  }
}

/** What `check` says about one item. */
export interface Finding {
  readonly ok: boolean;
  readonly what: string;
  /** What was found where it is not ok; "" otherwise. */
  readonly found: string;
  readonly why: string;
  readonly fix: string;
}

export async function look(item: Item): Promise<Finding> {
  let found: string;
  try {
    found = await item.look();
  } catch (error) {
    found = (error as Error).message;
  }
  return { ok: found === "", what: item.what, found, why: item.why, fix: item.fix };
}
