import { newConnection, type Connection } from "@networkservicemesh/sdk-ts";
import type { ServiceStatus } from "./events.ts";
import type { Offer } from "./offer.ts";
import type { ServiceRequest } from "./service-url.ts";

/** One service that is asked for, and what has become of it. */
export class Service {
  readonly request: ServiceRequest;
  readonly id: string;
  #state: ServiceStatus["state"] = "requesting";
  #since = new Date().toISOString();
  /** As it was answered last. */
  connection: Connection;
  /** The answer has not been looked at. */
  fresh = false;
  offer: Offer | undefined;
  alive: boolean | undefined;
  error: string | undefined;
  /** The context that the next hop told of last, so that one change is asked for once. */
  toldContext = "";
  /** Replies may go by it. */
  usable = true;

  constructor(request: ServiceRequest, id: string) {
    this.request = request;
    this.id = id;
    this.connection = this.#asked();
  }

  #asked(): Connection {
    const { service, labels } = this.request;
    return newConnection({ id: this.id, networkService: service, labels: { ...labels } });
  }

  /** The mesh has given it, as it is now. */
  answered(connection: Connection): void {
    this.connection = connection;
    this.fresh = true;
    this.usable = true;
    this.error = undefined;
    this.state = "connected";
  }

  /** It was given back: what follows begins from nothing. */
  reset(): void {
    this.connection = this.#asked();
    this.fresh = false;
    this.alive = undefined;
  }

  get state(): ServiceStatus["state"] {
    return this.#state;
  }

  set state(state: ServiceStatus["state"]) {
    if (state !== this.#state) this.#since = new Date().toISOString();
    this.#state = state;
  }

  /** How long it has been in its state, ms. */
  get inStateMs(): number {
    return Date.now() - Date.parse(this.#since);
  }

  /** "load-balancer by nsm0" */
  get label(): string {
    return `${this.request.service} by ${this.request.device}`;
  }

  status(): ServiceStatus {
    const { url, service, mechanism, device } = this.request;
    const { id, state, offer, alive, error } = this;
    return { url, service, mechanism, device, id, state, since: this.#since, offer, alive, error };
  }
}
