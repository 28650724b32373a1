import { CallKey } from "../call.ts";
import type { ChainElement, NetworkService } from "../chain.ts";
import { CHANNEL, type Channel, type ChannelPool } from "../channel.ts";
import { NsmError } from "../errors.ts";
import { clone, type Connection } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import { storeOf } from "./store.ts";

/** Where the call goes next, by url; set by whoever chooses the hop. */
export const NEXT_URL = new CallKey<string>("next url");

/**
 * Takes a channel to the next hop for as long as the connection lives, and puts it into the connection's store under
 * CHANNEL (sdk pkg/networkservice/common/{clienturl,clientconn,dial}). A Request that is to go elsewhere than before
 * first closes the connection where it was.
 * @param url of the next hop where the call names none
 */
export function dial(pool: ChannelPool, url?: string): ChainElement {
  return (next) => ({
    async request(request, call) {
      const store = storeOf(call);
      const wanted = call.get(NEXT_URL) ?? url ?? store.get(CHANNEL)?.url;
      if (wanted === undefined) throw new NsmError("INVALID", "nobody has said where this Request goes");
      const before = store.get(CHANNEL);
      if (before !== undefined && before.url !== wanted) {
        await next.close(clone(request.connection!), call).catch(() => undefined);
        pool.release(before);
        store.take(CHANNEL);
      }
      const isNew = store.get(CHANNEL) === undefined;
      if (isNew) store.set(CHANNEL, pool.take(wanted));
      try {
        return await next.request(request, call);
      } catch (error) {
        const channel = isNew ? store.take(CHANNEL) : undefined;
        if (channel !== undefined) pool.release(channel);
        throw error;
      }
    },
    async close(connection, call) {
      const store = storeOf(call);
      const taken = store.get(CHANNEL);
      const wanted = call.get(NEXT_URL) ?? url;
      if (taken === undefined && wanted === undefined) return;
      if (taken === undefined) store.set(CHANNEL, pool.take(wanted!));
      try {
        await next.close(connection, call);
      } finally {
        const channel = store.take(CHANNEL);
        if (channel !== undefined) pool.release(channel);
      }
    },
  });
}

/** The end of a client's chain: the next hop itself, over the channel of {@link dial} or a given one. */
export function remote(given?: Channel): ChainElement {
  const { networkService } = nsmServices();
  const service: NetworkService = {
    request(request, call) {
      const channel = given ?? storeOf(call).get(CHANNEL);
      if (channel === undefined) throw new NsmError("INTERNAL", "this chain needs dial() before remote()");
      return channel.unary<unknown, Connection>(networkService["Request"]!, request, call);
    },
    async close(connection, call) {
      const channel = given ?? storeOf(call).get(CHANNEL);
      await channel?.unary(networkService["Close"]!, connection, call);
    },
  };
  return () => service;
}
