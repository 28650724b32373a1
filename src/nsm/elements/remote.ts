import { CallKey, type Call } from "../call.ts";
import type { ChainElement, NetworkService } from "../chain.ts";
import { CHANNEL, StaleChannelError, type Channel, type ChannelPool } from "../channel.ts";
import { NsmError } from "../errors.ts";
import { clone, type Connection } from "../messages.ts";
import { nsmServices } from "../proto.ts";
import { storeOf, type ConnectionStore } from "./store.ts";

/** Where the call goes next, by url; set by whoever chooses the hop. */
export const NEXT_URL = new CallKey<string>("next url");
/** The hop's name, where it has one: under another url it is the same hop, started again. */
export const NEXT_NAME = new CallKey<string>("next name");

const HOP = new CallKey<string>("name of the next hop");

/**
 * Takes a channel to the next hop for as long as the connection lives, and puts it into the connection's store under
 * CHANNEL (sdk pkg/networkservice/common/{clienturl,clientconn,dial}). A Request that is to go to another hop than before
 * first closes the connection where it was; a hop of the same name that has another url by now keeps it. A stale channel is left for a new one.
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
        if (!isSameHop(call, store)) await next.close(clone(request.connection!), call).catch(() => undefined);
        pool.release(before);
        store.take(CHANNEL);
      }
      const name = call.get(NEXT_NAME);
      if (name === undefined) store.take(HOP);
      else store.set(HOP, name);
      try {
        return await withChannel(pool, store, wanted, () => next.request(clone(request), call));
      } catch (error) {
        // Found stale by it: keys changed, and what was signed with one did not fit the other's certificate.
        if (!(error instanceof StaleChannelError) || call.signal.aborted) throw NsmError.from(error);
        return withChannel(pool, store, wanted, () => next.request(clone(request), call));
      }
    },
    async close(connection, call) {
      const store = storeOf(call);
      const before = store.get(CHANNEL);
      if (before !== undefined && call.get(NEXT_URL) !== undefined && isSameHop(call, store)) {
        pool.release(before);
        store.take(CHANNEL);
      }
      const wanted = store.get(CHANNEL)?.url ?? call.get(NEXT_URL) ?? url;
      if (wanted === undefined) return;
      try {
        await withChannel(pool, store, wanted, () => next.close(connection, call));
      } finally {
        const channel = store.take(CHANNEL);
        if (channel !== undefined) pool.release(channel);
      }
    },
  });
}

function isSameHop(call: Call, store: ConnectionStore): boolean {
  const name = call.get(NEXT_NAME);
  return name !== undefined && name === store.get(HOP);
}

/** Works with the connection's channel, or a new one where it has none or a stale one; the first is kept by success. */
async function withChannel<T>(
  pool: ChannelPool,
  store: ConnectionStore,
  url: string,
  work: () => Promise<T>,
): Promise<T> {
  const before = store.get(CHANNEL);
  const channel = before === undefined || before.stale ? pool.take(url) : before;
  store.set(CHANNEL, channel);
  try {
    return await work();
  } catch (error) {
    if (before === undefined && store.take(CHANNEL) !== undefined) pool.release(channel);
    throw error;
  } finally {
    if (before !== undefined && before !== channel) pool.release(before);
  }
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
