import type { Server } from "node:net";
import { listenUnix as listen, UnixListenError, type UnixListenOptions } from "../../sys/unix-listener.ts";
import { ApiServerError, type ApiServerErrorCode } from "./errors.ts";

export { socketInode } from "../../sys/unix-listener.ts";

const CODES: Readonly<Record<UnixListenError["code"], ApiServerErrorCode>> = {
  IN_USE: "ADDRESS_IN_USE",
  NOT_A_SOCKET: "NOT_A_SOCKET",
  LISTEN: "LISTEN",
  PATH: "LISTEN",
};

/** As `listenUnix` of sys. @throws ApiServerError */
export async function listenUnix(server: Server, path: string, options: UnixListenOptions): Promise<void> {
  try {
    await listen(server, path, options);
  } catch (cause) {
    throw cause instanceof UnixListenError ? new ApiServerError(CODES[cause.code], cause.message, cause) : cause;
  }
}
