/** feature.api: vnet/feature/feature_api.c. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import { ARCS, type Arc } from "../../features.ts";
import type { Interface } from "../../model.ts";
import { request, type Fields, type Handlers } from "../handler.ts";

interface IsEnabledFields {
  readonly arc_name: string;
  readonly feature_name: string;
  readonly sw_if_index: number;
}

/** Nodes of an arc beside those that can be switched: what drops while the interface has no address, and the arc's end. */
const FIXED: Readonly<Record<string, (iface: Interface) => boolean>> = {
  "ip4-unicast ip4-not-enabled": (iface) => iface.addresses4.length === 0,
  "ip6-unicast ip6-not-enabled": (iface) => !iface.ip6Enabled,
  "ip4-unicast ip4-lookup": () => false,
  "ip6-unicast ip6-lookup": () => false,
};

const isArc = (name: string): name is Arc => Object.hasOwn(ARCS, name);

/** An arc or a node that is not there counts as enabled: VPP takes its own error for a truth (feature_api.c:78). */
function isEnabled(iface: Interface, arc: string, node: string): boolean {
  const fixed = Object.hasOwn(FIXED, `${arc} ${node}`) ? FIXED[`${arc} ${node}`] : undefined;
  if (fixed !== undefined) return fixed(iface);
  if (!isArc(arc)) return true;
  const nodes: readonly string[] = ARCS[arc];
  return !nodes.includes(node) || iface.features.has(arc, node);
}

function answer({ interfaces }: Dataplane, fields: IsEnabledFields): Fields {
  const iface = interfaces.get(fields.sw_if_index);
  if (iface === undefined) return { retval: RETVAL.INVALID_SW_IF_INDEX };
  return { is_enabled: isEnabled(iface, fields.arc_name, fields.feature_name) };
}

export const featureHandlers: Handlers = {
  feature_is_enabled: request<IsEnabledFields>((fields, { dataplane }) => answer(dataplane, fields)),
};
