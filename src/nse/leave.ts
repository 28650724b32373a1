import { setTimeout as sleep } from "node:timers/promises";
import type { Call } from "@networkservicemesh/sdk-ts";
import type { EndReason } from "./events.ts";
import { toServed, type ConnectionRecord } from "./record.ts";
import type { ServiceHost } from "./service.ts";
import { toLeaving } from "./table.ts";
import { wordsOf, type Teller } from "./teller.ts";
import { orAborted } from "./wait.ts";

/** How long a Close waits for VPP to have nothing of the connection any more; it goes on by itself. */
const CLOSE_WAIT_MS = 10_000;

/** How connections end. */
export class Leave {
  readonly #host: ServiceHost;
  readonly #teller: Teller;

  constructor(host: ServiceHost, teller: Teller) {
    this.#host = host;
    this.#teller = teller;
  }

  /** A first Request failed: as if it had never been. */
  drop(id: string): void {
    const { table, replan, save } = this.#host;
    const record = table.live.get(id);
    if (record === undefined) return;
    table.live.delete(id);
    table.leave(toLeaving(record));
    void replan(`${record.client} did not connect`);
    void save().catch(() => undefined);
  }

  /** Settles when it is gone, or the caller has waited for long enough. Never rejects. */
  async close(id: string, reason: EndReason, call: Call): Promise<void> {
    const record = this.#host.table.live.get(id);
    if (record === undefined) return;
    record.removal ??= this.#remove(record, reason);
    const longest = sleep(CLOSE_WAIT_MS, undefined, { ref: false });
    await orAborted(Promise.race([record.removal, longest]), call.signal).catch(() => undefined);
  }

  /** Its server leaves at once, its interface when others have done what they do with it. Never rejects. */
  async #remove(record: ConnectionRecord, reason: EndReason): Promise<void> {
    const { table, replan, save, watch, beforeRemoval } = this.#host;
    const words = `${record.client} ${wordsOf(reason)}`;
    const standing = table.standing(record);
    this.#teller.closing(record, reason);
    const others = beforeRemoval?.(toServed(record, standing));
    if (others !== undefined) {
      // Once it is known that it goes.
      await Promise.resolve();
      void replan(words);
      await others.catch(() => undefined);
    }
    table.live.delete(record.id);
    table.leave(toLeaving(record));
    watch();
    const saved = save().catch(() => undefined);
    await replan(words);
    await saved;
    const at = new Date().toISOString();
    const served = toServed(record, standing === "none" ? "none" : "down");
    this.#host.tell({ type: reason, at, message: `${record.client} is gone`, connection: served });
  }
}
