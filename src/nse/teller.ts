import type { EndReason, NseEvent } from "./events.ts";
import { hostOf, toServed, type ConnectionRecord } from "./record.ts";
import type { ConnectionTable } from "./table.ts";

type OfRecord =
  | { readonly type: "connected" | "refreshed" | "attach_failed" }
  | { readonly type: "healed"; readonly why: "restart" | "mechanism" | "address" }
  | { readonly type: "closing"; readonly reason: EndReason }
  | { readonly type: "drain_started"; readonly deadlineAt?: string }
  | { readonly type: "drained"; readonly why: "undone" };

/** Says what happens to a connection, in words and as events. */
export class Teller {
  readonly #table: Pick<ConnectionTable, "standing">;
  readonly #tell: (event: NseEvent) => void;

  constructor(table: Pick<ConnectionTable, "standing">, tell: (event: NseEvent) => void) {
    this.#table = table;
    this.#tell = tell;
  }

  connected(record: ConnectionRecord): void {
    this.#of(
      record,
      { type: "connected" },
      `${record.client} is connected as ${record.addresses.map(hostOf).join(", ")}`,
    );
    if (record.drain !== undefined) this.drains(record);
  }

  /** It was requested once more. @param changed what is another than before */
  again(record: ConnectionRecord, changed: "mechanism" | "address" | undefined): void {
    const why = changed ?? (record.restored ? "restart" : undefined);
    record.restored = false;
    if (why === undefined) return this.#of(record, { type: "refreshed" }, `${record.client} is refreshed`);
    this.#of(record, { type: "healed", why }, `${record.client} is connected again`);
  }

  drains(record: ConnectionRecord): void {
    const { deadlineMs } = record.drain ?? {};
    const deadlineAt = deadlineMs === undefined ? undefined : new Date(deadlineMs).toISOString();
    const until = deadlineAt === undefined ? "" : ` until ${deadlineAt}`;
    this.#of(
      record,
      { type: "drain_started", ...(deadlineAt === undefined ? {} : { deadlineAt }) },
      `${record.client} takes no new flows${until}`,
    );
  }

  drainUndone(record: ConnectionRecord): void {
    this.#of(record, { type: "drained", why: "undone" }, `${record.client} takes new flows again`);
  }

  attachFailed(record: ConnectionRecord, message: string): void {
    this.#of(record, { type: "attach_failed" }, message);
  }

  closing(record: ConnectionRecord, reason: EndReason): void {
    this.#of(record, { type: "closing", reason }, `${record.client} ${wordsOf(reason)}`);
  }

  #of(record: ConnectionRecord, what: OfRecord, message: string): void {
    const connection = toServed(record, this.#table.standing(record));
    this.#tell({ ...what, at: new Date().toISOString(), message, connection });
  }
}

/** Why a connection ends, behind the client's name. */
export function wordsOf(reason: EndReason): string {
  return reason === "expired" ? "did not refresh its connection" : "closes its connection";
}
