import { CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { storeOf } from "./store.ts";

const CARRIED_ON = new CallKey<true>("the path goes on");

/**
 * A server's: what comes after its own segment is cut off, unless a client behind it carried the connection on
 * (sdk pkg/networkservice/common/trimpath): an endpoint that was chosen instead of a longer path ends it.
 */
export function trimPath(): ChainElement {
  return (next) => ({
    async request(request, call) {
      const store = storeOf(call);
      store.take(CARRIED_ON);
      const connection = await next.request(request, call);
      const { path } = connection;
      if (store.get(CARRIED_ON) === undefined && path !== null)
        path.pathSegments.length = Math.min(path.pathSegments.length, path.index + 1);
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}

/** The client's part of it. */
export function keepPath(): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = await next.request(request, call);
      storeOf(call).set(CARRIED_ON, true);
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}
