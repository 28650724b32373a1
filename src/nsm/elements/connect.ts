import type { ChainElement, NetworkService } from "../chain.ts";
import { clone } from "../messages.ts";

const CLEAN_UP_MS = 5000;

/**
 * A server's: carries the connection on through a client, then goes on with what it came back with
 * (sdk pkg/networkservice/common/connect). What fails after it closes what it made.
 */
export function connect(client: NetworkService): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = await client.request(request, call);
      const made = clone(connection);
      try {
        return await next.request({ ...request, connection }, call);
      } catch (error) {
        await call.renewed(CLEAN_UP_MS, (own) => client.close(made, own)).catch(() => undefined);
        throw error;
      }
    },
    async close(connection, call) {
      const failures: unknown[] = [];
      await client.close(clone(connection), call).catch((error: unknown) => failures.push(error));
      await next.close(connection, call).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
  });
}
