import type { ChainElement, NetworkService } from "../chain.ts";
import { NsmError } from "../errors.ts";
import { checkedName, interfaceNameFor, KERNEL, MEMIF, PARAMETER } from "../mechanism.ts";
import { clone, type Mechanism } from "../messages.ts";

/** A client's: offers mechanisms, best first, where the Request names none of its own. */
export function offerMechanisms(...mechanisms: readonly Mechanism[]): ChainElement {
  return (next) => ({
    request(request, call) {
      if (request.mechanismPreferences.length === 0) request.mechanismPreferences = clone([...mechanisms]);
      return next.request(request, call);
    },
    close: (connection, call) => next.close(connection, call),
  });
}

/**
 * A server's: by type of mechanism, which elements make it. The connection's own mechanism stays on a refresh; else the
 * first preference that is here and works (sdk pkg/networkservice/common/mechanisms).
 */
export function mechanisms(byType: Readonly<Record<string, ChainElement>>): ChainElement {
  return (next) => {
    const services = new Map(Object.entries(byType).map(([type, element]) => [type, element(next)]));
    const serviceOf = (mechanism: Mechanism): NetworkService => {
      const service = services.get(mechanism.type);
      if (service !== undefined) return service;
      const offered = [...services.keys()].join(", ");
      throw new NsmError("UNSUPPORTED", `mechanism ${JSON.stringify(mechanism.type)} is not here: only ${offered}`);
    };
    return {
      async request(request, call) {
        const given = request.connection?.mechanism;
        if (given != null) return serviceOf(given).request(request, call);
        const usable = request.mechanismPreferences.filter((each) => services.has(each.type));
        let failure: unknown = new NsmError(
          "UNSUPPORTED",
          `none of the mechanisms ${request.mechanismPreferences.map((each) => each.type).join(", ") || "(none)"} is here: only ${[...services.keys()].join(", ")}`,
        );
        for (const mechanism of usable) {
          const attempt = clone(request);
          attempt.connection!.mechanism = clone(mechanism);
          try {
            return await serviceOf(mechanism).request(attempt, call);
          } catch (error) {
            failure = error;
          }
        }
        throw failure;
      },
      async close(connection, call) {
        if (connection.mechanism === null) return next.close(connection, call);
        await serviceOf(connection.mechanism).close(connection, call);
      },
    };
  };
}

/**
 * The server's side of KERNEL: its interface is in this namespace and has a name.
 * @param netns path, default this process's own
 */
export function kernelServer(netns = `/proc/${process.pid}/ns/net`): ChainElement {
  return (next) => ({
    request(request, call) {
      const mechanism = request.connection?.mechanism;
      if (mechanism?.type === KERNEL) {
        const { parameters } = mechanism;
        const name = parameters[PARAMETER.name] || interfaceNameFor(request.connection!.networkService);
        parameters[PARAMETER.name] = checkedName(name);
        parameters[PARAMETER.inodeUrl] = `file://${netns}`;
      }
      return next.request(request, call);
    },
    close: (connection, call) => next.close(connection, call),
  });
}

/**
 * The server's side of MEMIF: it is the memif master and names the socket on which the client connects.
 * @param socketOf path of the socket for a connection; the caller's own choice is overruled
 */
export function memifServer(socketOf: (connectionId: string) => string): ChainElement {
  return (next) => ({
    request(request, call) {
      const { connection } = request;
      if (connection?.mechanism?.type === MEMIF)
        connection.mechanism.parameters[PARAMETER.inodeUrl] = `file://${socketOf(connection.id)}`;
      return next.request(request, call);
    },
    close: (connection, call) => next.close(connection, call),
  });
}
