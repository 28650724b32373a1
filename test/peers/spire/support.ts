import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  endpointChain,
  mechanisms,
  kernelServer,
  memifMechanism,
  memifServer,
  newConnection,
  receiveDescriptors,
  RegistryClient,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type ChainElement,
  type Connection,
  type Endpoint,
  type NsmClient,
  type NsmServer,
} from "@networkservicemesh/sdk-ts";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { fromSource, type NsmIdentity } from "../../../src/roles/nsm-identity.ts";
import { IdentitySource } from "../../../src/spiffe/index.ts";
import { GoMesh, type Options, type Peer } from "../nsm/peer.ts";
import { Spire, spireProgram, type SpireOptions } from "./spire.ts";

/** What was compiled before is in Go's cache: this is for linking. `npm run peers` takes as long as it takes. */
const BUILD_TIMEOUT_MS = 90_000;
/** For a suite's `before`, which may build. */
export const SUITE_TIMEOUT_MS = BUILD_TIMEOUT_MS + 360_000;

let building: Promise<readonly [string, string]> | undefined;

/** SPIRE's and NSM's, tried once for all suites. @throws BenchError SKIP */
function programs(): Promise<readonly [string, string]> {
  building ??= (async () => [await spireProgram(BUILD_TIMEOUT_MS), await buildGo("test/peers/nsm")] as const)();
  return building;
}

/** Go peers of which each has the SPIFFE ID of its name. */
export class SpireMesh extends GoMesh {
  readonly spire: Spire;

  constructor(program: string, folder: string, spire: Spire, common: Options = {}) {
    super(program, folder, { spiffe: spire.socket, ...common });
    this.spire = spire;
  }

  override start(name: string, options: Options): Peer {
    return super.start(name, { id: this.spire.id(name), ...options });
  }
}

/** SPIRE, started once for a suite; a mesh of Go peers for each test. */
export class World {
  readonly spire: Spire;
  readonly #program: string;
  #mesh: SpireMesh | undefined;
  #abort = new AbortController();

  private constructor(spire: Spire, program: string) {
    this.spire = spire;
    this.#program = program;
  }

  /** Skips the suite, and says why, where the programs cannot be had. */
  static async open(context: Mocha.Context, options: SpireOptions): Promise<World> {
    context.timeout(SUITE_TIMEOUT_MS);
    try {
      const [spire, program] = await programs();
      return new World(await Spire.start(spire, options), program);
    } catch (error) {
      if (!BenchError.is(error, "SKIP")) throw error;
      console.log(`      skipped: ${error.message} (npm run peers builds what can be built here)`);
      return context.skip();
    }
  }

  /** Of this test. */
  get mesh(): SpireMesh {
    return this.#mesh!;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(common: Options = {}): void {
    this.#abort = new AbortController();
    this.#mesh = new SpireMesh(this.#program, mkdtempSync(join(tmpdir(), "vpplb-spnsm-")), this.spire, common);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#mesh?.end();
    if (this.#mesh !== undefined) rmSync(this.#mesh.folder, { recursive: true, force: true });
  }

  /** An identity of this process, kept current until the test ends. */
  async own(name: string, lifetimeMs = 60_000): Promise<Own> {
    const options = { socket: this.spire.socket, id: this.spire.id(name), timeoutMs: 20_000 };
    const source = await IdentitySource.open(options, this.signal);
    return { ...fromSource(source, lifetimeMs), id: options.id, source };
  }

  /** An endpoint of ours; whoever calls it must prove who it is. */
  async serveEndpoint(identity: Own, listen = this.mesh.url("lb"), before?: ChainElement): Promise<OwnEndpoint> {
    const elements = [
      ...(before === undefined ? [] : [before]),
      sharedNetworkIpam({ prefix: "10.60.1.0/24" }),
      receiveDescriptors(),
      returnDescriptors(),
      mechanisms({ KERNEL: kernelServer(), MEMIF: memifServer(() => `${this.mesh.folder}/lb.sock`) }),
    ];
    const { tokens, authorize } = identity;
    const endpoint = endpointChain({ name: "lb", tokens, authorize, elements }, this.signal);
    const server = await serveNsm({ listen, services: endpoint.services, ...identity.server });
    return { ...endpoint, server };
  }

  /** Registers it at the manager. Closing lets go of it. */
  async register(identity: Own, url: string, onError = ignore): Promise<RegistryClient> {
    const registry = new RegistryClient({ url: this.mesh.url("nsmgr"), ...identity.client, onError });
    await registry.registerService({ name: "load-balancer", payload: "ETHERNET" });
    const labels = { "load-balancer": { labels: { app: "lb" } } };
    await registry.registerEndpoint({
      ...{ name: "lb", url, networkServiceNames: ["load-balancer"], networkServiceLabels: labels },
    });
    return registry;
  }

  /** The SPIFFE IDs along a path, without the trust domain. */
  ids(connection: Connection): string[] {
    return connection.path!.pathSegments.map(({ token }) => decoded(token).sub.replace(this.spire.id(""), ""));
  }
}

function ignore(_error: unknown, _what: string): unknown {
  return undefined;
}

/** An identity of this process, and what keeps it current. */
export interface Own extends NsmIdentity {
  readonly source: IdentitySource;
}

export interface OwnEndpoint extends Endpoint {
  readonly server: NsmServer;
}

export function request(client: NsmClient, mechanism = memifMechanism()): Promise<Connection> {
  const connection = newConnection({ networkService: "load-balancer" });
  return client.request({ connection, mechanismPreferences: [mechanism] });
}

/** Header and claims of a JWT; nothing of it is checked. */
export function decoded(token: string): { alg: string; sub: string; aud: string[]; exp: number } {
  const parts = token.split(".").slice(0, 2);
  const [header, claims] = parts.map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as object);
  return { ...header, ...claims } as { alg: string; sub: string; aud: string[]; exp: number };
}
