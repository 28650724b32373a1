import { VppClient } from "vpp-api-ts";
import { observe, observeFeatures, type ObservedState, type VppPort } from "../bridge/index.ts";
import { ControllerError } from "../controller/index.ts";

const CONNECT_MS = 5000;

/** What a VPP holds now; nothing is written. @throws ControllerError NO_VPP, VPP */
export async function observeVpp(socket: string, signal: AbortSignal): Promise<ObservedState> {
  const client = new VppClient({ socket, name: "vpplb-import" });
  const cancel = () => client.close();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    try {
      await client.connect({ deadlineMs: CONNECT_MS });
    } catch (cause) {
      const message = `no VPP answers on ${socket} (${(cause as Error).message}): name its socket with --vpp`;
      throw new ControllerError("NO_VPP", message, { cause });
    }
    const port: VppPort = {
      has: (message) => client.has(message),
      request: (message, fields) => client.requestUntyped(message, fields),
      dump: (message, fields) => client.dumpUntyped(message, fields),
      cli: (line) => client.cli(line),
    };
    return await observe(port, await observeFeatures(port), [0]);
  } catch (error) {
    throw ControllerError.from(error);
  } finally {
    signal.removeEventListener("abort", cancel);
    client.close();
  }
}
