import { MEMIF, NsmError, PARAMETER, type Wiring, type WiringRequest } from "@networkservicemesh/sdk-ts";

/**
 * MEMIF to MEMIF: the endpoint is master, and the client connects to its socket itself: only the socket is handed on, a
 * file or an abstract name in a namespace.
 */
export class MemifHandOver implements Wiring {
  readonly #ids = new Set<string>();

  /** Connections that have a socket by it. */
  get size(): number {
    return this.#ids.size;
  }

  supports(client: string, endpoint: string): boolean {
    return client === MEMIF && endpoint === MEMIF;
  }

  wire({ id, client, endpoint }: WiringRequest): Promise<void> {
    const { [PARAMETER.inodeUrl]: url, [PARAMETER.socketFile]: name } = endpoint.parameters;
    if (url === undefined || url === "")
      return Promise.reject(new NsmError("INVALID", "the endpoint named no memif socket (inodeURL)"));
    client.parameters[PARAMETER.inodeUrl] = url;
    if (name === undefined) delete client.parameters[PARAMETER.socketFile];
    else client.parameters[PARAMETER.socketFile] = name;
    this.#ids.add(id);
    return Promise.resolve();
  }

  unwire(id: string): Promise<void> {
    this.#ids.delete(id);
    return Promise.resolve();
  }
}
