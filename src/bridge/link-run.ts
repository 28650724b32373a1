import { aclIndex } from "./acl.ts";
import { indexOf } from "./interface-run.ts";
import type { ExecuteContext } from "./kind.ts";
import type { VppPort } from "./port.ts";
import type { AclRef, LinkAction, ObservedAclLists, ObservedReassembly, ReassemblyMode } from "./types.ts";
import { ALL, number } from "./wire.ts";

type Action = Extract<LinkAction, { type: `interface-${string}` }>;

/** vnet/l2/l2_vtr.h */
const VTR = { none: 0, pop1: 3 } as const;

export async function runLink(action: Action, context: ExecuteContext): Promise<void> {
  const { port } = context;
  const index = indexOf(action.name, context);
  switch (action.type) {
    case "interface-table":
      for (const family of action.families) {
        const which = { sw_if_index: index, is_ipv6: family === 6 };
        // Half of it may be done, and to do that again is refused.
        const now = port.has("sw_interface_get_table") ? await port.request("sw_interface_get_table", which) : {};
        if (now["vrf_id"] === action.table) continue;
        await port.request("sw_interface_set_table", { ...which, vrf_id: action.table });
      }
      return;
    case "interface-cross-connect":
      // Its other end may be gone by the time it is taken off; VPP looks at it only to put it on.
      await port.request("sw_interface_set_l2_xconnect", {
        rx_sw_if_index: index,
        tx_sw_if_index: action.enable ? indexOf(action.to, context) : (context.interfaces.get(action.to) ?? index),
        enable: action.enable,
      });
      return;
    case "interface-tag-rewrite":
      await port.request("l2_interface_vlan_tag_rewrite", {
        sw_if_index: index,
        vtr_op: action.pop ? VTR.pop1 : VTR.none,
        push_dot1q: 1,
        tag1: 0,
        tag2: 0,
      });
      return;
    case "interface-reassembly":
      return setReassembly(action.name, index, action.mode, port);
    case "interface-acl":
      return setAclLists(action, index, context);
  }
}

async function setAclLists(
  action: Extract<Action, { type: "interface-acl" }>,
  index: number,
  context: ExecuteContext,
): Promise<void> {
  const resolve = (ref: AclRef) => ("tag" in ref ? aclIndex(ref.tag, context) : Promise.resolve(ref.index));
  const inputs = await Promise.all(action.in.map(resolve));
  const outputs = await Promise.all(action.out.map(resolve));
  await context.port.request("acl_interface_set_acl_list", {
    sw_if_index: index,
    n_input: inputs.length,
    acls: [...inputs, ...outputs],
  });
}

/** By interface index; interfaces without ACLs are left out. */
export async function observeAclLists(port: VppPort): Promise<Map<number, ObservedAclLists>> {
  const details = await port.dump("acl_interface_list_dump", { sw_if_index: ALL });
  return new Map(
    details.flatMap((detail): [number, ObservedAclLists][] => {
      const acls = detail["acls"] as number[];
      const inputs = number(detail["n_input"]);
      if (acls.length === 0) return [];
      return [[number(detail["sw_if_index"]), { in: acls.slice(0, inputs), out: acls.slice(inputs) }]];
    }),
  );
}

/**
 * Reassembly by what `show interface NAME features` lists: VPP has no dump of it. Full reassembly is listed as often
 * as it was switched on (vnet/ip/reass/ip4_full_reass.c:1833), so twice is not the same as once.
 */
export async function observeReassembly(name: string, port: VppPort): Promise<ObservedReassembly | undefined> {
  let output: string;
  try {
    output = await port.cli(`show interface ${name} features`);
  } catch {
    return undefined;
  }
  if (!output.includes("ip4-unicast:")) return undefined;
  const count = (feature: string) => output.split("\n").filter((line) => line.trim() === feature).length;
  return {
    full4: count("ip4-full-reassembly-feature"),
    full6: count("ip6-full-reassembly-feature"),
    virtual4: count("ip4-sv-reassembly-feature"),
    virtual6: count("ip6-sv-reassembly-feature"),
  };
}

const REASSEMBLY = [
  { type: 0, mode: "full", in4: "full4", in6: "full6" },
  { type: 1, mode: "virtual", in4: "virtual4", in6: "virtual6" },
] as const;
/** Nobody switches it on so often who looks first. */
const MOST = 16;

/**
 * Looks before it switches: switching on what is on would have to be switched off twice. On comes before off.
 * Virtual reassembly is counted by interface index, and the count outlives the interface (ip4_sv_reass.c:1935): where
 * switching on does not show, it was left over, and is counted down.
 */
async function setReassembly(name: string, index: number, mode: ReassemblyMode, port: VppPort): Promise<void> {
  for (const kind of [...REASSEMBLY].sort((a, b) => Number(b.mode === mode) - Number(a.mode === mode))) {
    const send = (enable: boolean) =>
      port.request("ip_reassembly_enable_disable", {
        sw_if_index: index,
        enable_ip4: enable,
        enable_ip6: enable,
        type: kind.type,
      });
    const look = async () => {
      const now = await observeReassembly(name, port);
      return now === undefined ? undefined : ([now[kind.in4], now[kind.in6]] as const);
    };
    const want = kind.mode === mode ? 1 : 0;
    for (let step = 0; step < MOST; step++) {
      const now = await look();
      if (now?.every((count) => count === want)) break;
      // The message switches off what it does not switch on; one family alone is brought to both by way of none.
      const enable = want === 1 && (now ?? [0, 0]).every((count) => count === 0);
      await send(enable);
      if (now === undefined) break;
      if (!enable || (await look())?.some((count) => count > 0)) continue;
      await send(false);
      await send(false);
    }
  }
}
