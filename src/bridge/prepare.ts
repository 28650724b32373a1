import { titleOfAddress } from "./assign.ts";
import { compile } from "./compile.ts";
import { vipKey } from "./keys.ts";
import type { DiffInput } from "./kind.ts";
import type { ObservedVip } from "./types.ts";

/**
 * What the kinds compare: streams and flows turned into what VPP has, and what VPP has of them by its name. Pure; what
 * is prepared already comes back the same.
 */
export function prepare(input: DiffInput): DiffInput {
  const desired = compile(input);
  const assigned = desired.steered?.assigned ?? input.owned.assigned;
  const owned = assigned === undefined ? input.owned : { ...input.owned, assigned };
  const titles = new Map(desired.vips.map((vip) => [vipKey(vip), vip.title]));
  const name = (vip: ObservedVip): ObservedVip => {
    const title = titles.get(vipKey(vip)) ?? titleOfAddress(vip.prefix.split("/")[0], assigned);
    return title === undefined ? vip : entitled(vip, title);
  };
  return { desired, observed: { ...input.observed, vips: input.observed.vips.map(name) }, owned };
}

const known = new WeakMap<ObservedVip, ObservedVip>();

/** The same object for the same: what is computed of it is computed once. */
function entitled(vip: ObservedVip, title: string): ObservedVip {
  if (vip.title === title) return vip;
  const before = known.get(vip);
  if (before?.title === title) return before;
  const named = { ...vip, title };
  known.set(vip, named);
  return named;
}
