import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Metadata, status, type MethodDefinition } from "@grpc/grpc-js";
import fc from "fast-check";
import {
  Call,
  Channel,
  endpointChain,
  expiringEndpoints,
  insecureTokens,
  kernelServer,
  mechanisms,
  memoryRegistries,
  newConnection,
  newContext,
  newEndpoint,
  newIpContext,
  newSegment,
  newService,
  NsmError,
  receiveDescriptors,
  registryHandlers,
  returnDescriptors,
  serveNsm,
  sharedNetworkIpam,
  type Connection,
  type Endpoint,
  type Ipam,
  type NetworkServiceRequest,
  type NsmServer,
} from "@networkservicemesh/sdk-ts";
import { keptLimit } from "../../src/nsm/fd/kept.ts";
import { nsmServices } from "../../src/nsm/proto.ts";
import { openFds, until } from "../sys/support.ts";

const tokens = insecureTokens("spiffe://test/hostile");
/** Requests at once. VPPLB_NSM_FLOOD=10000 takes some 10 s. */
const FLOOD = Number(process.env["VPPLB_NSM_FLOOD"] ?? 3000);
/** For an answer, on a machine that is busy. */
const PATIENCE_MS = 100_000;

type Request = Partial<NetworkServiceRequest>;

/** What every good request has. */
function good(fields: Partial<Connection> = {}, id: string = crypto.randomUUID()): Connection {
  const path = { index: 0, pathSegments: [newSegment({ name: "client", id })] };
  return newConnection({ id, networkService: "a", path, ...fields });
}

const KERNEL = { cls: "LOCAL", type: "KERNEL", parameters: { name: "nsm0" } };
const segments = (count: number, id: string) =>
  Array.from({ length: count }, (_, i) => newSegment({ name: `hop${i}`, id: i === 0 ? id : `${id}-${i}` }));
const map = (count: number, size: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, "x".repeat(size)]));
const ip = (fields: Parameters<typeof newIpContext>[0]) =>
  good({ context: newContext({ ipContext: newIpContext(fields) }) });

/** What no honest client sends, and what is wrong about it. */
const MALFORMED: Readonly<Record<string, readonly [request: Request, code: status]>> = {
  "no connection": [{ connection: null }, status.INVALID_ARGUMENT],
  "no path": [{ connection: good({ path: null }) }, status.INVALID_ARGUMENT],
  "a path without segments": [{ connection: good({ path: { index: 0, pathSegments: [] } }) }, status.INVALID_ARGUMENT],
  "an index beyond the path": [
    { connection: good({ path: { index: 1, pathSegments: segments(1, "x") } }) },
    status.INVALID_ARGUMENT,
  ],
  "the largest index": [
    { connection: good({ path: { index: 4_294_967_295, pathSegments: segments(1, "x") } }) },
    status.INVALID_ARGUMENT,
  ],
  "another segment's id": [
    { connection: good({ path: { index: 0, pathSegments: segments(1, "other") } }) },
    status.INVALID_ARGUMENT,
  ],
  "two segments of one id": [
    {
      connection: good({
        id: "x",
        path: { index: 0, pathSegments: [newSegment({ name: "a", id: "x" }), newSegment({ name: "b", id: "x" })] },
      }),
    },
    status.INVALID_ARGUMENT,
  ],
  "a segment without id": [
    { connection: good({ id: "", path: { index: 0, pathSegments: [newSegment({ name: "a" })] } }) },
    status.INVALID_ARGUMENT,
  ],
  "a path of 10,000 segments": [
    { connection: good({ id: "x", path: { index: 0, pathSegments: segments(10_000, "x") } }) },
    status.INVALID_ARGUMENT,
  ],
  "a long service": [{ connection: good({ networkService: "x".repeat(1025) }) }, status.INVALID_ARGUMENT],
  "a long id": [{ connection: good({}, "x".repeat(1025)) }, status.INVALID_ARGUMENT],
  "a long token": [
    {
      connection: good({
        id: "x",
        path: { index: 0, pathSegments: [newSegment({ name: "a", id: "x", token: "x".repeat(20_000) })] },
      }),
    },
    status.INVALID_ARGUMENT,
  ],
  "many labels": [{ connection: good({ labels: map(257, 1) }) }, status.INVALID_ARGUMENT],
  "a long label": [{ connection: good({ labels: map(1, 5000) }) }, status.INVALID_ARGUMENT],
  "much of everything": [{ connection: good({ labels: map(256, 4000) }) }, status.INVALID_ARGUMENT],
  "many mechanisms": [
    { connection: good(), mechanismPreferences: Array(17).fill(KERNEL) as (typeof KERNEL)[] },
    status.INVALID_ARGUMENT,
  ],
  "an unknown mechanism": [
    { connection: good(), mechanismPreferences: [{ ...KERNEL, type: "WIREGUARD" }] },
    status.FAILED_PRECONDITION,
  ],
  "an unknown mechanism in place": [
    { connection: good({ mechanism: { ...KERNEL, type: "__proto__" } }) },
    status.FAILED_PRECONDITION,
  ],
  "a name that is no interface's": [
    { connection: good(), mechanismPreferences: [{ ...KERNEL, parameters: { name: "../../etc" } }] },
    status.INVALID_ARGUMENT,
  ],
  "an address outside of the prefix": [{ connection: ip({ srcIpAddrs: ["192.0.2.1/32"] }) }, status.INVALID_ARGUMENT],
  "an endpoint's address outside of the prefix": [
    { connection: ip({ dstIpAddrs: ["2001:db8::1/128"] }) },
    status.INVALID_ARGUMENT,
  ],
  "an address that is none": [{ connection: ip({ srcIpAddrs: ["10.60.1.256/32"] }) }, status.INVALID_ARGUMENT],
  "a route that is none": [
    { connection: ip({ srcRoutes: [{ prefix: "10.0.0.0/33", nextHop: "" }] }) },
    status.INVALID_ARGUMENT,
  ],
  "a next hop that is none": [
    { connection: ip({ srcRoutes: [{ prefix: "10.0.0.0/8", nextHop: "$(reboot)" }] }) },
    status.INVALID_ARGUMENT,
  ],
  "an exclusion of all": [{ connection: ip({ excludedPrefixes: ["0.0.0.0/0"] }) }, status.RESOURCE_EXHAUSTED],
  "many exclusions": [
    { connection: ip({ excludedPrefixes: Array(1025).fill("10.0.0.0/32") as string[] }) },
    status.INVALID_ARGUMENT,
  ],
};

describe("nsm: hostile peers", () => {
  let folder: string;
  let abort: AbortController;
  let endpoint: Endpoint;
  let ipam: Ipam;
  let server: NsmServer;
  let registries: ReturnType<typeof memoryRegistries>;
  let fdsBefore: number;
  const channels: Channel[] = [];
  let honest: Channel;

  beforeEach(async () => {
    fdsBefore = openFds();
    folder = mkdtempSync(join(tmpdir(), "vpplb-nsm-"));
    abort = new AbortController();
    ipam = sharedNetworkIpam({ prefix: "10.60.1.0/24" });
    const elements = [ipam, receiveDescriptors(), returnDescriptors(), mechanisms({ KERNEL: kernelServer() })];
    endpoint = endpointChain({ name: "endpoint", tokens, elements }, abort.signal);
    registries = memoryRegistries();
    const expiring = {
      services: registries.services,
      endpoints: expiringEndpoints(registries.endpoints, abort.signal),
    };
    const services = [...endpoint.services, ...registryHandlers(expiring, { tokens })];
    server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services });
    honest = open();
  });

  /** It lives, and nothing is left of what it was asked. */
  afterEach(async () => {
    const made = await ask({ connection: good(), mechanismPreferences: [KERNEL] });
    assert.equal(made.code, status.OK, made.details);
    await unary("networkService", "Close", made.connection!);
    assert.equal(endpoint.monitor.connections.size, 0);
    assert.equal(ipam.size, 0);
    assert.equal(registries.endpoints.size, 0);
    for (const channel of channels.splice(0)) channel.close();
    await server.close();
    abort.abort();
    rmSync(folder, { recursive: true, force: true });
    await until("no descriptor is left", () => openFds() <= fdsBefore);
  });

  function open(withTokens = true): Channel {
    const channel = new Channel(server.url, withTokens ? { tokens } : {});
    channels.push(channel);
    return channel;
  }

  type ServiceName = "networkService" | "monitorConnection" | "endpointRegistry" | "serviceRegistry";

  async function unary<T>(
    service: ServiceName,
    method: string,
    message: object,
    options: { channel?: Channel; metadata?: Metadata } = {},
  ): Promise<{ code: status; details: string; answer?: T }> {
    const channel = options.channel ?? honest;
    const definition = nsmServices()[service][method]!;
    try {
      const { response } = await channel.unaryWithMetadata<object, T>(
        definition,
        message,
        new Call({ deadlineMs: Date.now() + PATIENCE_MS }),
        options.metadata,
      );
      return { code: status.OK, details: "", answer: response };
    } catch (error) {
      assert.ok(error instanceof NsmError);
      return { code: (error.cause as { code?: status } | undefined)?.code ?? status.UNKNOWN, details: error.message };
    }
  }

  async function ask(
    request: Request,
    options: { channel?: Channel; metadata?: Metadata } = {},
  ): Promise<{ code: status; details: string; connection?: Connection }> {
    const { answer, ...rest } = await unary<Connection>("networkService", "Request", request, options);
    return answer === undefined ? rest : { ...rest, connection: answer };
  }

  for (const [what, [request, code]] of Object.entries(MALFORMED)) {
    it(`refuses ${what}: ${status[code]}`, async () => {
      const answer = await ask({ mechanismPreferences: [KERNEL], ...request });
      assert.equal(answer.code, code, answer.details);
    });
  }

  it("takes labels that are properties of objects", async () => {
    const labels = JSON.parse('{ "__proto__": "a", "constructor": "b", "toString": "c" }') as Record<string, string>;
    const { code, details, connection } = await ask({ connection: good({ labels }), mechanismPreferences: [KERNEL] });
    assert.equal(code, status.OK, details);
    assert.equal(connection!.labels["toString"], "c");
    await unary("networkService", "Close", connection!);
  });

  it("refuses calls without a token, with half of one, and with one that has expired", async () => {
    const channel = open(false);
    const metadata = (token: string, expires?: string) => {
      const made = new Metadata();
      made.set("nsm-client-token", token);
      if (expires !== undefined) made.set("nsm-client-token-expires", expires);
      return made;
    };
    const bare = await ask({ connection: good() }, { channel });
    assert.equal(bare.code, status.INVALID_ARGUMENT, bare.details);
    const half = await ask({ connection: good() }, { channel, metadata: metadata("x") });
    assert.equal(half.code, status.INVALID_ARGUMENT, half.details);
    const wrong = await ask({ connection: good() }, { channel, metadata: metadata("x", "soon") });
    assert.equal(wrong.code, status.INVALID_ARGUMENT, wrong.details);
    const old = await ask({ connection: good() }, { channel, metadata: metadata("x", "2020-01-01T00:00:00Z") });
    assert.equal(old.code, status.PERMISSION_DENIED, old.details);
  });

  it("closes what it does not know, and refuses to close what is malformed", async () => {
    assert.equal((await unary("networkService", "Close", good())).code, status.OK);
    const beyond = good({ path: { index: 9, pathSegments: segments(1, "x") } });
    assert.equal((await unary("networkService", "Close", beyond)).code, status.INVALID_ARGUMENT);
  });

  it("refuses registrations that nobody could use or that would fill its memory", async () => {
    const register = (fields: Parameters<typeof newEndpoint>[0]) =>
      unary("endpointRegistry", "Register", newEndpoint({ name: "x", url: "tcp://127.0.0.1:1", ...fields }));
    const labels = { a: { labels: map(257, 1) } };
    for (const fields of [
      { name: "" },
      { name: "x".repeat(1025) },
      { url: "no url at all" },
      { url: "unix:///a\nb" },
      { url: `tcp://${"x".repeat(5000)}:1` },
      { networkServiceNames: Array(1001).fill("a") as string[] },
      { networkServiceLabels: labels },
      { networkServiceLabels: { a: { labels: map(100, 1000) } } },
      { pathIds: Array(1000).fill("x".repeat(100)) as string[] },
    ]) {
      const { code, details } = await register(fields);
      assert.equal(code, status.INVALID_ARGUMENT, `${JSON.stringify(fields).slice(0, 80)}: ${details}`);
    }
    const service = newService({ name: "x".repeat(1025) });
    assert.equal((await unary("serviceRegistry", "Register", service)).code, status.INVALID_ARGUMENT);
    for (const path of ["no json", '{"Index":7,"PathSegments":[{"token":"x"}]}', '{"Index":0,"PathSegments":{}}']) {
      const metadata = new Metadata();
      metadata.set("path", path);
      const info = newEndpoint({ name: "x", url: "tcp://127.0.0.1:1" });
      const { code } = await unary("endpointRegistry", "Register", info, { metadata });
      assert.equal(code, status.INVALID_ARGUMENT, path);
    }
  });

  it("refuses messages of more than 4 MB", async () => {
    const { code } = await ask({ connection: good({ labels: map(1, 5 << 20) }) });
    assert.equal(code, status.RESOURCE_EXHAUSTED);
  });

  it("refuses a descriptor that is named and does not come, whichever comes instead; keeps none of a flood", async () => {
    const channel = open();
    await channel.ready();
    const own = openFds();
    const { most } = keptLimit();
    for (let i = 0; i < most + 50; i++) {
      const fd = openSync(join(folder, `file${i}`), "w");
      channel.descriptors!.send(fd);
      closeSync(fd);
    }
    const named = ["inode://1/1", "inode://", "inode://x/y/../z", `inode://${"9".repeat(1000)}/1`];
    const answers = await Promise.all(
      named.map((inodeURL) =>
        ask({ connection: good(), mechanismPreferences: [{ ...KERNEL, parameters: { inodeURL } }] }, { channel }),
      ),
    );
    assert.deepEqual(
      answers.map(({ code }) => code),
      named.map(() => status.INVALID_ARGUMENT),
      answers[0]!.details,
    );
    assert.ok(openFds() - own <= most, `${openFds() - own} descriptors are kept for a connection`);
    channel.close();
  });

  it(`answers ${FLOOD} Requests at once: as many as it has addresses for, the others with RESOURCE_EXHAUSTED`, async function () {
    this.timeout(120_000);
    const channel = open();
    const heapBefore = usedHeap();
    const answers = await Promise.all(
      Array.from({ length: FLOOD }, () =>
        ask({ connection: good(), mechanismPreferences: [KERNEL] }, { channel }).then(({ code, connection }) => ({
          code,
          // No more than Close needs.
          connection: connection === undefined ? undefined : structuredClone(connection),
        })),
      ),
    );
    const made = answers.filter(({ code }) => code === status.OK);
    assert.equal(made.length, 253);
    const others = new Set(answers.map(({ code }) => status[code]));
    assert.deepEqual([...others].sort(), ["OK", "RESOURCE_EXHAUSTED"]);
    assert.equal(endpoint.monitor.connections.size, 253);
    await Promise.all(made.map(({ connection }) => unary("networkService", "Close", connection!, { channel })));
    answers.length = 0;
    assert.ok(usedHeap() - heapBefore < 30e6, `${usedHeap() - heapBefore} bytes more`);
  });

  it("answers whatever bytes come as a message", async function () {
    this.timeout(60_000);
    const method = nsmServices().networkService["Request"] as MethodDefinition<object, object>;
    const valid = method.requestSerialize({
      connection: good({ labels: { a: "b" } }),
      mechanismPreferences: [KERNEL],
    });
    const raw = { ...method, requestSerialize: (bytes: object) => bytes as Buffer };
    const mutate = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      mutate.map((changes) => {
        const changed = Buffer.from(valid);
        for (const [at, value] of changes) changed[at] = value;
        return changed;
      }),
      fc.nat(valid.length).map((length) => valid.subarray(0, length)),
    );
    const channel = open();
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        try {
          const made = await channel.unary<object, Connection>(
            raw,
            body,
            new Call({ deadlineMs: Date.now() + PATIENCE_MS }),
          );
          codes.add("OK");
          await unary("networkService", "Close", made, { channel });
        } catch (error) {
          const { code, message } = NsmError.from(error);
          assert.ok(code !== "TIMEOUT" && code !== "UNAVAILABLE", message);
          codes.add(code);
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(codes.has("OK") && codes.has("INVALID") && codes.has("INTERNAL"), [...codes].join(", "));
  });

  it("lets go of sockets that speak no HTTP/2", async () => {
    const path = `${folder}/nse.sock`;
    const before = openFds();
    let ended = 0;
    const sockets = await Promise.all(
      ["GET / HTTP/1.1\r\n\r\n", "\0".repeat(1000), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\xff".repeat(500), "x"].map(
        (text) =>
          new Promise<net.Socket>((resolve) => {
            const socket = net.connect(path, () => {
              socket.write(text, "latin1");
              resolve(socket);
            });
            socket.resume();
            socket.once("close", () => (ended += 1));
            socket.on("error", () => undefined);
          }),
      ),
    );
    await until("the server has closed them", () => ended === sockets.length);
    for (const socket of sockets) socket.destroy();
    await until("all are closed", () => openFds() <= before);
  });
});

/** After a collection. */
function usedHeap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
