import {
  fromTimestamp,
  ipContextOf,
  NsmError,
  OWN_ACCORD,
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
import type { NseEvent, ServedConnection } from "./events.ts";
import { Leave } from "./leave.ts";
import { askedMechanism, chooseMechanism, nameLink, newLink, type MechanismType } from "./mechanism.ts";
import { vppNameOf, tokensOf, withoutTokens, type ConnectionRecord, type Leaving, type LinkRecord } from "./record.ts";
import type { NseSettings } from "./settings.ts";
import { NEVER_UP } from "./standing.ts";
import { toLeaving, type ConnectionTable } from "./table.ts";
import { Teller } from "./teller.ts";
import { fileThere, orAborted } from "./wait.ts";
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

/** What the endpoint does for a connection: the last element of its chain, and the first of its own. */
export class LbService {
  readonly #host: ServiceHost;
  readonly #teller: Teller;
  readonly #leave: Leave;

  constructor(host: ServiceHost) {
    this.#host = host;
    this.#teller = new Teller(host.table, host.tell);
    this.#leave = new Leave(host, this.#teller);
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
          if (isNew) this.#leave.drop(id);
          const { code, message } = NsmError.from(error);
          const client = clientOf(request.connection!);
          this.#host.tell({
            type: "refused",
            at: new Date().toISOString(),
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
          await this.#leave.close(connection.id, call.get(OWN_ACCORD) === true ? "expired" : "closed", call);
        } finally {
          await next.close(connection, call);
        }
      },
    });
  }

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
    const type = chooseMechanism(request, this.#host.settings.mechanisms, undefined);
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
    this.#answer(record, connection, askedMechanism(request, type));
    await save().catch(() => undefined);
    call.signal.throwIfAborted();
    this.#teller.connected(record);
  }

  async #again(record: ConnectionRecord, request: NetworkServiceRequest, wishes: Wishes, call: Call): Promise<void> {
    const { replan, save } = this.#host;
    const connection = request.connection!;
    const type = chooseMechanism(request, this.#host.settings.mechanisms, record.link.type);
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
    this.#answer(record, connection, askedMechanism(request, type));
    if (moved || readdressed) await save().catch(() => undefined);
    else void save().catch(() => undefined);
    this.#teller.again(record, moved ? "mechanism" : readdressed ? "address" : undefined);
    if (wished === "started") this.#teller.drains(record);
    if (wished === "undone") this.#teller.drainUndone(record);
  }

  #checkReady(): void {
    const { ready, table } = this.#host;
    if (!ready()) throw new NsmError("UNAVAILABLE", "the load-balancer has no VPP right now: try again");
    if (table.offer === undefined)
      throw new NsmError("UNAVAILABLE", "the load-balancer is starting and has not seen its VPP yet: try again");
  }

  #newLink(id: string, type: MechanismType): LinkRecord {
    const { table, settings } = this.#host;
    return newLink(id, type, settings, () => table.nextSocket());
  }

  /** What the connection is now, as the client hears it. */
  #answer(record: ConnectionRecord, connection: Connection, mechanism: Mechanism): void {
    const { table, settings } = this.#host;
    nameLink(mechanism, record.link, settings);
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
    if (link.type === "MEMIF") await fileThere(link.filename, signal);
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
}

function clientOf({ path }: Connection): string {
  return path?.pathSegments[0]?.name ?? "";
}
