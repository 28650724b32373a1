import type { Call } from "./call.ts";
import { newConnection, type Connection, type NetworkServiceRequest } from "./messages.ts";

/**
 * What serves Request and Close: a chain, one of its elements with all that follow, or a remote hop. Clients and servers
 * have the same shape. Messages belong to the callee: it may change them; who needs the old ones clones them first.
 */
export interface NetworkService {
  /** Makes, refreshes or changes a connection. @throws NsmError */
  request(request: NetworkServiceRequest, call: Call): Promise<Connection>;
  /** Ends a connection; one that is not there is no error. @throws NsmError */
  close(connection: Connection, call: Call): Promise<void>;
}

/** One concern: does its part and calls `next`. */
export type ChainElement = (next: NetworkService) => NetworkService;

/** The end of a chain: the connection as it has become. */
export const END: NetworkService = {
  request: (request) => Promise.resolve(request.connection ?? newConnection()),
  close: () => Promise.resolve(),
};

/** Elements in the order in which a Request passes them; `undefined` ones are left out. */
export function chain(...elements: readonly (ChainElement | undefined)[]): NetworkService {
  return elements.reduceRight<NetworkService>((next, element) => element?.(next) ?? next, END);
}

/** Several elements as one. */
export function compose(...elements: readonly (ChainElement | undefined)[]): ChainElement {
  return (next) => elements.reduceRight<NetworkService>((after, element) => element?.(after) ?? after, next);
}

/** An element that looks at or changes the request on its way, and goes on. */
export function beforeRequest(
  visit: (request: NetworkServiceRequest, connection: Connection, call: Call) => void | Promise<void>,
): ChainElement {
  return (next) => ({
    async request(request, call) {
      request.connection ??= newConnection();
      await visit(request, request.connection, call);
      return next.request(request, call);
    },
    close: (connection, call) => next.close(connection, call),
  });
}
