import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  checkedName,
  fromTimestamp,
  ipContextOf,
  NsmError,
  OWN_ACCORD,
  PARAMETER,
  previousSegment,
  RESTORED,
  type Call,
  type ChainElement,
  type Connection,
  type Mechanism,
  type NetworkServiceRequest,
} from "@networkservicemesh/sdk-ts";
import type { Replanned } from "../controller/index.ts";
import { isExcluded } from "./addresses.ts";
import { writeContext } from "./context.ts";
import type { EndReason, NseEvent, ServedConnection } from "./events.ts";
import {
  hostOf,
  toServed,
  vppNameOf,
  tokensOf,
  withoutTokens,
  type ConnectionRecord,
  type LinkRecord,
  type Leaving,
} from "./record.ts";
import type { NseSettings } from "./settings.ts";
import { NEVER_UP } from "./standing.ts";
import { toLeaving, type ConnectionTable } from "./table.ts";
import { readWishes, takeWishes, type Wishes } from "./wishes.ts";

/** What the service needs of the agent. */
export interface ServiceHost {
  readonly settings: NseSettings;
  readonly table: ConnectionTable;
  /** A VPP is connected. */
  ready(): boolean;
  replan(reason: string): Promise<Replanned>;
  /** Keeps what outlives the agent. */
  save(): Promise<void>;
  tell(event: NseEvent): void;
  /** Kernel devices to be watched have changed. */
  watch(): void;
  /** What has to be done while the interface of an ending connection is still there. */
  beforeRemoval?(connection: ServedConnection): Promise<void> | undefined;
}

/** How long a Close waits for VPP to have nothing of the connection any more; it goes on by itself. */
const CLOSE_WAIT_MS = 10_000;
const SOCKET_POLL_MS = 10;

type MechanismType = "KERNEL" | "MEMIF";

/** What the endpoint does for a connection: the last element of its chain, and the first of its own. */
export class LbService {
  readonly #host: ServiceHost;

  constructor(host: ServiceHost) {
    this.#host = host;
  }

  /** Before all others of ours: a first Request that fails further on leaves nothing. */
  guard(): ChainElement {
    const { live } = this.#host.table;
    return (next) => ({
      request: async (request, call) => {
        const id = request.connection!.id;
        const isNew = !live.has(id);
        try {
          return await next.request(request, call);
        } catch (error) {
          if (isNew) this.#drop(id);
          const { code, message } = NsmError.from(error);
          const client = clientOf(request.connection!);
          this.#host.tell({
            type: "refused",
            at: now(),
            message: `${client} is refused: ${message}`,
            client,
            id,
            code,
          });
          throw error;
        }
      },
      close: (connection, call) => next.close(connection, call),
    });
  }

  serve(): ChainElement {
    return (next) => ({
      request: async (request, call) => {
        if (call.get(RESTORED) !== true) await this.#request(request, call);
        return next.request(request, call);
      },
      close: async (connection, call) => {
        try {
          await this.#close(connection.id, call.get(OWN_ACCORD) === true ? "expired" : "closed", call);
        } finally {
          await next.close(connection, call);
        }
      },
    });
  }

  /* ---- Request ---- */

  async #request(request: NetworkServiceRequest, call: Call): Promise<void> {
    const connection = request.connection!;
    // Without it nobody would ever end the connection.
    if (fromTimestamp(previousSegment(connection)?.expires) === undefined)
      throw new NsmError("INVALID", "the previous path segment has no expiration: the call brought no token");
    const wishes = readWishes(connection);
    const { live } = this.#host.table;
    // The last one of this id is on its way out.
    await orAborted(live.get(connection.id)?.removal ?? Promise.resolve(), call.signal);
    const record = live.get(connection.id);
    if (record === undefined) await this.#connect(request, wishes, call);
    else await this.#again(record, request, wishes, call);
  }

  async #connect(request: NetworkServiceRequest, wishes: Wishes, call: Call): Promise<void> {
    const { table, save, watch } = this.#host;
    const connection = request.connection!;
    this.#checkReady();
    const type = this.#mechanismOf(request, undefined);
    const record: ConnectionRecord = {
      id: connection.id,
      client: clientOf(connection),
      sinceMs: Date.now(),
      addresses: table.book.take(ipContextOf(connection)),
      link: this.#newLink(connection.id, type),
      memory: NEVER_UP,
      carrier: false,
      restored: false,
      renewing: false,
      told: { alive: false, drained: false },
      routes: [],
      connection,
      tokens: [],
    };
    table.live.set(record.id, record);
    takeWishes(record, wishes, Date.now());
    if (type === "MEMIF") await this.#applied(record, call);
    else watch();
    this.#answer(record, connection, this.#preferred(request, type));
    await save().catch(() => undefined);
    call.signal.throwIfAborted();
    this.#tellOf(
      record,
      { type: "connected" },
      `${record.client} is connected as ${record.addresses.map(hostOf).join(", ")}`,
    );
    if (record.drain !== undefined) this.#tellDrain(record);
  }

  async #again(record: ConnectionRecord, request: NetworkServiceRequest, wishes: Wishes, call: Call): Promise<void> {
    const { replan, save } = this.#host;
    const connection = request.connection!;
    const type = this.#mechanismOf(request, record.link.type);
    const moved = type !== record.link.type;
    const readdressed = isExcluded(record.addresses, ipContextOf(connection));
    if (moved || readdressed) this.#checkReady();
    if (readdressed) this.#readdress(record, connection);
    if (moved) await this.#relink(record, type, call);
    else if (readdressed) await replan(`${record.client} gets another address`);
    const wished = takeWishes(record, wishes, Date.now());
    if (wished !== undefined) {
      record.told.drained = false;
      await replan(`${record.client} ${wished === "undone" ? "ends its drain" : "drains"}`);
    }
    this.#answer(record, connection, this.#preferred(request, type));
    if (moved || readdressed) await save().catch(() => undefined);
    else void save().catch(() => undefined);
    this.#tellAgain(record, moved ? "mechanism" : readdressed ? "address" : undefined);
    if (wished === "started") this.#tellDrain(record);
    if (wished === "undone")
      this.#tellOf(record, { type: "drained", why: "undone" }, `${record.client} takes new flows again`);
  }

  #tellAgain(record: ConnectionRecord, changed: "mechanism" | "address" | undefined): void {
    const why = changed ?? (record.restored ? "restart" : undefined);
    record.restored = false;
    if (why === undefined) return this.#tellOf(record, { type: "refreshed" }, `${record.client} is refreshed`);
    this.#tellOf(record, { type: "healed", why }, `${record.client} is connected again`);
  }

  #tellDrain(record: ConnectionRecord): void {
    const { deadlineMs } = record.drain ?? {};
    const deadlineAt = deadlineMs === undefined ? undefined : new Date(deadlineMs).toISOString();
    const until = deadlineAt === undefined ? "" : ` until ${deadlineAt}`;
    this.#tellOf(
      record,
      { type: "drain_started", ...(deadlineAt === undefined ? {} : { deadlineAt }) },
      `${record.client} takes no new flows${until}`,
    );
  }

  #checkReady(): void {
    const { ready, table } = this.#host;
    if (!ready()) throw new NsmError("UNAVAILABLE", "the load-balancer has no VPP right now: try again");
    if (table.offer === undefined)
      throw new NsmError("UNAVAILABLE", "the load-balancer is starting and has not seen its VPP yet: try again");
  }

  /** The connection's own mechanism stays; else what it has if that is offered, else the first that is here. */
  #mechanismOf(
    { connection, mechanismPreferences }: NetworkServiceRequest,
    has: MechanismType | undefined,
  ): MechanismType {
    const { mechanisms } = this.#host.settings;
    const isHere = (type: string): type is MechanismType => mechanisms.some((each) => each === type);
    const given = connection?.mechanism?.type;
    const asked = given === undefined ? mechanismPreferences.map((each) => each.type) : [given];
    const usable = asked.filter(isHere);
    if (has !== undefined && (usable.includes(has) || asked.length === 0)) return has;
    const [first] = usable;
    if (first !== undefined) return first;
    throw new NsmError(
      "UNSUPPORTED",
      `none of the mechanisms ${asked.map((one) => JSON.stringify(one.slice(0, 32))).join(", ") || "(none)"} is here: only ${mechanisms.join(", ")}`,
    );
  }

  #preferred({ connection, mechanismPreferences }: NetworkServiceRequest, type: MechanismType): Mechanism {
    const given = connection?.mechanism ?? mechanismPreferences.find((each) => each.type === type);
    return { cls: "LOCAL", type, parameters: { ...given?.parameters } };
  }

  #newLink(id: string, type: MechanismType): LinkRecord {
    const { table, settings } = this.#host;
    const digest = createHash("sha256").update(id).digest("hex").slice(0, 10);
    if (type === "KERNEL") return { type, device: checkedName(`nsm-${digest}`) };
    const socket = table.nextSocket();
    return { type, socket, filename: join(settings.memifDirectory, `nsm-${digest}-${socket}.sock`) };
  }

  /** What the connection is now, as the client hears it. */
  #answer(record: ConnectionRecord, connection: Connection, mechanism: Mechanism): void {
    const { table, settings } = this.#host;
    const { link } = record;
    const { parameters } = mechanism;
    if (link.type === "KERNEL") {
      parameters[PARAMETER.name] = link.device;
      parameters[PARAMETER.inodeUrl] = `file://${settings.netns}`;
    } else {
      delete parameters[PARAMETER.socketFile];
      parameters[PARAMETER.inodeUrl] = `file://${link.filename}`;
    }
    connection.mechanism = mechanism;
    connection.networkServiceEndpointName ||= settings.name;
    if (table.offer !== undefined) record.routes = writeContext(connection, record, table.offer);
    record.connection = withoutTokens(connection);
    record.tokens = tokensOf(connection);
  }

  /** VPP has the interface, and for a memif its socket is there. @throws NsmError UNAVAILABLE */
  async #applied(record: ConnectionRecord, { signal }: Call): Promise<void> {
    const { table, replan } = this.#host;
    const result = await orAborted(replan(`${record.client} connects`), signal);
    const found = table.observed(record);
    const name = vppNameOf(record);
    if (!result.seen || found === undefined) {
      const failure = result.failed.find((one) => one.id.includes(name) || one.id.includes("memif socket"));
      const why = failure?.error ?? result.error ?? result.problems[0] ?? "it is away";
      throw new NsmError("UNAVAILABLE", `VPP could not make ${name}: ${why}`);
    }
    const { link } = record;
    if (link.type !== "MEMIF") return;
    while (!(await exists(link.filename))) {
      signal.throwIfAborted();
      await sleep(SOCKET_POLL_MS);
    }
  }

  /** The same client by another kind of interface. Where that fails it keeps the old one. */
  async #relink(record: ConnectionRecord, type: MechanismType, call: Call): Promise<void> {
    const { table, watch } = this.#host;
    const before = { link: record.link, memory: record.memory, carrier: record.carrier };
    const old: Leaving = { ...toLeaving(record), addresses: [] };
    record.link = this.#newLink(record.id, type);
    record.carrier = false;
    try {
      if (type === "MEMIF") await this.#applied(record, call);
      table.leave(old);
      watch();
      void this.#host.replan(`${record.client} changes its mechanism`);
    } catch (error) {
      table.leave({ ...toLeaving(record), addresses: [] });
      Object.assign(record, before);
      void this.#host.replan(`${record.client} keeps its mechanism`);
      throw error;
    }
  }

  #readdress(record: ConnectionRecord, connection: Connection): void {
    const { table } = this.#host;
    const addresses = table.book.take(ipContextOf(connection));
    table.leave({ addresses: record.addresses, interface: "" });
    record.addresses = addresses;
  }

  /** A first Request failed: as if it had never been. */
  #drop(id: string): void {
    const { table, replan, save } = this.#host;
    const record = table.live.get(id);
    if (record === undefined) return;
    table.live.delete(id);
    table.leave(toLeaving(record));
    void replan(`${record.client} did not connect`);
    void save().catch(() => undefined);
  }

  /* ---- Close ---- */

  async #close(id: string, reason: EndReason, call: Call): Promise<void> {
    const record = this.#host.table.live.get(id);
    if (record === undefined) return;
    record.removal ??= this.#remove(record, reason);
    const longest = sleep(CLOSE_WAIT_MS, undefined, { ref: false });
    await orAborted(Promise.race([record.removal, longest]), call.signal).catch(() => undefined);
  }

  /** Its server leaves at once, its interface when others have done what they do with it. Never rejects. */
  async #remove(record: ConnectionRecord, reason: EndReason): Promise<void> {
    const { table, replan, save, watch, beforeRemoval } = this.#host;
    const words = reason === "expired" ? "did not refresh its connection" : "closes its connection";
    const standing = table.standing(record);
    this.#tellOf(record, { type: "closing", reason }, `${record.client} ${words}`);
    const others = beforeRemoval?.(toServed(record, standing));
    if (others !== undefined) {
      // Once it is known that it goes.
      await Promise.resolve();
      void replan(`${record.client} ${words}`);
      await others.catch(() => undefined);
    }
    table.live.delete(record.id);
    table.leave(toLeaving(record));
    watch();
    const saved = save().catch(() => undefined);
    await replan(`${record.client} ${words}`);
    await saved;
    const at = now();
    const served = toServed(record, standing === "none" ? "none" : "down");
    this.#host.tell({ type: reason, at, message: `${record.client} is gone`, connection: served });
  }

  #tellOf(record: ConnectionRecord, what: OfRecord, message: string): void {
    const connection = toServed(record, this.#host.table.standing(record));
    this.#host.tell({ ...what, at: now(), message, connection });
  }
}

type OfRecord =
  | { readonly type: "connected" | "refreshed" }
  | { readonly type: "healed"; readonly why: "restart" | "mechanism" | "address" }
  | { readonly type: "closing"; readonly reason: EndReason }
  | { readonly type: "drain_started"; readonly deadlineAt?: string }
  | { readonly type: "drained"; readonly why: "undone" };

function clientOf({ path }: Connection): string {
  return path?.pathSegments[0]?.name ?? "";
}

function now(): string {
  return new Date().toISOString();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The work's outcome, unless the signal fires before; the work goes on by itself then. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(NsmError.from(signal.reason));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
