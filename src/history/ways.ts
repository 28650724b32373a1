import { hostPrefix, type DesiredState, type DiffInput, type ObservedState } from "../bridge/index.ts";

/** The key under which {@link Ways} are kept beside the VIPs' tables. */
export const WAYS = "#ways";

/** What leads packets to streams: the rules as they are desired and as VPP has them. */
export interface Ways {
  readonly desired: Pick<DesiredState, "abf" | "steered">;
  readonly observed: Pick<ObservedState, "acls" | "abfPolicies" | "abfAttachments" | "routes">;
}

/** Undefined where there are no streams. What `prepare` made is given; plain data comes back. */
export function waysOf({ desired, observed }: DiffInput): Ways | undefined {
  const { steered, abf } = desired;
  if (steered === undefined) return undefined;
  const tags = new Set([...steered.flows.map((flow) => flow.acl), ...(abf ?? []).map((one) => one.acl)]);
  const acls = (observed.acls ?? []).filter((one) => tags.has(one.tag));
  const indexes = new Set(acls.map((one) => one.index));
  const abfPolicies = (observed.abfPolicies ?? []).filter((one) => indexes.has(one.aclIndex));
  const policies = new Set(abfPolicies.map((one) => one.id));
  const prefixes = new Set([
    ...steered.flows.map((flow) => flow.hop),
    ...steered.streams.map((stream) => stream.anchor),
    ...steered.vips.map((vip) => vip.prefix),
    ...(abf ?? []).map((one) => hostPrefix(one.via)),
  ]);
  return {
    desired: { ...(abf === undefined ? {} : { abf }), steered: { ...steered, assigned: new Map() } },
    observed: {
      acls,
      abfPolicies,
      abfAttachments: (observed.abfAttachments ?? []).filter((one) => policies.has(one.policy)),
      routes: observed.routes.filter((route) => prefixes.has(route.prefix)),
    },
  };
}
