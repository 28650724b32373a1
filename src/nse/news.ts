import { clone, type Connection, type ConnectionMonitor } from "@networkservicemesh/sdk-ts";
import { writeContext, type Offer } from "./context.ts";
import type { ConnectionRecord } from "./record.ts";

/** What clients hear between their Requests, over the monitor that they listen to. */
export class ClientNews {
  readonly #monitor: ConnectionMonitor;

  constructor(monitor: ConnectionMonitor) {
    this.#monitor = monitor;
  }

  /** A new socket has a new descriptor: the client asks for it (sdk pkg/networkservice/common/upstreamrefresh). */
  askAgain({ id }: ConnectionRecord): void {
    const connection = this.#monitor.connections.get(id);
    if (connection !== undefined) this.#monitor.update({ ...clone(connection), state: "REFRESH_REQUESTED" });
  }

  /** Tells every client what it is offered now. */
  offer(records: Iterable<ConnectionRecord>, offer: Offer): void {
    for (const record of records) {
      const connection = this.#monitor.connections.get(record.id);
      if (connection === undefined) continue;
      const changed: Connection = clone(connection);
      record.routes = writeContext(changed, record, offer);
      writeContext(record.connection, record, offer);
      if (JSON.stringify(changed.context) !== JSON.stringify(connection.context)) this.#monitor.update(changed);
    }
  }
}
