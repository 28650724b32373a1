import type { ControlClient } from "../control/index.ts";
import { controlSocket } from "./connect.ts";
import type { Context } from "./context.ts";
import { readLbFile, whereOf } from "./file.ts";

export interface PastOptions {
  /** lb.yaml, which says where the state file and the control socket are. */
  readonly file?: string;
  readonly journal?: string;
}

export type PastApi = Pick<ControlClient, "history" | "explainAt">;

const DEFAULT_STATE = "/var/lib/vpplb/state.sqlite";

/** Asks the controller that runs, or, where none does or a state file is named, the file. */
export async function withHistory<T>(
  context: Context,
  options: PastOptions,
  use: (api: PastApi) => Promise<T>,
): Promise<T> {
  const where = options.file === undefined ? undefined : whereOf(await readLbFile(context, options.file));
  if (options.journal === undefined) {
    const { ControlClient } = await import("../control/index.ts");
    const client = new ControlClient({ socket: controlSocket(context, where?.control) });
    const cancel = () => client.close();
    context.signal.addEventListener("abort", cancel, { once: true });
    try {
      return await use(client);
    } catch (error) {
      const named = context.options.control ?? process.env["VPPLB_CONTROL"];
      if ((error as { code?: unknown }).code !== "NO_CONTROLLER" || named !== undefined) throw error;
    } finally {
      context.signal.removeEventListener("abort", cancel);
      client.close();
    }
  }
  const { withPast } = await import("../roles/past.ts");
  return withPast(options.journal ?? where?.journal ?? DEFAULT_STATE, use);
}
