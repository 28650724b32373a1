/** abf.api: plugins/abf/abf_api.c. */
import type { AbfAttachment, AbfPolicy } from "../../abf/abf.ts";
import type { Dataplane } from "../../dataplane.ts";
import type { RoutePath } from "../../fib/types.ts";
import { RV } from "../../retval.ts";
import { action, dump, request, type Fields, type Handlers } from "../handler.ts";
import { decodePath, encodePath, type WirePath } from "./ip.ts";

const PLUGIN_MAJOR = 1;
const PLUGIN_MINOR = 0;

interface PolicyFields {
  readonly is_add: boolean;
  readonly policy: { readonly policy_id: number; readonly acl_index: number; readonly paths: readonly WirePath[] };
}

interface AttachFields {
  readonly is_add: boolean;
  readonly attach: {
    readonly policy_id: number;
    readonly sw_if_index: number;
    readonly priority: number;
    readonly is_ipv6: boolean;
  };
}

function addDelPolicy(dataplane: Dataplane, { is_add, policy }: PolicyFields): number {
  if (policy.paths.length === 0) return RV.INVALID_VALUE;
  const paths: RoutePath[] = [];
  for (const each of policy.paths) {
    const path = decodePath(dataplane, each);
    if (typeof path === "number") return path;
    paths.push(path);
  }
  const { abf } = dataplane;
  return is_add ? abf.addPaths(policy.policy_id, policy.acl_index, paths) : abf.removePaths(policy.policy_id, paths);
}

function addDelAttachment({ abf }: Dataplane, { is_add, attach }: AttachFields): number {
  const { policy_id: id, sw_if_index: swIfIndex, priority } = attach;
  const proto = attach.is_ipv6 ? 6 : 4;
  return is_add ? abf.attach(id, swIfIndex, proto, priority) : abf.detach(id, swIfIndex, proto);
}

interface DumpedPolicy {
  readonly dataplane: Dataplane;
  readonly policy: AbfPolicy;
}

function encodePolicy({ dataplane, policy }: DumpedPolicy): Fields {
  const paths = (policy.pathList?.paths ?? []).map((path) => encodePath(dataplane, path, false));
  return { policy: { policy_id: policy.id, acl_index: policy.aclIndex, n_paths: paths.length, paths } };
}

export const abfHandlers: Handlers = {
  abf_plugin_get_version: request(() => ({ major: PLUGIN_MAJOR, minor: PLUGIN_MINOR })),
  abf_policy_add_del: action<PolicyFields>((fields, { dataplane }) => addDelPolicy(dataplane, fields)),
  abf_policy_dump: dump(
    (_fields: Fields, { dataplane }): DumpedPolicy[] =>
      [...dataplane.abf.policies].map((policy) => ({ dataplane, policy })),
    encodePolicy,
  ),
  abf_itf_attach_add_del: action<AttachFields>((fields, { dataplane }) => addDelAttachment(dataplane, fields)),
  abf_itf_attach_dump: dump(
    (_fields: Fields, { dataplane }): AbfAttachment[] => [...dataplane.abf.attachments],
    ({ policy, swIfIndex, priority, proto }) => ({
      attach: { policy_id: policy.id, sw_if_index: swIfIndex, priority, is_ipv6: proto === 6 },
    }),
  ),
};
