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
    return title === undefined ? vip : { ...vip, title };
  };
  return { desired, observed: { ...input.observed, vips: input.observed.vips.map(name) }, owned };
}
