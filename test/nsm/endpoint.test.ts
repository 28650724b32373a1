import assert from "node:assert/strict";
import {
  endpointChain,
  insecureTokens,
  kernelMechanism,
  kernelServer,
  mechanisms,
  newConnection,
  NsmClient,
  NsmError,
  pointToPointIpam,
  receiveDescriptors,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type ChainElement,
  type Endpoint,
  type NsmClientOptions,
  type NsmServer,
} from "@networkservicemesh/sdk-ts";
import { openFds, until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

interface Scene {
  readonly endpoint: Endpoint;
  readonly server: NsmServer;
  client(options?: Partial<NsmClientOptions>): NsmClient;
}

async function scene(
  elements: readonly ChainElement[],
  work: (scene: Scene) => Promise<void>,
  options: { lifetimeMs?: number; tcp?: boolean } = {},
): Promise<void> {
  await inFolder(async (folder, signal) => {
    const tokens = insecureTokens("spiffe://test/endpoint", options.lifetimeMs);
    const endpoint = endpointChain({ name: "endpoint", tokens, elements }, signal);
    const listen = options.tcp === true ? "tcp://127.0.0.1:0" : `unix://${folder}/nse.sock`;
    const server = await serveNsm({ listen, services: endpoint.services });
    const clients: NsmClient[] = [];
    const client = (more: Partial<NsmClientOptions> = {}) => {
      const clientTokens = insecureTokens("spiffe://test/client", options.lifetimeMs);
      const made = new NsmClient({ name: "client", url: server.url, tokens: clientTokens, ...more });
      clients.push(made);
      return made;
    };
    try {
      await work({ endpoint, server, client });
    } finally {
      await Promise.all(clients.map((each) => each.shutdown()));
      await server.close();
    }
  });
}

describe("nsm: a client and an endpoint", () => {
  for (const tcp of [false, true]) {
    it(`Request, refresh by hand, Close over ${tcp ? "TCP" : "a unix socket"}`, async () => {
      const elements = [sharedNetworkIpam({ prefix: "10.60.1.0/24" }, { prefix: "2001:db8:60::/64" })];
      await scene(
        elements,
        async ({ client, endpoint }) => {
          const nsc = client();
          const made = await nsc.request({ connection: newConnection({ networkService: "load-balancer" }) });
          assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24", "2001:db8:60::2/64"]);
          assert.deepEqual(made.context.ipContext.dstIpAddrs, ["10.60.1.1/24", "2001:db8:60::1/64"]);
          assert.deepEqual(
            made.path?.pathSegments.map((segment) => segment.name),
            ["client", "endpoint"],
          );
          assert.equal(made.path.index, 0);
          assert.equal(endpoint.monitor.connections.size, 1);
          const again = await nsc.request({ connection: made });
          assert.deepEqual(again.context, made.context);
          await nsc.close(again);
          assert.equal(endpoint.monitor.connections.size, 0);
        },
        { tcp },
      );
    });
  }

  it("refreshes by itself over several lifetimes of its tokens; without, the endpoint lets the connection go", async () => {
    await scene(
      [pointToPointIpam("172.16.0.0/24")],
      async ({ client, endpoint }) => {
        const kept = await client({ name: "kept" }).request({ connection: newConnection({ networkService: "a" }) });
        const left = client({ name: "left", refresh: { clock: { now: Date.now, after: () => undefined } }, heal: {} });
        await left.request({ connection: newConnection({ networkService: "a" }) });
        assert.equal(endpoint.monitor.connections.size, 2);
        await until("the one that does not refresh is gone", () => endpoint.monitor.connections.size === 1, 20_000);
        const [connection] = endpoint.monitor.connections.values();
        assert.equal(connection?.path?.pathSegments[0]?.id, kept.id);
        // The one that was let go heals, and is there again.
        const ofKept = () =>
          [...endpoint.monitor.connections.values()].find((one) => one.path?.pathSegments[0]?.id === kept.id);
        const expires = () => ofKept()?.path?.pathSegments[0]?.expires?.seconds ?? 0;
        const first = expires();
        await until("tokens are renewed again and again", () => expires() >= first + 4, 20_000);
        assert.deepEqual(ofKept()?.context?.ipContext?.srcIpAddrs, ["172.16.0.1/32"]);
      },
      { lifetimeMs: 2500 },
    );
  });

  it("passes the descriptor of a namespace both ways, and keeps none", async () => {
    const seen: string[] = [];
    const look: ChainElement = (next) => ({
      request(request, call) {
        seen.push(request.connection!.mechanism!.parameters["inodeURL"] ?? "");
        return next.request(request, call);
      },
      close(connection, call) {
        seen.push(connection.mechanism!.parameters["inodeURL"] ?? "");
        return next.close(connection, call);
      },
    });
    const elements = [
      receiveDescriptors(),
      returnDescriptors(),
      mechanisms({ KERNEL: (next) => look(kernelServer()(next)) }),
    ];
    const before = openFds();
    await scene(elements, async ({ client }) => {
      const nsc = client();
      const made = await nsc.request({
        connection: newConnection({ networkService: "a" }),
        mechanismPreferences: [kernelMechanism("nsm0")],
      });
      assert.match(seen[0] ?? "", new RegExp(`^file:///proc/${process.pid}/fd/\\d+$`));
      assert.equal(made.mechanism?.parameters["inodeURL"], `file:///proc/${process.pid}/ns/net`);
      const again = await nsc.request({ connection: made });
      await nsc.close(again);
      assert.match(seen.at(-1) ?? "", new RegExp(`^file:///proc/${process.pid}/fd/\\d+$`));
    });
    await until("no descriptor is left", () => openFds() <= before);
  });

  it("heals: another endpoint comes up under the same name", async () => {
    await inFolder(async (folder, signal) => {
      const url = `unix://${folder}/nse.sock`;
      const serve = async () => {
        const tokens = insecureTokens("spiffe://test/endpoint");
        const endpoint = endpointChain(
          { name: "endpoint", tokens, elements: [sharedNetworkIpam({ prefix: "10.60.1.0/24" })] },
          signal,
        );
        return { endpoint, server: await serveNsm({ listen: url, services: endpoint.services }) };
      };
      const first = await serve();
      const events: string[] = [];
      const nsc = new NsmClient({
        name: "client",
        url,
        tokens: insecureTokens("spiffe://test/client"),
        heal: { onEvent: (event) => events.push(event.type) },
      });
      const made = await nsc.request({ connection: newConnection({ networkService: "a" }) });
      await first.server.close();
      await until("the loss is seen", () => events.includes("control-plane-down"));
      const second = await serve();
      await until("it is healed", () => events.at(-1) === "healed", 15_000);
      const [healed] = second.endpoint.monitor.connections.values();
      assert.deepEqual(healed?.context?.ipContext?.srcIpAddrs, made.context?.ipContext?.srcIpAddrs);
      await nsc.close(made);
      assert.equal(second.endpoint.monitor.connections.size, 0);
      await nsc.shutdown();
      await second.server.close();
    });
  });

  it("refuses what is malformed with the right code, and goes on", async () => {
    await scene([pointToPointIpam("172.16.0.0/31")], async ({ client, endpoint }) => {
      const nsc = client();
      const refused = (request: Parameters<NsmClient["request"]>[0], code: string, what: RegExp) =>
        assert.rejects(nsc.request(request), (error) => {
          assert.ok(error instanceof NsmError);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, what);
          return true;
        });
      const huge = newConnection({ networkService: "x".repeat(2000) });
      await refused({ connection: huge }, "INVALID", /network service of 2000 characters/);
      const wrong = newConnection({
        id: "a",
        path: { index: 0, pathSegments: [{ name: "other", id: "b", token: "", expires: null, metrics: {} }] },
      });
      await refused({ connection: wrong }, "INVALID", /path segment 0 has id b/);
      assert.equal(endpoint.monitor.connections.size, 0);
      await nsc.request({ connection: newConnection({ networkService: "a" }) });
      await refused(
        { connection: newConnection({ networkService: "a" }) },
        "EXHAUSTED",
        /no address of 172.16.0.0\/31/,
      );
      assert.equal(endpoint.monitor.connections.size, 1);
    });
  });
});
