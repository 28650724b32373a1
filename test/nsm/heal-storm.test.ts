import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import {
  endpointChain,
  insecureTokens,
  newConnection,
  NsmClient,
  NsmError,
  serveNsm,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

describe("nsm: healing what stays lost", () => {
  it("asks once at a time, with growing pauses, however long it is lost, and is healed once", async () => {
    await inFolder(async (folder, signal) => {
      let isAway = false;
      const refuse: ChainElement = (next) => ({
        request: (request, call) => {
          if (isAway) return Promise.reject(new NsmError("UNAVAILABLE", "away"));
          return next.request(request, call);
        },
        close: (connection, call) => next.close(connection, call),
      });
      const tokens = insecureTokens("spiffe://test/endpoint");
      const endpoint = endpointChain({ name: "endpoint", tokens, elements: [refuse] }, signal);
      const server = await serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
      const events: string[] = [];
      const client = new NsmClient({
        name: "client",
        url: server.url,
        tokens: insecureTokens("spiffe://test/client"),
        heal: {
          livenessCheck: () => Promise.resolve(true),
          retryMs: { first: 20, last: 100 },
          onEvent: (event) => events.push(event.type),
        },
      });
      await client.request({ connection: newConnection({ networkService: "a" }) });
      isAway = true;
      const [connection] = endpoint.monitor.connections.values();
      endpoint.monitor.update({ ...connection!, state: "DOWN" });
      const count = (type: string) => events.filter((one) => one === type).length;
      await until("it was asked for several times", () => count("failed") >= 6);
      const asked = count("healing");
      // Pauses of 100 ms, each with an attempt: a storm would be many times as much.
      await sleep(500);
      assert.ok(count("healing") - asked <= 7, events.join(" "));
      assert.equal(count("control-plane-down"), 1);
      isAway = false;
      await until("it is healed", () => count("healed") > 0);
      await sleep(250);
      assert.equal(count("healed"), 1);
      assert.equal(count("control-plane-down"), 1);
      await client.shutdown();
      await server.close();
    });
  });
});
