import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ChannelCredentials } from "@grpc/grpc-js";
import {
  Call,
  chain,
  Channel,
  memifMechanism,
  newConnection,
  NsmClient,
  NsmError,
  remote,
  updatePath,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { SpiffeChannelCredentials, signToken } from "../../../src/spiffe/index.ts";
import { until } from "../../sys/support.ts";
import { request, World, type Own } from "./support.ts";

/** SPIRE's agent renews an SVID when half of its time, and of ten seconds before it, is over: 5 s of 20, 25 s of 60. */
const TTL_S = Number(process.env["VPPLB_SPIRE_TTL_S"] ?? 20);
const ROTATIONS = 3;
/** Of tokens: connections are refreshed after a fifth of it. */
const LIFETIME_MS = 750 * TTL_S;
/** Its own registrations do not outlive such short SVIDs. */
const STEADY = ["registry", "nsmgr", "forwarder"];
const ROTATING = ["client", "neighbour", "naive", "lb"];

describe("SPIRE: SVIDs that rotate under live connections", () => {
  let world: World;

  before(async function () {
    world = await World.open(this, {
      entries: [...STEADY.map((name) => ({ name })), ...ROTATING.map((name) => ({ name, ttlS: TTL_S }))],
    });
  });

  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  it(`${ROTATIONS} times in ${TTL_S} s: every connection stays up and is refreshed over new certificates`, async function () {
    this.timeout((ROTATIONS + 2) * TTL_S * 1000 + 60_000);
    const { mesh } = world;
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    const lb = await world.own("lb", LIFETIME_MS);
    const seen = new Refreshes();
    const endpoint = await world.serveEndpoint(lb, mesh.url("lb"), seen.element());
    const problems: string[] = [];
    // A watch may end and begin again; a registration may not fail.
    const note = (error: unknown, what: string) =>
      what.startsWith("registering") && problems.push(`${what}: ${String(error)}`);
    const registry = await world.register(lb, endpoint.server.url, note);

    const through = await clientOf("client", mesh.url("nsmgr"), problems);
    const direct = await clientOf("neighbour", endpoint.server.url, problems);
    const deleted: string[] = [];
    const identity = await world.own("naive", LIFETIME_MS);
    const naive = await Naive.open(identity, endpoint.server.url);
    const made = await Promise.all([request(through), request(direct)]);
    assert.equal(endpoint.monitor.connections.size, 2);
    const before = [...endpoint.monitor.connections.keys()].sort();
    const selector = { pathSegments: [] };
    endpoint.monitor.listen(selector, (event) => {
      if (event.type === "DELETE")
        deleted.push(...Object.values(event.connections).map((each) => world.ids(each).join(" ")));
    });
    await until("one has rotated", () => rotations(identity) >= 1, 2 * TTL_S * 1000);
    await naive.isRefused();

    await until("they have rotated", () => rotations(lb) >= ROTATIONS, (ROTATIONS + 2) * TTL_S * 1000);
    const count = seen.counts();
    await until(
      "each is refreshed once more",
      () => before.every((id) => seen.count(id) > count.get(id)!),
      TTL_S * 1000,
    );

    assert.deepEqual(problems, []);
    assert.deepEqual(deleted, []);
    assert.deepEqual([...endpoint.monitor.connections.keys()].sort(), before);
    // What its peer shows is what the neighbour has.
    const neighbours = before.find((id) => world.ids(endpoint.monitor.connections.get(id)!)[0] === "neighbour")!;
    assert.ok(seen.certificates(neighbours) >= ROTATIONS, `over ${seen.certificates(neighbours)} certificates`);
    assert.equal((await registry.findEndpoints({ name: "lb" })).length, 1, "it is registered still");
    await through.close(made[0]);
    await direct.close(made[1]);
    assert.equal(endpoint.monitor.connections.size, 0);
    await Promise.all([through.shutdown(), direct.shutdown()]);
    registry.close();
    await endpoint.server.close();
  });

  const counted = new WeakMap<Own, Set<number>>();

  function rotations(identity: Own): number {
    let ends = counted.get(identity);
    if (ends === undefined) {
      const all = new Set<number>();
      counted.set(identity, (ends = all));
      identity.source.identity$.subscribe((each) => each !== undefined && all.add(each.svid.expiresMs));
    }
    return ends.size - 1;
  }

  async function clientOf(name: string, url: string, problems: string[]): Promise<NsmClient> {
    const identity = await world.own(name, LIFETIME_MS);
    return new NsmClient({
      // A connection ends so long before its tokens expire as its Request had time.
      ...{ name, url, ...identity.client, requestTimeoutMs: LIFETIME_MS / 3 },
      refresh: { onError: (error) => problems.push(`${name}: ${String(error)}`) },
      heal: { onEvent: (event) => problems.push(`${name}: ${event.type} ${String(event.error)}`) },
    });
  }
});

/** What refreshes of each connection an endpoint saw, and over how many of the peer's certificates. */
class Refreshes {
  readonly #counts = new Map<string, number>();
  readonly #certificates = new Map<string, Set<string>>();

  element(): ChainElement {
    return (next) => ({
      request: (request, call) => {
        const { id } = request.connection!;
        this.#counts.set(id, this.count(id) + 1);
        const known = this.#certificates.get(id) ?? new Set();
        this.#certificates.set(id, known.add(createHash("sha256").update(call.peer!.certificate!).digest("hex")));
        return next.request(request, call);
      },
      close: (connection, call) => next.close(connection, call),
    });
  }

  count(id: string): number {
    return this.#counts.get(id) ?? 0;
  }

  counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }

  certificates(id: string): number {
    return this.#certificates.get(id)?.size ?? 0;
  }
}

/** Control: one that stays on its first connection and signs with its newest key, which is not that connection's. */
class Naive {
  readonly #ask: () => Promise<unknown>;

  private constructor(ask: () => Promise<unknown>) {
    this.#ask = ask;
  }

  static async open(identity: Own, url: string): Promise<Naive> {
    const credentials = new Unaware(identity.source);
    const tokens = (peer: { readonly spiffeId?: string } | undefined) =>
      signToken(identity.source.identity.svid, [peer?.spiffeId ?? ""], LIFETIME_MS);
    const service = chain(updatePath("naive"), remote(new Channel(url, { credentials, tokens })));
    const ask = () =>
      Call.within(10_000, (call) =>
        service.request(
          { connection: newConnection({ id: "naive", networkService: "x" }), mechanismPreferences: [memifMechanism()] },
          call,
        ),
      );
    const naive = new Naive(ask);
    const connection = (await ask()) as ReturnType<typeof newConnection>;
    await Call.within(10_000, (call) => service.close(connection, call));
    return naive;
  }

  async isRefused(): Promise<void> {
    await assert.rejects(
      this.#ask(),
      (error) => NsmError.is(error, "DENIED") && /is not signed by/.test(error.message),
    );
  }
}

/** Does not tell that its certificate has changed. */
class Unaware extends ChannelCredentials {
  readonly #inner: SpiffeChannelCredentials;

  constructor(source: Own["source"]) {
    super();
    this.#inner = new SpiffeChannelCredentials(() => source.identity);
  }

  override compose = () => this;
  override _isSecure = () => true;
  override _equals = (other: ChannelCredentials) => other === this;
  override _createSecureConnector(...args: Parameters<ChannelCredentials["_createSecureConnector"]>) {
    return this.#inner._createSecureConnector(...args);
  }
}
