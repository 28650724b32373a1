import { beforeRequest, type ChainElement } from "../chain.ts";
import { ipContextOf, newContext, type DnsContext, type Route } from "../messages.ts";

export interface ContextOptions {
  /** Routes that the client installs: prefixes, and by which next hop (default: the interface). */
  readonly srcRoutes?: readonly Route[];
  readonly dnsContext?: DnsContext;
  /** Bytes. A smaller one of the Request stays. */
  readonly mtu?: number;
  readonly extraContext?: Readonly<Record<string, string>>;
}

/** A server's: what the client is to know and to install, beyond addresses. @param context called for each Request */
export function connectionContext(context: () => ContextOptions): ChainElement {
  return beforeRequest((_request, connection) => {
    const { srcRoutes = [], dnsContext, mtu, extraContext } = context();
    const ip = ipContextOf(connection);
    const all = (connection.context ??= newContext());
    for (const route of srcRoutes) {
      const known = ip.srcRoutes.find((each) => each.prefix === route.prefix);
      if (known === undefined) ip.srcRoutes.push({ ...route });
      else known.nextHop = route.nextHop;
    }
    if (dnsContext !== undefined) all.dnsContext = structuredClone(dnsContext);
    if (mtu !== undefined) all.MTU = all.MTU === 0 ? mtu : Math.min(all.MTU, mtu);
    Object.assign(all.extraContext, extraContext);
  });
}
