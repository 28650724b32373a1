import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Call,
  Channel,
  insecureTokens,
  memifMechanism,
  monitorConnections,
  newConnection,
  newSegment,
  NsmClient,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { until } from "../../sys/support.ts";
import { GoMesh, type Peer } from "./peer.ts";

const LIFETIME_S = 4;
const LIFETIMES = 3;
const TIMEOUT_MS = 1000;

/**
 * Connections that nobody touches while other things are tested: ours to a Go endpoint, and Go's to an endpoint of ours.
 * The tokens of their clients live for 4 s.
 */
export class Rest {
  readonly #mesh: GoMesh;
  readonly #abort = new AbortController();
  /** What the Go manager says of our client's connection. */
  readonly #told: string[] = [];
  readonly #healed: string[] = [];
  #startedMs = 0;
  #requests = 0;
  #client: NsmClient | undefined;
  #channel: Channel | undefined;
  #endpoint: Peer | undefined;

  constructor(program: string) {
    this.#mesh = new GoMesh(program, mkdtempSync(join(tmpdir(), "vpplb-gorest-")));
  }

  async start(): Promise<void> {
    const mesh = this.#mesh;
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint();
    this.#endpoint = await mesh.ourEndpoint({ service: "ours" });
    await this.#watch();
    await this.#connect();
    const limits = { lifetime: `${LIFETIME_S}s`, timeout: `${TIMEOUT_MS}ms` };
    const options = { role: "client", connect: mesh.url("nsmgr"), service: "ours", hold: true, ...limits } as const;
    await mesh.start("go", options).says("connected");
    this.#startedMs = Date.now();
  }

  /** Over three token lifetimes, or as long as is asked for: as many UP as Requests, no other state, no Close. */
  async verdict(restS: number): Promise<void> {
    const wholeMs = 1000 * Math.max(restS, LIFETIMES * LIFETIME_S);
    await until("the time of rest is over", () => Date.now() - this.#startedMs > wholeMs, wholeMs + 5000);
    // Both are refreshed each fifth of a lifetime; a busy machine may let some of them wait.
    const least = LIFETIMES * 2;
    assert.ok(this.#requests >= least, `our client was refreshed ${this.#requests} times`);
    assert.deepEqual(this.#healed, [], "our client lost nothing");
    // The last Request may still be on its way between the two.
    await until("as many UP as Requests", () => this.#told.length === this.#requests);
    assert.deepEqual([...new Set(this.#told)], ["UPDATE UP"]);
    const theirs = this.#endpoint!;
    assert.ok(theirs.all("request").length >= least, `its client was refreshed ${theirs.all("request").length} times`);
    assert.deepEqual(theirs.all("close"), []);
    const events = theirs.all("monitored");
    assert.ok(events.every(({ state }) => state === "UP"));
    await until("one UP for each Request", () => theirs.all("monitored").length === theirs.all("request").length);
  }

  async end(): Promise<void> {
    await this.#client?.shutdown();
    this.#abort.abort();
    this.#channel?.close();
    await this.#mesh.end();
    rmSync(this.#mesh.folder, { recursive: true, force: true });
  }

  async #watch(): Promise<void> {
    this.#channel = new Channel(this.#mesh.url("nsmgr"));
    const selector = { pathSegments: [newSegment({ name: "resting" })] };
    await monitorConnections(this.#channel, selector, new Call({ signal: this.#abort.signal }), {
      onEvent: ({ type, connections }) => {
        for (const { state } of Object.values(connections)) this.#told.push(`${type} ${state}`);
      },
      onEnd: (error) => this.#told.push(`end: ${error.message}`),
    });
  }

  async #connect(): Promise<void> {
    const count: ChainElement = (next) => ({
      request: async (request, call) => {
        const connection = await next.request(request, call);
        this.#requests += 1;
        return connection;
      },
      close: (connection, call) => next.close(connection, call),
    });
    this.#client = new NsmClient({
      name: "resting",
      url: this.#mesh.url("nsmgr"),
      tokens: insecureTokens("spiffe://test.com/subject", 1000 * LIFETIME_S),
      requestTimeoutMs: TIMEOUT_MS,
      heal: { onEvent: ({ type }) => this.#healed.push(type) },
      elements: [count],
    });
    const connection = newConnection({ networkService: "load-balancer" });
    await this.#client.request({ connection, mechanismPreferences: [memifMechanism()] });
  }
}
