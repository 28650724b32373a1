import { NsmError } from "../errors.ts";
import { checkCount, checkEntries, checkSize, checkText, LIMITS } from "../limits.ts";
import type { EndpointInfo, NetworkServiceInfo } from "../messages.ts";

/** What a query or a removal may say. @throws NsmError INVALID */
export function checkService(info: NetworkServiceInfo): void {
  checkText("network service", info.name);
  checkText("payload", info.payload);
  checkCount("matches", info.matches.length, LIMITS.names);
  for (const { sourceSelector, routes, metadata } of info.matches) {
    checkEntries("source selector", sourceSelector);
    checkCount("routes", routes.length, LIMITS.entries);
    for (const { destinationSelector } of routes) checkEntries("destination selector", destinationSelector);
    checkEntries("labels", metadata?.labels ?? {});
  }
  checkSize("registration", info, LIMITS.registration);
}

/** What a query or a removal may say. @throws NsmError INVALID */
export function checkEndpoint(info: EndpointInfo): void {
  checkText("endpoint", info.name);
  checkText("url", info.url, 4 * LIMITS.text);
  checkCount("network services", info.networkServiceNames.length, LIMITS.names);
  info.networkServiceNames.forEach((name) => checkText("network service", name));
  const labels = Object.entries(info.networkServiceLabels);
  checkCount("network services with labels", labels.length, LIMITS.names);
  for (const [name, { labels: own }] of labels) {
    checkText("network service", name);
    checkEntries("labels", own);
  }
  checkSize("registration", info, LIMITS.registration);
}

/** @throws NsmError INVALID: an endpoint that nobody could reach */
export function checkUrl({ name, url }: EndpointInfo): void {
  if (url === "" || /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/.test(url)) return;
  throw new NsmError("INVALID", `endpoint ${name}: ${JSON.stringify(url.slice(0, 100))} is no url`);
}
