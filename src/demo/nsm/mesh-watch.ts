import { setTimeout as sleep } from "node:timers/promises";
import { Call, Channel, monitorConnections, type ConnectionEvent } from "@networkservicemesh/sdk-ts";

const RETRY_MS = 50;

/** Listens to a manager, which may be killed and started again: what it says of every client's connection. */
export class MeshWatch {
  readonly #url: string;
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  readonly #requests = new Map<string, number>();
  readonly #downs = new Map<string, number>();

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    void this.#follow();
  }

  /** How often the client of this name had its Request answered: the first time, refreshing, healing. */
  requests(client: string): number {
    return this.#requests.get(client) ?? 0;
  }

  /** How often its connection was said to be down, or was deleted. */
  downs(client: string): number {
    return this.#downs.get(client) ?? 0;
  }

  close(): void {
    this.#end.abort();
  }

  async #follow(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#listen().catch(() => undefined);
      await sleep(RETRY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  /** Until the manager is gone. */
  async #listen(): Promise<void> {
    const channel = new Channel(this.#url);
    let over = (): void => undefined;
    try {
      const call = new Call({ signal: this.#signal });
      await new Promise<void>((resolve, reject) => {
        over = resolve;
        this.#signal.addEventListener("abort", over, { once: true });
        const onEvent = (event: ConnectionEvent) => this.#take(event);
        monitorConnections(channel, { pathSegments: [] }, call, { onEvent, onEnd: reject }).catch(reject);
      });
    } finally {
      this.#signal.removeEventListener("abort", over);
      channel.close();
    }
  }

  #take({ type, connections }: ConnectionEvent): void {
    if (type === "INITIAL_STATE_TRANSFER") return;
    for (const { path, state } of Object.values(connections)) {
      const client = path?.pathSegments[0]?.name ?? "";
      const counts = type === "DELETE" || state === "DOWN" ? this.#downs : this.#requests;
      counts.set(client, (counts.get(client) ?? 0) + 1);
    }
  }
}
