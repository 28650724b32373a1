import { GreDecapsulator, type GreMode } from "../kernel/gre.ts";
import type { Namespace } from "../kernel/namespace.ts";
import { TargetError } from "./errors.ts";
import type { Item } from "./item.ts";
import { reversePathItems } from "./items.ts";
import type { Encap } from "./options.ts";

export const KERNEL_GRE = ["gre0", "ip6gre0"] as const;

/** How GRE is taken off. */
export interface GrePlan {
  readonly encaps: readonly Encap[];
  readonly gre: GreMode | "auto";
  /** The device's name where we make one. */
  readonly greDevice: string;
  /** Serve also a VPP whose `lb conf` is not set. */
  readonly unsetSource: boolean;
}

/** Families of the packets around GRE. */
export function outerFamilies(encaps: readonly Encap[]): (4 | 6)[] {
  return [...(encaps.includes("gre4") ? [4 as const] : []), ...(encaps.includes("gre6") ? [6 as const] : [])];
}

/** @param plan `devices`: on which packets of an unset source come in @throws TargetError SETUP */
export async function openGre(
  namespace: Namespace,
  plan: GrePlan & { readonly devices: readonly string[] },
): Promise<GreDecapsulator> {
  const { gre: mode, greDevice: device, unsetSource, devices, encaps } = plan;
  try {
    const [from] = devices;
    return await GreDecapsulator.open(namespace, {
      ...{ mode, device, outer: outerFamilies(encaps) },
      ...(unsetSource && from !== undefined ? { unsetSource: from } : {}),
    });
  } catch (cause) {
    throw new TargetError("SETUP", `GRE cannot be taken off here: ${(cause as Error).message}`, cause);
  }
}

/** Whether somebody takes GRE off in the namespace: the kernel's devices, or one of ours. */
async function lookForGre(namespace: Namespace, { encaps, greDevice }: GrePlan): Promise<string> {
  const up = (await namespace.links()).filter((link) => link.up).map((link) => link.name);
  if (up.includes(greDevice)) return "";
  const missing = outerFamilies(encaps)
    .map((family) => (family === 4 ? KERNEL_GRE[0] : KERNEL_GRE[1]))
    .filter((name) => !up.includes(name));
  return missing.length === 0 ? "" : `neither ${missing.join(" and ")} nor ${greDevice} is up`;
}

/** @param devices that decapsulated packets come from */
export function greItems(namespace: Namespace, plan: GrePlan, devices: readonly string[]): Item[] {
  if (outerFamilies(plan.encaps).length === 0) return [];
  return [
    {
      key: `gre ${plan.greDevice}`,
      what: "GRE is taken off",
      why: "VPP wraps every packet for a server in GRE; the kernel answers with ICMP errors otherwise",
      fix: "ip link add gre0 type gre; ip link set up dev gre0 - or let vpplb do it, where the kernel has no GRE",
      look: () => lookForGre(namespace, plan),
      undo: () => undefined,
      apply: () => undefined,
    },
    ...reversePathItems(namespace, devices),
  ];
}
