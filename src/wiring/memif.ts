import { MEMIF, NsmError, PARAMETER, type Wiring, type WiringRequest } from "@networkservicemesh/sdk-ts";

/** MEMIF to MEMIF: the endpoint is master, and the client connects to its socket itself: only the socket is handed on. */
export class MemifHandOver implements Wiring {
  supports(client: string, endpoint: string): boolean {
    return client === MEMIF && endpoint === MEMIF;
  }

  wire({ client, endpoint }: WiringRequest): Promise<void> {
    const url = endpoint.parameters[PARAMETER.inodeUrl];
    if (url === undefined || url === "")
      return Promise.reject(new NsmError("INVALID", "the endpoint named no memif socket (inodeURL)"));
    client.parameters[PARAMETER.inodeUrl] = url;
    return Promise.resolve();
  }

  unwire(): Promise<void> {
    return Promise.resolve();
  }
}
