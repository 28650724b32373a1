import { setTimeout as sleep } from "node:timers/promises";
import { Hooks, type HookCall, type HookEvent, type HookOutcome } from "../hooks/hooks.ts";
import type { NseEvent, ServedConnection } from "../nse/index.ts";

/** What hooks are told beside the events. */
export interface NseHooksOptions {
  /** Absent: nothing is ever run. */
  readonly program?: string;
  readonly timeoutMs: number;
  readonly parallel: number;
  /** A server that was there before VPP was another one is waited for so long. */
  readonly linkLossMs: number;
  /** Inherited, with what `more` says where it says nothing. */
  readonly env: NodeJS.ProcessEnv;
  /** `IP_ADDRESS` and the like, as this endpoint has them. */
  readonly more: Readonly<Record<string, string>>;
  /** VIPs as they are now. */
  readonly vips: () => readonly string[];
  /** Connections as they are now. */
  readonly connections: () => readonly ServedConnection[];
  readonly onLine: (line: string, call: HookCall) => void;
  readonly onOutcome: (outcome: HookOutcome) => void;
}

/** When the agent ends, hooks that run or wait are given so long. */
const LAST_MS = 5000;

/**
 * Runs the hook on what happens at the endpoint.
 * - `endpoint_started` once the endpoint is registered (or connections came back with the agent) and VPP is as it should
 *   be, and again whenever VPP is another one, with the servers that were there before; alone, before all that follows.
 *   Servers that are there come after it.
 * - `new_connection` when a client's interface works, `server_down` when it does not any more, `del_connection` before
 *   the interface is removed: for each of its addresses, those of one connection one after another.
 * - `vip_added` and `vip_removed` alone.
 */
export class NseHooks {
  readonly #options: NseHooksOptions;
  readonly #hooks: Hooks;
  /** Addresses that the hook was told of, by connection. */
  readonly #servers = new Map<string, Set<string>>();
  readonly #leaving = new Map<string, Promise<unknown>>();
  /** There is a reason to start, VPP is as it should be, and the hook was told. */
  readonly #start = { due: false, settled: false, told: false };
  /**
   * Connections that were servers and will be again in a moment: a hook that opened a new VPP with some of them would have
   * the flows of all the others stick to those.
   */
  readonly #returning = new Set<string>();
  #returningTimer: NodeJS.Timeout | undefined;

  constructor(options: NseHooksOptions) {
    this.#options = options;
    const { program, timeoutMs, parallel, onLine, onOutcome } = options;
    const set = Object.entries(options.env).filter(([, value]) => value !== undefined && value !== "");
    const env = { ...options.more, ...Object.fromEntries(set) };
    this.#hooks = new Hooks({
      ...(program === undefined ? {} : { program }),
      env,
      timeoutMs,
      parallel,
      onLine,
      onOutcome,
    });
  }

  get running(): number {
    return this.#hooks.running;
  }

  get waiting(): number {
    return this.#hooks.waiting;
  }

  get configured(): boolean {
    return this.#hooks.configured;
  }

  /** Why the hook cannot be run. */
  problem(): string | undefined {
    return this.#hooks.problem();
  }

  handle(event: NseEvent): void {
    if (!this.configured) return;
    switch (event.type) {
      case "endpoint_started":
        return this.due();
      case "vpp_restarted":
        Object.assign(this.#start, { settled: false, told: false });
        this.#await([...this.#servers.keys()]);
        return this.#servers.clear();
      case "server_up":
        return this.#comes(event.connection);
      case "server_down":
        return this.#isDown(event.connection);
      case "drained":
        return event.why === "undone" ? this.#comes(event.connection) : this.#isDown(event.connection);
      case "healed":
        return this.#changes(event.connection);
      case "closing":
        return this.#goes(event.connection);
      case "refused":
        return this.#isDropped(event.id);
      case "closed":
      case "expired":
        return void this.#leaving.delete(event.connection.id);
      case "vip_added":
      case "vip_removed":
        return this.#vipChanges(event.type, event.prefix);
      default:
        return undefined;
    }
  }

  /** Connections came back with the agent, as servers. */
  restored(): void {
    this.#await(
      this.#options
        .connections()
        .filter(({ server }) => server === "up")
        .map(({ id }) => id),
    );
    this.due();
  }

  /** There are connections to serve, or the endpoint is registered. */
  due(): void {
    this.#start.due = true;
    this.#startNow();
  }

  /** VPP is as it should be, or cannot be made so. */
  settled(): void {
    this.#start.settled = true;
    this.#startNow();
  }

  /**
   * What an ending connection's interface waits for: its `del_connection`, waiting time included, for the hook's deadline
   * at most. Never rejects; undefined: nothing.
   */
  beforeRemoval({ id }: ServedConnection): Promise<void> | undefined {
    const told = this.#leaving.get(id);
    if (told === undefined) return undefined;
    const ended = new AbortController();
    const deadline = sleep(this.#options.timeoutMs, undefined, { signal: ended.signal }).catch(() => undefined);
    return Promise.race([told, deadline]).then(() => ended.abort());
  }

  /** Gives what runs some time. */
  async close(): Promise<void> {
    clearTimeout(this.#returningTimer);
    await this.#hooks.close(Math.min(LAST_MS, this.#options.timeoutMs));
  }

  #await(ids: readonly string[]): void {
    if (ids.length === 0 || !this.configured) return;
    for (const id of ids) this.#returning.add(id);
    clearTimeout(this.#returningTimer);
    const enough = () => {
      this.#returning.clear();
      this.#startNow();
    };
    this.#returningTimer = setTimeout(enough, this.#options.linkLossMs);
  }

  /** Those that are there again, and those that will not come, are waited for no longer. */
  #allReturned(): boolean {
    if (this.#returning.size === 0) return true;
    const served = new Map(this.#options.connections().map(({ id, server }) => [id, server]));
    for (const id of this.#returning) {
      if (!served.has(id) || served.get(id) === "up" || this.#leaving.has(id)) this.#returning.delete(id);
    }
    return this.#returning.size === 0;
  }

  #startNow(): void {
    const { due, settled, told } = this.#start;
    if (!due || !settled || told || !this.configured || !this.#allReturned()) return;
    this.#start.told = true;
    const up = this.#options.connections().filter(({ id, server }) => server === "up" && !this.#leaving.has(id));
    for (const { id, addresses } of up) this.#servers.set(id, new Set(addresses));
    void this.#run("endpoint_started", [], {
      exclusive: true,
      input: { event: "endpoint_started", vips: this.#options.vips() },
    });
    for (const connection of up) void this.#tell("new_connection", connection, connection.addresses);
  }

  #comes(connection: ServedConnection): void {
    // Until then it waits for endpoint_started, which brings it along.
    if (!this.#start.told) return this.#startNow();
    if (this.#leaving.has(connection.id)) return;
    this.#servers.set(connection.id, new Set(connection.addresses));
    void this.#tell("new_connection", connection, connection.addresses);
  }

  #isDown(connection: ServedConnection): void {
    if (this.#leaving.has(connection.id) || !this.#servers.has(connection.id)) return;
    this.#servers.delete(connection.id);
    void this.#tell("server_down", connection, connection.addresses);
  }

  /** It may have other addresses than before. */
  #changes(connection: ServedConnection): void {
    const before = this.#servers.get(connection.id);
    if (before === undefined) return;
    const now = new Set(connection.addresses);
    this.#servers.set(connection.id, now);
    void this.#tell(
      "del_connection",
      connection,
      [...before].filter((address) => !now.has(address)),
    );
    void this.#tell(
      "new_connection",
      connection,
      [...now].filter((address) => !before.has(address)),
    );
  }

  #goes(connection: ServedConnection): void {
    const addresses = new Set([...(this.#servers.get(connection.id) ?? []), ...connection.addresses]);
    this.#servers.delete(connection.id);
    this.#leaving.set(connection.id, this.#tell("del_connection", connection, [...addresses]));
    this.#startNow();
  }

  /** A first Request failed after its interface had come. */
  #isDropped(id: string): void {
    const addresses = this.#servers.get(id);
    if (addresses === undefined || this.#options.connections().some((one) => one.id === id)) return;
    this.#servers.delete(id);
    const event = "del_connection";
    for (const address of addresses) void this.#run(event, [address], { key: id, input: { event, address, id } });
  }

  #vipChanges(event: "vip_added" | "vip_removed", prefix: string): void {
    // Before it has started, it is started with them.
    if (this.#start.told)
      void this.#run(event, [prefix], { exclusive: true, input: { event, prefix, vips: this.#options.vips() } });
  }

  #tell(event: HookEvent, connection: ServedConnection, addresses: readonly string[]): Promise<unknown> {
    const runs = addresses.map((address) =>
      this.#run(event, [address], { key: connection.id, input: { event, address, ...connection } }),
    );
    return Promise.all(runs);
  }

  #run(event: HookEvent, args: readonly string[], more: Partial<HookCall>): Promise<HookOutcome> {
    const env = {
      VPPLB_VIPS: this.#options.vips().join(" "),
      VPPLB_SERVERS: [...this.#servers.values()].flatMap((addresses) => [...addresses]).join(" "),
    };
    return this.#hooks.run({ event, args, env, ...more });
  }
}
