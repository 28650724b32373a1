import { isDeepStrictEqual } from "node:util";
import type { EndpointInfo, NetworkServiceInfo } from "../messages.ts";

/** A peer's maps may have any key: "constructor" is none of Object's. */
export function own<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

type Labels = Readonly<Record<string, string>>;

/** Whether a service agrees with every field that the query sets (sdk pkg/tools/matchutils). */
export function matchesService(query: NetworkServiceInfo, service: NetworkServiceInfo): boolean {
  return (
    (query.name === "" || query.name === service.name) &&
    (query.payload === "" || query.payload === service.payload) &&
    (query.matches.length === 0 || isDeepStrictEqual(query.matches, service.matches))
  );
}

/** Whether an endpoint agrees with every field that the query sets; its url, with a part of it. */
export function matchesEndpoint(query: EndpointInfo, endpoint: EndpointInfo): boolean {
  return (
    (query.name === "" || query.name === endpoint.name) &&
    query.networkServiceNames.every((name) => endpoint.networkServiceNames.includes(name)) &&
    Object.entries(query.networkServiceLabels).every(([service, { labels }]) => {
      const theirs = own(endpoint.networkServiceLabels, service)?.labels;
      return theirs !== undefined && Object.entries(labels).every(([key, value]) => own(theirs, key) === value);
    }) &&
    (query.expirationTime === null || query.expirationTime.seconds === endpoint.expirationTime?.seconds) &&
    endpoint.url.includes(query.url)
  );
}

/**
 * The endpoints that a client with these labels may have: by the first match of the service whose source selector is
 * among the labels; `fallthrough` goes on where none fits.
 */
export function selectEndpoints(
  clientLabels: Labels,
  service: NetworkServiceInfo,
  endpoints: readonly EndpointInfo[],
): EndpointInfo[] {
  if (service.matches.length === 0) return [...endpoints];
  for (const match of service.matches) {
    if (!isSubset(clientLabels, match.sourceSelector, clientLabels)) continue;
    const candidates = match.routes.flatMap((route) =>
      endpoints.filter((endpoint) => {
        const labels = own(endpoint.networkServiceLabels, service.name)?.labels ?? {};
        return isSubset(labels, route.destinationSelector, clientLabels);
      }),
    );
    if (match.fallthrough && candidates.length === 0) continue;
    if (match.metadata !== null && match.routes.length === 0) return [...endpoints];
    return candidates;
  }
  return [];
}

export function isSubset(labels: Labels, wanted: Labels, variables: Labels): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => own(labels, key) === value || own(labels, key) === expand(value, variables),
  );
}

/**
 * Values of selectors may be Go templates over the client's labels: `{{.nodeName}}`, `{{index . "node-name"}}`. Others
 * of text/template's actions are left as they are.
 */
export function expand(text: string, variables: Labels): string {
  return text.replaceAll(
    /\{\{-?\s*(?:\.([A-Za-z_]\w*)|index\s+\.\s+"([^"]*)")\s*-?\}\}/g,
    (_, field?: string, key?: string) => {
      const value = own(variables, field ?? key ?? "");
      return value ?? "<no value>";
    },
  );
}
