import assert from "node:assert/strict";
import {
  endpointChain,
  insecureTokens,
  newConnection,
  NsmClient,
  serveNsm,
  sharedNetworkIpam,
  type ChainElement,
  type HealEvent,
  type HealOptions,
} from "@networkservicemesh/sdk-ts";
import { until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

const HEAL_MS = 15_000;
const MANY = 20;

interface Scene {
  readonly client: NsmClient;
  readonly events: HealEvent[];
  /** What the endpoint was asked. */
  readonly asked: string[];
  /** Ends the endpoint's server and starts it again: whether its connections are still known to it. */
  restart(): Promise<void>;
}

async function scene(heal: HealOptions, work: (scene: Scene) => Promise<void>): Promise<void> {
  await inFolder(async (folder, signal) => {
    const asked: string[] = [];
    const look: ChainElement = (next) => ({
      request: (request, call) => {
        asked.push(request.connection!.state === "RESELECT_REQUESTED" ? "reselect" : "request");
        return next.request(request, call);
      },
      close: (connection, call) => {
        asked.push("close");
        return next.close(connection, call);
      },
    });
    const tokens = insecureTokens("spiffe://test/any");
    const elements = [sharedNetworkIpam({ prefix: "10.60.1.0/24" }), look];
    const endpoint = endpointChain({ name: "endpoint", tokens, elements }, signal);
    const serve = () => serveNsm({ listen: `unix://${folder}/nse.sock`, services: endpoint.services });
    let server = await serve();
    const events: HealEvent[] = [];
    const options = { ...heal, onEvent: (event: HealEvent) => events.push(event) };
    const client = new NsmClient({ name: "client", url: server.url, tokens, heal: options });
    const restart = async () => {
      await server.close();
      server = await serve();
    };
    try {
      await work({ client, events, asked, restart });
    } finally {
      await client.shutdown();
      await server.close();
    }
  });
}

const healed = (events: readonly HealEvent[]) => events.find(({ type }) => type === "healed");

describe("nsm: heal with a liveness check", () => {
  it("packets still pass: what the control plane lost is asked for as it is, and nothing is closed", async () => {
    await scene({ livenessCheck: () => Promise.resolve(true) }, async ({ client, events, asked, restart }) => {
      await client.request({ connection: newConnection({ networkService: "a" }) });
      await restart();
      await until("it is healed", () => healed(events) !== undefined, HEAL_MS);
      assert.equal(healed(events)?.reselect, false);
      assert.deepEqual(asked, ["request", "request"]);
    });
  });

  it("no packet passes any more: another choice, though the control plane is there", async () => {
    let alive = true;
    const livenessCheck = () => Promise.resolve(alive);
    await scene({ livenessCheck, livenessIntervalMs: 20 }, async ({ client, events, asked }) => {
      await client.request({ connection: newConnection({ networkService: "a" }) });
      alive = false;
      await until("it is seen", () => events.some(({ type }) => type === "data-plane-down"), HEAL_MS);
      alive = true;
      await until("it is healed", () => healed(events) !== undefined, HEAL_MS);
      assert.equal(healed(events)?.reselect, true);
      assert.deepEqual(asked.slice(0, 3), ["request", "close", "reselect"]);
    });
  });

  it("a check that does not answer in time, or fails, says that nothing passes", async () => {
    let checks = 0;
    const livenessCheck = () => {
      checks += 1;
      return checks === 1
        ? Promise.resolve(true)
        : checks === 2
          ? new Promise<boolean>(() => undefined)
          : Promise.reject(new Error("broken"));
    };
    const options = { livenessCheck, livenessIntervalMs: 20, livenessTimeoutMs: 20 };
    await scene(options, async ({ client, events }) => {
      await client.request({ connection: newConnection({ networkService: "a" }) });
      await until("both are seen", () => events.filter(({ type }) => type === "data-plane-down").length >= 2, HEAL_MS);
    });
  });

  it("of many connections of one client: what waits for the client's end is one listener", async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on("warning", onWarning);
    let checking = 0;
    let options: HealOptions = {};
    // None answers before all are asked.
    const all = new Promise<void>((resolve) => {
      const livenessCheck = async () => {
        checking += 1;
        if (checking === MANY) resolve();
        await all;
        return true;
      };
      options = { livenessCheck, livenessIntervalMs: 20, livenessTimeoutMs: HEAL_MS };
    });
    try {
      await scene(options, async ({ client }) => {
        const ask = () => client.request({ connection: newConnection({ networkService: "a" }) });
        await Promise.all(Array.from({ length: MANY }, ask));
        await all;
      });
    } finally {
      process.off("warning", onWarning);
    }
    assert.deepEqual(warnings, []);
  });
});
