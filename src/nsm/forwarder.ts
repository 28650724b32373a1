import type * as grpc from "@grpc/grpc-js";
import { CallKey, type Call } from "./call.ts";
import { compose, type ChainElement } from "./chain.ts";
import { ChannelPool } from "./channel.ts";
import { clientChain } from "./client.ts";
import { connect } from "./elements/connect.ts";
import { receiveDescriptors, returnDescriptors } from "./elements/descriptors.ts";
import { discoverEndpoint } from "./elements/discover.ts";
import { storeOf } from "./elements/store.ts";
import { undoNew } from "./elements/undo.ts";
import { endpointChain, type Endpoint } from "./endpoint.ts";
import { NsmError } from "./errors.ts";
import { KERNEL, PARAMETER } from "./mechanism.ts";
import { clone, type Connection, type Mechanism, type NetworkServiceRequest } from "./messages.ts";
import type { Registries } from "./registry/registry.ts";
import type { TokenGenerator } from "./token.ts";

/** Two ends that are to be one link. */
export interface WiringRequest {
  /** Of the client's connection: the same over refreshes. */
  readonly id: string;
  readonly client: Mechanism;
  readonly endpoint: Mechanism;
  /** Addresses, routes, MTU, payload as the endpoint decided them. */
  readonly connection: Connection;
}

/** What carries packets between two mechanisms on this machine. */
export interface Wiring {
  /** Whether it can join these types of mechanism. */
  supports(client: string, endpoint: string): boolean;
  /**
   * Joins them; the same request again changes nothing, another id's interface of that name is an error. It may write
   * into the client's mechanism what the client needs to know. @throws NsmError
   */
  wire(request: WiringRequest, call: Call): Promise<void>;
  /** Takes the link away; one that is not there is no error. */
  unwire(id: string): Promise<void>;
}

export interface ForwarderOptions {
  readonly name: string;
  readonly tokens: TokenGenerator;
  readonly registries: Registries;
  readonly credentials?: grpc.ChannelCredentials;
  readonly authorize?: boolean;
  /** Tried in order. */
  readonly wirings: readonly Wiring[];
  /** What is offered to endpoints, best first: what this forwarder can make. */
  readonly offers: readonly ("KERNEL" | "MEMIF")[];
  readonly dialTimeoutMs?: number;
  /** Name of the endpoint's kernel interface that a former life of this forwarder has wired: the endpoint is offered it. */
  readonly interfaceBefore?: (connectionId: string) => string | undefined;
}

export interface Forwarder extends Endpoint {
  /** Lets go of its channels. */
  shutdown(): void;
}

/** A forwarder of one machine: finds the endpoint, and wires it to the client. @param signal ends its timers */
export function createForwarder(options: ForwarderOptions, signal: AbortSignal): Forwarder {
  const { name, tokens, registries, credentials, authorize = false, dialTimeoutMs = 3000 } = options;
  const pool = new ChannelPool({ tokens, dialTimeoutMs, ...(credentials === undefined ? {} : { credentials }) });
  const client = clientChain(
    { name, pool, refresh: false, heal: false, authorize, elements: [translateMechanisms(options)] },
    signal,
  );
  const endpoint = endpointChain(
    {
      name,
      tokens,
      authorize,
      elements: [
        receiveDescriptors(),
        returnDescriptors(),
        chooseMechanism(options),
        discoverEndpoint(registries),
        wireLinks(options.wirings),
        connect(client),
      ],
    },
    signal,
  );
  return { ...endpoint, shutdown: () => pool.close() };
}

const CLIENT_MECHANISM = new CallKey<Mechanism>("mechanism of the client's side");
const ENDPOINT_MECHANISM = new CallKey<Mechanism>("mechanism of the endpoint's side");

/**
 * The client's side: on a refresh what it has; else its preferences that can be wired at all, in its order, until one
 * fits what the endpoint has.
 */
function chooseMechanism({ wirings, offers }: ForwarderOptions): ChainElement {
  const usable = ({ type }: Mechanism) =>
    offers.some((offer) => wirings.some((wiring) => wiring.supports(type, offer)));
  return (next) => {
    const attempt = async (request: NetworkServiceRequest, mechanism: Mechanism, call: Call): Promise<Connection> => {
      const store = storeOf(call);
      store.set(CLIENT_MECHANISM, clone(mechanism));
      const connection = { ...clone(request.connection!), mechanism: clone(mechanism) };
      const result = await next.request({ ...clone(request), connection }, call);
      result.mechanism = clone(store.get(CLIENT_MECHANISM)!);
      return result;
    };
    return {
      async request(request, call) {
        const given = request.connection!.mechanism;
        const candidates = (given === null ? request.mechanismPreferences : [given]).filter(usable);
        let failure: unknown;
        for (const mechanism of candidates) {
          try {
            return await attempt(request, mechanism, call);
          } catch (error) {
            failure ??= error;
            // An endpoint of the Go SDK says that it has none of the mechanisms as an error without a code.
            if (!NsmError.is(error, "UNSUPPORTED", "INTERNAL") || call.signal.aborted) break;
            if (given === null) storeOf(call).take(ENDPOINT_MECHANISM);
          }
        }
        if (failure !== undefined) throw NsmError.from(failure);
        const asked = request.mechanismPreferences.map(({ type }) => type).join(", ") || (given?.type ?? "none");
        throw new NsmError(
          "UNSUPPORTED",
          `none of the mechanisms ${asked} can be wired to ${offers.join(" or ")} here`,
        );
      },
      close: (connection, call) => next.close(connection, call),
    };
  };
}

/** The endpoint's side: its own mechanism, offered anew; what the client has stays on the client's side. */
function translateMechanisms({ wirings, offers, interfaceBefore }: ForwarderOptions): ChainElement {
  return compose((next) => ({
    async request(request, call) {
      const store = storeOf(call);
      const mine = store.get(CLIENT_MECHANISM);
      const possible = offers.filter((offer) => wirings.some((wiring) => wiring.supports(mine?.type ?? "", offer)));
      // The client's own kind first: the least work.
      const ordered = possible.sort((a, b) => Number(b === mine?.type) - Number(a === mine?.type));
      const name = interfaceBefore?.(request.connection!.id);
      request.mechanismPreferences = ordered.map((type) => ({
        cls: "LOCAL",
        type,
        parameters: type === KERNEL && name !== undefined ? { [PARAMETER.name]: name } : {},
      }));
      const before = store.get(ENDPOINT_MECHANISM);
      request.connection!.mechanism = request.connection!.state === "RESELECT_REQUESTED" ? null : clone(before ?? null);
      const connection = await next.request(request, call);
      if (connection.mechanism === null) {
        await undoNew(next, connection, call);
        throw new NsmError("UNSUPPORTED", "the endpoint chose no mechanism");
      }
      store.set(ENDPOINT_MECHANISM, clone(connection.mechanism));
      return connection;
    },
    close(connection, call) {
      const theirs = storeOf(call).take(ENDPOINT_MECHANISM);
      return next.close({ ...connection, mechanism: clone(theirs ?? connection.mechanism) }, call);
    },
  }));
}

/** Joins both sides when both are known, and takes them apart before the endpoint forgets its side. */
function wireLinks(wirings: readonly Wiring[]): ChainElement {
  const used = new Map<string, Wiring>();
  return (next) => ({
    async request(request, call) {
      const id = request.connection!.id;
      const connection = await next.request(request, call);
      const client = storeOf(call).get(CLIENT_MECHANISM)!;
      const endpoint = storeOf(call).get(ENDPOINT_MECHANISM)!;
      const wiring = wirings.find((each) => each.supports(client.type, endpoint.type));
      if (wiring === undefined) throw new NsmError("UNSUPPORTED", `${client.type} cannot be wired to ${endpoint.type}`);
      const before = used.get(id);
      if (before !== undefined && before !== wiring) await before.unwire(id);
      used.set(id, wiring);
      try {
        await wiring.wire({ id, client, endpoint, connection: clone(connection) }, call);
      } catch (error) {
        if (before === undefined) {
          used.delete(id);
          await wiring.unwire(id).catch(() => undefined);
          await next.close(clone(connection), call).catch(() => undefined);
        }
        throw error;
      }
      return connection;
    },
    async close(connection, call) {
      const wiring = used.get(connection.id);
      used.delete(connection.id);
      try {
        await wiring?.unwire(connection.id);
      } finally {
        await next.close(connection, call);
      }
    },
  });
}
