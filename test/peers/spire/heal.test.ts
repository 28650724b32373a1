import assert from "node:assert/strict";
import {
  createManager,
  expiringEndpoints,
  memoryRegistries,
  NsmError,
  serveNsm,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { until } from "../../sys/support.ts";
import { World, type SpireMesh } from "./support.ts";

const TEST_TIMEOUT_MS = 60_000;
const CLIENTS = ["checking", "trusting"] as const;

/**
 * A refresh that fails, whatever the reason: Go's manager then forgets what its caller may monitor (authorize/server.go
 * of the sdk), and the stream that Go's client opens anew is refused; ours tells DOWN on it. The client heals either way.
 */
describe("SPIRE: a Go client's refresh that fails once at our endpoint", () => {
  let world: World;

  before(async function () {
    const names = ["registry", "nsmgr", "forwarder", "lb", ...CLIENTS];
    world = await World.open(this, { entries: names.map((name) => ({ name })) });
  });
  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  const managers: Readonly<Record<string, (mesh: SpireMesh) => Promise<void>>> = {
    "Go's": async (mesh) => {
      await mesh.registry();
      await mesh.manager();
    },
    our: async (mesh) => {
      const identity = await world.own("nsmgr");
      const memory = memoryRegistries();
      const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, world.signal) };
      const manager = createManager({ name: "nsmgr", registries, ...identity.client }, world.signal);
      const server = await serveNsm({ listen: mesh.url("nsmgr"), services: manager.services, ...identity.server });
      world.signal.addEventListener("abort", () => {
        manager.shutdown();
        void server.close();
      });
    },
  };

  for (const [name, start] of Object.entries(managers)) {
    it(`by ${name} manager: kept with a liveness check, closed and selected anew without one`, async function () {
      this.timeout(TEST_TIMEOUT_MS);
      const { mesh } = world;
      await start(mesh);
      await mesh.forwarder();
      const failing = new FailingOnce();
      const lb = await world.own("lb");
      const endpoint = await world.serveEndpoint(lb, mesh.url("lb"), failing.element());
      const registry = await world.register(lb, endpoint.server.url);
      // Refreshed after a fifth of its token's life.
      const common = { role: "client", connect: mesh.url("nsmgr"), hold: true, lifetime: "6s", timeout: "2s" } as const;
      const checking = mesh.start("checking", { ...common, alive: true });
      const trusting = mesh.start("trusting", common);
      await Promise.all([checking.says("connected"), trusting.says("connected")]);
      await until(
        "both are refreshed after the failure",
        () => CLIENTS.every((each) => failing.after(each).filter((what) => what === "UP").length >= 2),
        20_000,
      );
      assert.deepEqual(new Set(failing.after("checking")), new Set(["UP"]));
      assert.deepEqual(failing.after("trusting").slice(0, 2), ["close", "RESELECT_REQUESTED"]);
      assert.equal(endpoint.monitor.connections.size, 2);
      await Promise.all([checking.end(), trusting.end()]);
      registry.close();
      await endpoint.server.close();
    });
  }
});

/** Refuses the first refresh of each client, and keeps what came after that. */
class FailingOnce {
  readonly #seen = new Map<string, string[]>();

  element(): ChainElement {
    return (next) => ({
      request: (request, call) => {
        const connection = request.connection!;
        const seen = this.#of(connection.path!.pathSegments[0]!.name);
        seen.push(connection.state ?? "UP");
        if (seen.length === 2) throw new NsmError("UNAVAILABLE", "once");
        return next.request(request, call);
      },
      close: (connection, call) => {
        this.#of(connection.path!.pathSegments[0]!.name).push("close");
        return next.close(connection, call);
      },
    });
  }

  /** What came after the refresh that failed. */
  after(client: string): readonly string[] {
    return this.#of(client).slice(2);
  }

  #of(client: string): string[] {
    const seen = this.#seen.get(client) ?? [];
    this.#seen.set(client, seen);
    return seen;
  }
}
