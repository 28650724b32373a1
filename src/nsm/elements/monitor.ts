import { Aborts } from "../aborts.ts";
import { Call, CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { CHANNEL } from "../channel.ts";
import { clone, type Connection } from "../messages.ts";
import { watchConnection, type ConnectionMonitor } from "../monitor.ts";
import type { Channel } from "../channel.ts";
import { storeOf } from "./store.ts";

const FOLLOWING = new CallKey<AbortController>("monitor of the next hop");

/**
 * A server's: tells the monitor of every connection that it serves. Where a client behind it carries the connection on,
 * what the next hop says of it is passed on too, and its loss is told as DOWN. After `begin` and `connectionStore`.
 * @param signal ends all watches of next hops
 */
export function monitor(hub: ConnectionMonitor, signal: AbortSignal): ChainElement {
  const aborts = new Aborts(signal);
  const follow = (channel: Channel, connection: Connection): AbortController => {
    const controller = aborts.create();
    const down = () => hub.update({ ...clone(connection), state: "DOWN" });
    const call = new Call({ signal: controller.signal });
    watchConnection(channel, connection, call, { onChange: (changed) => hub.update(changed), onEnd: down }).catch(
      () => {
        if (!controller.signal.aborted) down();
      },
    );
    return controller;
  };
  return (next) => ({
    async request(request, call) {
      const store = storeOf(call);
      const before = store.take(FOLLOWING);
      aborts.end(before);
      const asked = request.connection === null ? undefined : clone(request.connection);
      try {
        const connection = await next.request(request, call);
        // Whatever it was asked for with: a client that reads RESELECT_REQUESTED here would begin anew.
        connection.state = "UP";
        hub.update(connection);
        const channel = store.get(CHANNEL);
        if (channel !== undefined) store.set(FOLLOWING, follow(channel, clone(connection)));
        return connection;
      } catch (error) {
        if (before !== undefined && asked !== undefined) hub.update({ ...asked, state: "DOWN" });
        throw error;
      }
    },
    async close(connection, call) {
      aborts.end(storeOf(call).take(FOLLOWING));
      try {
        await next.close(connection, call);
      } finally {
        hub.delete(connection);
      }
    },
  });
}
