/** Reassembly of ip.api: vnet/ip/ip_api.c, vnet/ip/reass. */
import { RETVAL } from "vpp-api-ts/codec";
import type { Dataplane } from "../../dataplane.ts";
import type { ReassemblyKind } from "../../reassembly/reassembly.ts";
import { action, request, type Fields, type Handlers } from "../handler.ts";

/** IP_REASS_TYPE_*. VPP does nothing for another, and answers 0. */
const KINDS: readonly (ReassemblyKind | undefined)[] = ["full", "shallow"];

interface OfKind {
  readonly is_ip6: boolean;
  readonly type: number;
}

interface SetFields extends OfKind {
  readonly timeout_ms: number;
  readonly max_reassemblies: number;
  readonly max_reassembly_length: number;
  readonly expire_walk_interval_ms: number;
}

function set({ reassembly }: Dataplane, fields: SetFields): number {
  const kind = KINDS[fields.type];
  if (kind === undefined) return 0;
  Object.assign(reassembly.table(kind, fields.is_ip6 ? 6 : 4).settings, {
    timeoutMs: fields.timeout_ms,
    maxReassemblies: fields.max_reassemblies,
    maxFragments: fields.max_reassembly_length,
    expireWalkMs: fields.expire_walk_interval_ms,
  });
  return 0;
}

function get({ reassembly }: Dataplane, { is_ip6, type }: OfKind): Fields {
  const kind = KINDS[type];
  // VPP answers with what its stack holds.
  if (kind === undefined) return { retval: RETVAL.INVALID_VALUE };
  const { settings } = reassembly.table(kind, is_ip6 ? 6 : 4);
  return {
    timeout_ms: settings.timeoutMs,
    max_reassemblies: settings.maxReassemblies,
    max_reassembly_length: settings.maxFragments,
    expire_walk_interval_ms: settings.expireWalkMs,
    is_ip6,
  };
}

interface EnableFields {
  readonly sw_if_index: number;
  readonly enable_ip4: boolean;
  readonly enable_ip6: boolean;
  readonly type: number;
}

/** VPP takes any index, and ends with some; here there must be such an interface. */
function enable({ reassembly, interfaces }: Dataplane, fields: EnableFields): number {
  const kind = KINDS[fields.type];
  if (kind === undefined) return 0;
  const iface = interfaces.get(fields.sw_if_index);
  if (iface === undefined) return RETVAL.INVALID_SW_IF_INDEX;
  reassembly.enable(iface, kind, 4, fields.enable_ip4);
  reassembly.enable(iface, kind, 6, fields.enable_ip6);
  return 0;
}

export const reassemblyHandlers: Handlers = {
  ip_reassembly_set: action<SetFields>((fields, { dataplane }) => set(dataplane, fields)),
  ip_reassembly_get: request<OfKind>((fields, { dataplane }) => get(dataplane, fields)),
  ip_reassembly_enable_disable: action<EnableFields>((fields, { dataplane }) => enable(dataplane, fields)),
  ip_local_reass_enable_disable: action<{ enable_ip4: boolean; enable_ip6: boolean }>(
    ({ enable_ip4, enable_ip6 }, { dataplane: { reassembly } }) => {
      reassembly.local4 = enable_ip4;
      reassembly.local6 = enable_ip6;
      return 0;
    },
  ),
  ip_local_reass_get: request<Fields>((_fields, { dataplane: { reassembly } }) => ({
    ip4_is_enabled: reassembly.local4,
    ip6_is_enabled: reassembly.local6,
  })),
};
