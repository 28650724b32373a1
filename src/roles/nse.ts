import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { Subject } from "rxjs";
import { previousSegment, fromTimestamp } from "@networkservicemesh/sdk-ts";
import type { HookOutcome } from "../hooks/hooks.ts";
import {
  bviNameOf,
  NseAgent,
  resolveSettings,
  type NseCall,
  type NseEvent,
  type NseSettings,
  type ServedConnection,
} from "../nse/index.ts";
import type { LogEntry } from "../observe/events.ts";
import type { Check } from "../observe/health.ts";
import { logOfHook, logOfHookLine, logOfNse } from "../observe/nse-log.ts";
import { runController, type Attached, type ControllerParts, type ControllerRoleOptions } from "./controller.ts";
import { NseHooks } from "./nse-hooks.ts";
import { openIdentity, type NsmIdentity } from "./nsm-identity.ts";

export interface NseRoleOptions extends Omit<ControllerRoleOptions, "attach"> {
  /** Default this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Clear text without identities, whatever file and environment say. */
  readonly insecure?: boolean;
  /** Hears what happens at the endpoint. */
  readonly onNseEvent?: (event: NseEvent) => void;
  /** Hears how each run of the hook ended. */
  readonly onHook?: (outcome: HookOutcome) => void;
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
  const { settings: file, desired, api } = parts;
  const around = { env: options.env ?? process.env, hostname: hostname(), api, pid: process.pid };
  const settings = resolveSettings(file, desired, around);
  const { name, spiffe, maxTokenLifetimeMs } = settings;
  const identity = await openIdentity(
    { spiffeSocket: spiffe, insecure: options.insecure ?? settings.insecure, name, maxTokenLifetimeMs },
    signal,
  );
  const endpoint = new ObservedEndpoint(parts, settings, options);
  try {
    const agent = await endpoint.open(identity);
    return {
      start: async () => {
        await agent.serve();
        options.onServing?.(agent, settings);
      },
      close: async () => {
        await endpoint.close();
        identity.close();
      },
    };
  } catch (error) {
    await endpoint.close();
    identity.close();
    throw error;
  }
}

/** The endpoint with whoever hears what happens at it: hooks, log, metrics. */
class ObservedEndpoint {
  readonly #parts: ControllerParts;
  readonly #settings: NseSettings;
  readonly #options: NseRoleOptions;
  readonly #log: (entry: LogEntry) => void;
  readonly #events = new Subject<NseEvent>();
  readonly #calls = new Subject<NseCall>();
  readonly #outcomes = new Subject<HookOutcome>();
  readonly #hooks: NseHooks;
  #agent: NseAgent | undefined;
  #controller: { unsubscribe(): void } | undefined;

  constructor(parts: ControllerParts, settings: NseSettings, options: NseRoleOptions) {
    this.#parts = parts;
    this.#settings = settings;
    this.#options = options;
    this.#log = options.log ?? (() => undefined);
    this.#hooks = this.#makeHooks();
  }

  #makeHooks(): NseHooks {
    const { hook, linkLossMs, networks, bridge, mtu, defaultVips } = this.#settings;
    const { desired } = this.#parts;
    const vips = [...defaultVips, ...desired.vips.map((vip) => vip.prefix)];
    return new NseHooks({
      ...hook,
      linkLossMs,
      env: this.#options.env ?? process.env,
      more: {
        IP_ADDRESS: networks.map(({ prefix }) => prefix).join(","),
        VIP_ADDRESS: [...new Set(vips)].join(","),
        VPPLB_BRIDGE: String(bridge),
        VPPLB_BVI: bviNameOf(desired, this.#settings),
        VPPLB_MTU: String(mtu),
      },
      vips: () => this.#agent?.vips ?? [],
      connections: () => this.#agent?.connections ?? [],
      onLine: (line, call) => this.#log(logOfHookLine(line, call)),
      onOutcome: (outcome) => {
        this.#outcomes.next(outcome);
        this.#options.onHook?.(outcome);
        const entry = logOfHook(outcome);
        if (entry !== undefined) this.#log(entry);
      },
    });
  }

  async open(identity: NsmIdentity): Promise<NseAgent> {
    const { controller, journal, pages } = this.#parts;
    const problem = this.#hooks.problem();
    if (problem !== undefined) this.#log(unusable(problem));
    this.#controller = controller.events$.subscribe((event) => {
      if (event.type !== "sync") return;
      if (event.state === "in-sync" || event.state === "paced" || event.state === "error") this.#hooks.settled();
    });
    pages?.add(await this.#pages(identity));
    this.#agent = await NseAgent.open({
      settings: this.#settings,
      controller,
      identity,
      state: join(dirname(journal), CONNECTIONS),
      onEvent: (event) => this.#tell(event),
      onCall: (call) => this.#calls.next(call),
      beforeRemoval: (connection) => this.#hooks.beforeRemoval(connection),
    });
    // They are served whether the endpoint can be registered or not.
    if (this.#agent.connections.length > 0) this.#hooks.restored();
    return this.#agent;
  }

  async close(): Promise<void> {
    await this.#agent?.close();
    await this.#hooks.close();
    this.#controller?.unsubscribe();
    for (const subject of [this.#events, this.#calls, this.#outcomes]) subject.complete();
  }

  #tell(event: NseEvent): void {
    this.#log(logOfNse(event));
    this.#options.onNseEvent?.(event);
    this.#events.next(event);
    this.#hooks.handle(event);
  }

  /** Loaded only where pages are served. */
  async #pages(identity: NsmIdentity) {
    const { nseMetrics } = await import("../observe/metrics/nse.ts");
    const registration = () => this.#agent?.registration ?? { registered: false };
    return {
      metrics: nseMetrics,
      source: {
        events$: this.#events,
        calls$: this.#calls,
        hooks$: this.#outcomes,
        connections: () => this.#agent?.connections ?? [],
        counts: () => this.#agent?.counts ?? { leaving: 0, addresses: 0, monitors: 0 },
        registration,
        hooks: () => this.#hooks,
        svidExpiresMs: () => identity.expiresMs,
        firstTokenExpiresMs: () => firstExpiryMs(this.#agent?.connections ?? []),
      },
      ready: (): Check[] => {
        const { registered, name, error } = registration();
        const why = error === undefined ? "" : `: ${error}`;
        return [
          { name: "nsm", ok: registered, message: registered ? `registered as ${name ?? ""}` : `not registered${why}` },
        ];
      },
    };
  }
}

function unusable(problem: string): LogEntry {
  const message = `NSE_HOOK cannot be run: ${problem}`;
  return { event: "hook-failed", message, hook: "", args: [], ms: 0, result: "missing" };
}

/** When the first of the connections ends, unless its client refreshes it. */
function firstExpiryMs(connections: readonly ServedConnection[]): number | undefined {
  const times = connections
    .map(({ connection }) => fromTimestamp(previousSegment(connection)?.expires))
    .filter((time) => time !== undefined);
  return times.length === 0 ? undefined : times.reduce((first, time) => Math.min(first, time));
}
