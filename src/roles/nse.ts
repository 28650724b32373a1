import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { NseAgent, resolveSettings, type NseEvent, type NseSettings } from "../nse/index.ts";
import { runController, type Attached, type ControllerParts, type ControllerRoleOptions } from "./controller.ts";
import { openIdentity } from "./nsm-identity.ts";

export interface NseRoleOptions extends Omit<ControllerRoleOptions, "attach"> {
  /** Default this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Clear text without identities, whatever file and environment say. */
  readonly insecure?: boolean;
  /** Hears what happens at the endpoint. */
  readonly onNseEvent?: (event: NseEvent) => void;
  /** Called with the endpoint once it serves. */
  readonly onServing?: (agent: NseAgent, settings: NseSettings) => void;
}

/** File of the connections, beside the journal. */
const CONNECTIONS = "connections.json";

/**
 * `vpplb nse`: what `vpplb lb` does, and the load-balancer endpoint on the same controller, until the signal fires.
 * Connections and VPP stay; the next start takes them up.
 * @throws as runController; NseError INPUT, STATE; SpiffeError; NsmError; KernelError
 */
export async function runNse(options: NseRoleOptions, signal: AbortSignal): Promise<void> {
  await runController({ ...options, attach: (parts) => attach(parts, options, signal) }, signal);
}

async function attach(parts: ControllerParts, options: NseRoleOptions, signal: AbortSignal): Promise<Attached> {
  const { controller, settings: file, desired, api, journal } = parts;
  const around = { env: options.env ?? process.env, hostname: hostname(), api, pid: process.pid };
  const settings = resolveSettings(file, desired, around);
  const { name, spiffe, maxTokenLifetimeMs } = settings;
  const identity = await openIdentity(
    { spiffeSocket: spiffe, insecure: options.insecure ?? settings.insecure, name, maxTokenLifetimeMs },
    signal,
  );
  try {
    const { onNseEvent: onEvent } = options;
    const agent = await NseAgent.open({
      settings,
      controller,
      identity,
      state: join(dirname(journal), CONNECTIONS),
      ...(onEvent === undefined ? {} : { onEvent }),
    });
    return {
      start: async () => {
        await agent.serve();
        options.onServing?.(agent, settings);
      },
      close: async () => {
        await agent.close();
        identity.close();
      },
    };
  } catch (error) {
    identity.close();
    throw error;
  }
}
