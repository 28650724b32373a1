import type { ChainElement } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { parseRange } from "../ip-pool.ts";
import type { Connection, Mechanism, NetworkServiceRequest } from "../messages.ts";

/** Far above what a mesh uses; below what would hurt to keep for thousands of connections. */
const LIMITS = { text: 1024, token: 16_384, entries: 256, segments: 64, mechanisms: 16 } as const;

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
  if (request.mechanismPreferences.length > LIMITS.mechanisms)
    throw tooMany("mechanism preferences", request.mechanismPreferences.length, LIMITS.mechanisms);
  request.mechanismPreferences.forEach(checkMechanism);
}

function checkConnection(connection: Connection): void {
  text("connection id", connection.id);
  text("network service", connection.networkService);
  text("endpoint name", connection.networkServiceEndpointName);
  text("payload", connection.payload);
  entries("labels", connection.labels);
  if (connection.mechanism !== null) checkMechanism(connection.mechanism);
  const { path } = connection;
  if (path === null || path.pathSegments.length === 0) throw new NsmError("INVALID", "the connection has no path");
  if (path.pathSegments.length > LIMITS.segments)
    throw tooMany("path segments", path.pathSegments.length, LIMITS.segments);
  if (path.index >= path.pathSegments.length)
    throw new NsmError("INVALID", `path index ${path.index} is outside of its ${path.pathSegments.length} segments`);
  for (const segment of path.pathSegments) {
    text("path segment name", segment.name);
    text("path segment id", segment.id);
    text("token", segment.token, LIMITS.token);
    entries("metrics", segment.metrics);
  }
  checkContext(connection);
}

function checkContext({ context }: Connection): void {
  if (context === null) return;
  entries("extra context", context.extraContext);
  const ip = context.ipContext;
  if (ip === null) return;
  const routes = [...ip.srcRoutes, ...ip.dstRoutes].map((route) => route.prefix);
  const lists = { addresses: [...ip.srcIpAddrs, ...ip.dstIpAddrs], routes, "excluded prefixes": ip.excludedPrefixes };
  for (const [what, list] of Object.entries(lists)) {
    if (list.length > 4 * LIMITS.entries) throw tooMany(what, list.length, 4 * LIMITS.entries);
    list.forEach((each) => parseRange(each));
  }
}

function checkMechanism(mechanism: Mechanism): void {
  text("mechanism", mechanism.type);
  text("mechanism class", mechanism.cls);
  entries("mechanism parameters", mechanism.parameters);
}

function text(what: string, value: string, limit: number = LIMITS.text): void {
  if (value.length > limit) throw new NsmError("INVALID", `${what} of ${value.length} characters, at most ${limit}`);
}

function entries(what: string, map: Readonly<Record<string, string>>): void {
  const all = Object.entries(map);
  if (all.length > LIMITS.entries) throw tooMany(what, all.length, LIMITS.entries);
  for (const [key, value] of all) {
    text(`${what}: key`, key);
    text(`${what} ${key.slice(0, 32)}`, value, 4 * LIMITS.text);
  }
}

function tooMany(what: string, count: number, limit: number): NsmError {
  return new NsmError("INVALID", `${count} ${what}, at most ${limit}`);
}
