import { isDeepStrictEqual } from "node:util";
import { clone, newContext, type Connection, type ConnectionContext } from "../messages.ts";

/**
 * What a repeated Request asks for: the connection as it is now, changed only in what the caller changed of what it last
 * got back (sdk pkg/networkservice/common/begin/merge.go). A caller that sends an old copy undoes nothing.
 */
export function mergeConnection(
  returned: Connection | undefined,
  requested: Connection,
  current: Connection | undefined,
): Connection {
  if (returned === undefined || current === undefined) return requested;
  const merged = clone(current);
  if (returned.networkServiceEndpointName !== requested.networkServiceEndpointName)
    merged.networkServiceEndpointName = requested.networkServiceEndpointName;
  merged.context = mergeContext(returned.context, requested.context, current.context);
  if (requested.state === "RESELECT_REQUESTED") merged.state = requested.state;
  return merged;
}

function mergeContext(
  returned: ConnectionContext | null,
  requested: ConnectionContext | null,
  current: ConnectionContext | null,
): ConnectionContext | null {
  if (current === null) return requested;
  if (isDeepStrictEqual(returned, requested)) return clone(current);
  const { ipContext, ethernetContext, dnsContext, MTU, extraContext } = requested ?? newContext();
  return clone({
    ipContext,
    ethernetContext,
    dnsContext,
    MTU,
    extraContext: mergeMap(returned?.extraContext ?? {}, extraContext, current.extraContext),
  });
}

function mergeMap(
  returned: Readonly<Record<string, string>>,
  requested: Readonly<Record<string, string>>,
  current: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged = { ...current };
  for (const [key, value] of Object.entries(returned)) {
    const wanted = requested[key];
    if (wanted === undefined) delete merged[key];
    else if (wanted !== value) merged[key] = wanted;
  }
  return merged;
}
