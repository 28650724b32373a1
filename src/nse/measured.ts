import { NsmError, type NetworkService } from "@networkservicemesh/sdk-ts";
import type { NseCall } from "./events.ts";

/** The service, with every call told when it is over. */
export function measured(service: NetworkService, onCall: (call: NseCall) => void): NetworkService {
  const measure = async <T>(method: NseCall["method"], work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const tell = (code: string) => onCall({ method, code, durationMs: performance.now() - startedMs });
    try {
      const answer = await work();
      tell("OK");
      return answer;
    } catch (error) {
      tell(NsmError.from(error).code);
      throw error;
    }
  };
  return {
    request: (request, call) => measure("Request", () => service.request(request, call)),
    close: (connection, call) => measure("Close", () => service.close(connection, call)),
  };
}
