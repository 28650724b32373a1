import assert from "node:assert/strict";
import {
  Call,
  Channel,
  expiringEndpoints,
  insecureTokens,
  memoryRegistries,
  newEndpoint,
  NsmError,
  RegistryClient,
  registryHandlers,
  serveNsm,
  type EndpointInfo,
  type NsmServer,
  type RegistryEvent,
} from "@networkservicemesh/sdk-ts";
import { nsmServices } from "../../src/nsm/proto.ts";
import { openFds, until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

const tokens = insecureTokens("spiffe://test/registry");

interface World {
  readonly url: string;
  /** Another registry, which knows nothing, in the place of the one that was. */
  restart(): Promise<ReturnType<typeof memoryRegistries>>;
  readonly memory: ReturnType<typeof memoryRegistries>;
  readonly client: RegistryClient;
}

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const before = openFds();
  await inFolder(async (folder, signal) => {
    const url = `unix://${folder}/registry.sock`;
    let memory = memoryRegistries();
    const serve = (): Promise<NsmServer> => {
      const registries = { services: memory.services, endpoints: expiringEndpoints(memory.endpoints, signal) };
      return serveNsm({ listen: url, services: registryHandlers(registries, { tokens }) });
    };
    let server = await serve();
    const client = new RegistryClient({ url, tokens });
    try {
      await work({
        url,
        client,
        get memory() {
          return memory;
        },
        async restart() {
          await server.close();
          memory = memoryRegistries();
          server = await serve();
          return memory;
        },
      });
    } finally {
      client.close();
      await server.close();
    }
  });
  await until("no descriptor is left", () => openFds() <= before);
}

const info = (url: string, fields: Partial<EndpointInfo> = {}) => ({
  name: "e",
  url,
  networkServiceNames: ["s"],
  networkServiceLabels: { s: { labels: { app: "lb" } } },
  ...fields,
});

describe("nsm: registries", () => {
  it("an endpoint's socket goes along as a descriptor, and comes back under its own name; others get one, too", async () => {
    await inWorld(async ({ client, memory, url }) => {
      const registration = await client.registerEndpoint(info(url));
      assert.equal(registration.info.url, url);
      const [kept] = await memory.endpoints.find(newEndpoint());
      assert.match(kept?.url ?? "", /^unix:\/\/\/proc\/\d+\/fd\/\d+$/);
      assert.equal((await client.findEndpoints())[0]?.url, url);
      const other = new RegistryClient({ url, tokens });
      const [found] = await other.findEndpoints();
      assert.match(found?.url ?? "", /^unix:\/\/\/proc\/\d+\/fd\/\d+$/);
      const channel = new Channel(found!.url);
      await channel.ready();
      channel.close();
      other.close();
      await registration.unregister();
      assert.deepEqual(await client.findEndpoints(), []);
    });
  });

  it("endpoints and services come back after a registry that forgot them, with the time of their first registration", async () => {
    await inWorld(async (world) => {
      await world.client.registerService({ name: "s" });
      const registration = await world.client.registerEndpoint(info("tcp://127.0.0.1:1"));
      const first = registration.info.initialRegistrationTime;
      const memory = await world.restart();
      await until("both are there again", () => memory.endpoints.size === 1 && memory.services.size === 1, 15_000);
      const [again] = await memory.endpoints.find(newEndpoint());
      assert.deepEqual(again?.initialRegistrationTime, first);
      assert.equal((await world.client.findServices({ name: "s" }))[0]?.payload, "IP");
      await world.client.unregisterService("s");
      await registration.unregister();
      assert.equal(memory.endpoints.size + memory.services.size, 0);
    });
  });

  it("an endpoint that somebody else removed registers again, until it unregisters itself", async () => {
    await inWorld(async ({ client, memory }) => {
      const registration = await client.registerEndpoint(info("tcp://127.0.0.1:1"));
      const events: string[] = [];
      const abort = new AbortController();
      const watch = client.watchEndpoints(
        { networkServiceNames: ["s"] },
        ({ info: { name }, deleted }: RegistryEvent<EndpointInfo>) =>
          events.push(`${name} ${deleted ? "gone" : "here"}`),
        abort.signal,
      );
      await until("it is seen", () => events.length === 1);
      await memory.endpoints.unregister(newEndpoint({ name: "e" }));
      await until("it is back", () => memory.endpoints.size === 1, 15_000);
      await registration.unregister();
      await until("it is gone", () => events.length === 4);
      assert.deepEqual(events, ["e here", "e gone", "e here", "e gone"]);
      assert.equal(memory.endpoints.size, 0);
      abort.abort();
      await watch;
    });
  });

  it("a server tells its health by the names of its services", async () => {
    await inWorld(async ({ url }) => {
      const channel = new Channel(url);
      const check = (service: string) =>
        channel.unary<object, { status: string }>(nsmServices().health["Check"]!, { service }, new Call());
      for (const service of ["", "registry.NetworkServiceRegistry", "registry.NetworkServiceEndpointRegistry"])
        assert.equal((await check(service)).status, "SERVING");
      await assert.rejects(check("nobody"), (error) => NsmError.is(error, "NOT_FOUND"));
      const abort = new AbortController();
      const stream = await channel.stream(
        nsmServices().health["Watch"]!,
        { service: "" },
        new Call({ signal: abort.signal }),
      );
      stream.on("error", () => undefined);
      const first = await new Promise((resolve) => stream.once("data", resolve));
      assert.deepEqual(first, { status: "SERVING" });
      abort.abort();
      channel.close();
    });
  });
});
