import type { Namespace } from "../kernel/namespace.ts";
import { ping } from "../kernel/ping.ts";
import type { Service } from "./service.ts";

/** Whether gateways answer ICMP echo requests by the connection's own interface. */
export class Liveness {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /**
   * A gateway that never answered is not known to answer at all: its silence says nothing, and the connection counts as
   * alive. So does a memif, on which nobody here can send.
   */
  async check(service: Service, signal: AbortSignal): Promise<boolean> {
    const { offer } = service;
    if (offer === undefined || offer.gateways.length === 0 || offer.socket !== undefined) return true;
    const { device } = offer;
    const asked = offer.gateways.map(async (address) => {
      if (!(await ping(this.#namespace, { address, device }, signal))) throw new Error(`${address} is silent`);
    });
    const answered = await Promise.any(asked).then(
      () => true,
      () => false,
    );
    if (offer !== service.offer) return true; // it is about another gateway by now
    if (answered) service.alive = true;
    else if (service.alive !== undefined) service.alive = false;
    return service.alive ?? true;
  }
}
