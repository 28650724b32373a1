import { statSync } from "node:fs";
import { userInfo } from "node:os";
import type { ControlClient } from "../control/index.ts";
import { DEFAULT_CONTROL_SOCKET } from "../control/defaults.ts";
import type { Actor } from "../control/types.ts";
import type { Context } from "./context.ts";

/** What `withApi` hands out: the control client's methods, also where there is no controller. */
export type Api = Pick<ControlClient, "status" | "get" | "plan" | "apply" | "drain" | "vppctl" | "explain">;

export interface Where {
  /** From a file, where the command line names none. */
  readonly control?: string;
  readonly vpp?: string;
  readonly journal?: string;
  /** The command writes what is ours: the journal is used itself. */
  readonly write?: boolean;
}

const DEFAULT_VPP_SOCKET = "/run/vpp/api.sock";
const DEFAULT_JOURNAL = "/var/lib/vpplb/state.sqlite";

/** --control, VPPLB_CONTROL, the file's, or the default. */
export function controlSocket(context: Context, fromFile?: string): string {
  return context.options.control ?? process.env["VPPLB_CONTROL"] ?? fromFile ?? DEFAULT_CONTROL_SOCKET;
}

/**
 * Runs a command against the controller that runs, or, where none does, against VPP itself, saying so on standard
 * error. Who names VPP's socket gets the controller only if that is the controller's.
 */
export async function withApi<T>(
  context: Context,
  where: Where,
  use: (api: Api, direct: boolean) => Promise<T>,
): Promise<T> {
  const socket = controlSocket(context, where.control);
  const vpp = context.options.vpp;
  if (isSocket(socket)) {
    const { ControlClient } = await import("../control/index.ts");
    const client = new ControlClient({ socket });
    const cancel = () => client.close();
    context.signal.addEventListener("abort", cancel, { once: true });
    try {
      if (vpp === undefined) return await use(client, false);
      const running = await client.status();
      if (running.vpp.socket === vpp) return await use(client, false);
      context.note(`vpplb: the controller on ${socket} is of ${running.vpp.socket}: asking VPP on ${vpp} itself`);
    } catch (error) {
      if (!isNoController(error)) throw error;
    } finally {
      context.signal.removeEventListener("abort", cancel);
      client.close();
    }
  }
  return direct(context, socket, where, use);
}

async function direct<T>(
  context: Context,
  control: string,
  where: Where,
  use: (api: Api, direct: boolean) => Promise<T>,
): Promise<T> {
  const socket = context.options.vpp ?? where.vpp ?? DEFAULT_VPP_SOCKET;
  if (context.options.vpp === undefined) {
    const named = context.options.control ?? process.env["VPPLB_CONTROL"];
    if (named !== undefined || !isSocket(socket)) throw await noController(control);
    context.note(`vpplb: no controller on ${control}: asking VPP on ${socket} itself`);
  }
  const { withDirectVpp } = await import("../roles/direct.ts");
  const options = { socket, journal: where.journal ?? DEFAULT_JOURNAL, write: where.write === true };
  return withDirectVpp(options, context.signal, (api) =>
    use(
      {
        status: () => Promise.resolve(api.status()),
        get: (kind, options) => api.get(kind, options),
        plan: (yaml) => api.plan(yaml),
        apply: (yaml, opts) => api.apply(yaml, { ...opts, by: ourselves() }),
        drain: (server, opts) => api.drain(server, opts),
        explain: (flow) => api.explain(flow),
        vppctl: async (command, opts) => {
          const { judgeCommand, ControlError } = await import("../control/index.ts");
          const verdict = judgeCommand(command);
          if (verdict.readOnly) return api.vppctl(verdict.line);
          if (opts?.write === true) return api.vppctl(command);
          throw new ControlError("READ_ONLY", `${verdict.reason}: give --write if you mean it`);
        },
      },
      true,
    ),
  );
}

function ourselves(): Actor {
  const { uid, username } = userInfo();
  return { uid, pid: process.pid, user: username };
}

/** The error that the client itself would give. */
async function noController(socket: string): Promise<Error> {
  const { ControlError } = await import("../control/index.ts");
  return new ControlError(
    "NO_CONTROLLER",
    `no controller runs on ${socket}: start one with \`vpplb lb -f lb.yaml\`, name its socket with --control, or name VPP's with --vpp`,
  );
}

function isNoController(error: unknown): boolean {
  return (error as { code?: unknown }).code === "NO_CONTROLLER";
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch (error) {
    // Not allowed to look: let the attempt say so.
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
