import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import {
  Call,
  Channel,
  endpointChain,
  insecureTokens,
  monitorConnections,
  newConnection,
  newSegment,
  NsmError,
  serveNsm,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { nsmServices } from "../../src/nsm/proto.ts";
import { until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

const tokens = insecureTokens("spiffe://test/any");
const ROUNDS = 5;
const CALLS = 100;
const MONITORS = 20;

function request(): object {
  const id: string = crypto.randomUUID();
  const path = { index: 0, pathSegments: [newSegment({ name: "client", id })] };
  return { connection: newConnection({ id, networkService: "a", path, labels: { a: "x".repeat(1000) } }) };
}

/** Many calls at once, of which some are being answered when `end` is called. */
async function flood(url: string, end: (channel: Channel) => void | Promise<void>): Promise<void> {
  const channel = new Channel(url, { tokens });
  const method = nsmServices().networkService["Request"]!;
  const told = () => undefined;
  for (let i = 0; i < MONITORS; i++)
    await monitorConnections(channel, { pathSegments: [] }, new Call(), { onEvent: told, onEnd: told });
  let answered = 0;
  const calls = Array.from({ length: CALLS }, () =>
    channel
      .unary(method, request(), new Call({ deadlineMs: Date.now() + 10_000 }))
      .catch(() => undefined)
      .finally(() => (answered += 1)),
  );
  await until("the first answer", () => answered > 0);
  await end(channel);
  channel.close();
  await Promise.all(calls);
}

describe("nsm: connections that break off while they are written to", () => {
  it("a server closes, and closes again with each new flood", async function () {
    this.timeout(60_000);
    for (let round = 0; round < ROUNDS; round++) {
      await inFolder(async (folder, signal) => {
        const endpoint = endpointChain({ name: "endpoint", tokens, elements: [] }, signal);
        const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
        await flood(server.url, () => server.close());
      });
    }
  });

  it("a client closes its channel", async function () {
    this.timeout(60_000);
    await inFolder(async (folder, signal) => {
      const endpoint = endpointChain({ name: "endpoint", tokens, elements: [] }, signal);
      const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
      for (let round = 0; round < ROUNDS; round++) await flood(server.url, () => undefined);
      await server.close();
    });
  });

  it("a client sends frames that are none, among many calls", async function () {
    this.timeout(60_000);
    await inFolder(async (folder, signal) => {
      const endpoint = endpointChain({ name: "endpoint", tokens, elements: [] }, signal);
      const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
      const method = nsmServices().networkService["Request"]!;
      for (let round = 0; round < ROUNDS; round++) {
        const socket = net.connect(`${folder}/nse.sock`);
        socket.on("error", () => undefined);
        const session = http2.connect("http://nsm", { createConnection: () => socket });
        session.on("error", () => undefined);
        session.on("close", () => socket.destroy());
        let answered = 0;
        for (let i = 0; i < CALLS; i++) {
          const headers = {
            ":method": "POST",
            ":path": method.path,
            "content-type": "application/grpc",
            te: "trailers",
          };
          const stream = session.request(headers);
          stream.on("error", () => undefined);
          stream.once("response", () => (answered += 1));
          const body = method.requestSerialize(request() as never);
          const head = Buffer.alloc(5);
          head.writeUInt32BE(body.length, 1);
          stream.end(Buffer.concat([head, body]));
        }
        await until("the first answer", () => answered > 0);
        // A frame of a length that nobody has agreed to.
        socket.write(Buffer.alloc(200, 0xff));
        await until("the server ends it", () => socket.destroyed);
        session.destroy();
      }
      await flood(server.url, async (channel) => {
        await channel.ready();
      });
      assert.ok(endpoint.monitor.connections.size <= CALLS);
      await server.close();
    });
  });

  it("a call whose time is over says so, not that it was cancelled; one that is given up was", async () => {
    await inFolder(async (folder, signal) => {
      let entered = 0;
      const silent: ChainElement = (next) => ({
        ...next,
        request: () => {
          entered += 1;
          return new Promise(() => undefined);
        },
      });
      const endpoint = endpointChain({ name: "endpoint", tokens, elements: [silent] }, signal);
      const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
      const channel = new Channel(server.url, { tokens });
      const method = nsmServices().networkService["Request"]!;
      for (const code of ["TIMEOUT", "CANCELLED"] as const) {
        const controller = new AbortController();
        const before = entered;
        const call = channel.unary(method, request(), new Call({ signal: controller.signal }));
        call.catch(() => undefined);
        await until("the endpoint's turn", () => entered > before);
        controller.abort(code === "TIMEOUT" ? new NsmError("TIMEOUT", "the deadline has passed") : undefined);
        await assert.rejects(call, { code });
      }
      channel.close();
      await server.close();
    });
  });
});
