import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { parseRange } from "../ip-pool.ts";
import { checkCount, checkEntries, checkSize, checkText, LIMITS } from "../limits.ts";
import type { Connection, IpContext, Mechanism, NetworkServiceRequest, Path } from "../messages.ts";

/** A server's first: refuses what no honest client sends, before it leaves any trace. */
export function validate(): ChainElement {
  return (next) => ({
    request(request, call) {
      checkRequest(request);
      return next.request(request, call);
    },
    close(connection, call) {
      checkConnection(connection);
      return next.close(connection, call);
    },
  });
}

function checkRequest(request: NetworkServiceRequest): void {
  if (request.connection === null) throw new NsmError("INVALID", "a Request without connection");
  checkConnection(request.connection);
  checkCount("mechanism preferences", request.mechanismPreferences.length, LIMITS.mechanisms);
  request.mechanismPreferences.forEach(checkMechanism);
}

function checkConnection(connection: Connection): void {
  checkText("connection id", connection.id);
  checkText("network service", connection.networkService);
  checkText("endpoint name", connection.networkServiceEndpointName);
  checkText("payload", connection.payload);
  checkEntries("labels", connection.labels);
  if (connection.mechanism !== null) checkMechanism(connection.mechanism);
  checkPath(connection.path);
  if (connection.context !== null) {
    checkEntries("extra context", connection.context.extraContext);
    if (connection.context.ipContext !== null) checkIpContext(connection.context.ipContext);
  }
  checkSize("connection", connection, LIMITS.connection);
}

function checkPath(path: Path | null): void {
  if (path === null || path.pathSegments.length === 0) throw new NsmError("INVALID", "the connection has no path");
  const { index, pathSegments: segments } = path;
  checkCount("path segments", segments.length, LIMITS.segments);
  if (index >= segments.length)
    throw new NsmError("INVALID", `path index ${index} is outside of its ${segments.length} segments`);
  const ids = new Set<string>();
  for (const segment of segments) {
    checkText("path segment name", segment.name);
    checkText("path segment id", segment.id);
    checkText("token", segment.token, LIMITS.token);
    checkEntries("metrics", segment.metrics);
    if (segment.id === "") throw new NsmError("INVALID", `path segment ${ids.size} (${segment.name}) has no id`);
    if (ids.has(segment.id)) throw new NsmError("INVALID", `two path segments have the id ${segment.id}`);
    ids.add(segment.id);
  }
}

function checkIpContext(ip: IpContext): void {
  const policies = ip.policies.flatMap(({ routes }) => routes);
  const routes = [...ip.srcRoutes, ...ip.dstRoutes, ...policies];
  const prefixes = {
    addresses: [...ip.srcIpAddrs, ...ip.dstIpAddrs],
    routes: routes.map((route) => route.prefix),
    "next hops": routes.map((route) => route.nextHop).filter((nextHop) => nextHop !== ""),
    "excluded prefixes": ip.excludedPrefixes,
    "extra prefixes": ip.extraPrefixes,
    neighbors: ip.ipNeighbors.map((neighbor) => neighbor.ip),
  };
  for (const [what, list] of Object.entries(prefixes)) {
    checkCount(what, list.length, LIMITS.prefixes);
    list.forEach((each) => parseRange(each));
  }
}

function checkMechanism(mechanism: Mechanism): void {
  checkText("mechanism", mechanism.type);
  checkText("mechanism class", mechanism.cls);
  checkEntries("mechanism parameters", mechanism.parameters);
}
