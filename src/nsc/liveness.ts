import type { Namespace } from "../kernel/namespace.ts";
import { ping } from "../kernel/ping.ts";
import type { Service } from "./service.ts";

export interface LivenessOptions {
  readonly namespace: Namespace;
  /** Silence for so long is a loss where the next hop has lost the connection, too. */
  readonly timeoutMs: number;
  /** A gateway fell silent (for `timeoutMs`), or answers again. */
  readonly changed: (service: Service) => void;
}

/** Whether gateways answer ICMP echo requests by the connection's own interface. */
export class Liveness {
  readonly #options: LivenessOptions;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /**
   * A gateway that never answered is not known to answer at all: its silence says nothing, and the connection counts as
   * alive, until the mesh has been unable to bring it back for twice the timeout. So does a memif, on which nobody here can send. Who is silent while the mesh still has the connection is
   * waited for until the signal fires: that is a VPP that starts again.
   */
  async check(service: Service, signal: AbortSignal): Promise<boolean> {
    const { offer } = service;
    if (offer === undefined || offer.gateways.length === 0 || offer.socket !== undefined) return true;
    const giveUp = new AbortController();
    const timer = setTimeout(() => {
      if (service.alive === undefined || service.state !== "connected") giveUp.abort();
      if (offer === service.offer) this.#found(service, false);
    }, this.#options.timeoutMs);
    try {
      const answered = await this.#ask(service, AbortSignal.any([signal, giveUp.signal]));
      if (offer !== service.offer) return true; // it is about another gateway by now
      this.#found(service, answered);
      if (service.alive !== undefined) return service.alive;
      return service.state !== "healing" || service.inStateMs < 2 * this.#options.timeoutMs;
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask({ offer }: Service, signal: AbortSignal): Promise<boolean> {
    const { gateways, device } = offer!;
    const over = new AbortController();
    const asked = gateways.map(async (address) => {
      const answered = await ping(this.#options.namespace, { address, device }, AbortSignal.any([signal, over.signal]));
      if (!answered) throw new Error(`${address} is silent`);
    });
    try {
      await Promise.any(asked);
      return true;
    } catch {
      return false;
    } finally {
      over.abort(); // one answer is enough
      await Promise.allSettled(asked);
    }
  }

  #found(service: Service, answers: boolean): void {
    const before = service.alive;
    if (answers) service.alive = true;
    else if (before !== undefined) service.alive = false;
    if (before === service.alive || before === undefined) return;
    if (service.state === "connected") service.usable = answers;
    this.#options.changed(service);
  }
}
