import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { insecureTokens, newConnection, NsmError, type NsmClient } from "@networkservicemesh/sdk-ts";
import { needNamespaces, until } from "../sys/support.ts";
import { byMemif, countOf, Lab, type RunningAgent } from "./lab.ts";

const WAIT_MS = 30_000;
const CROWD = 40;

describe("nse: many, late, gone and hostile clients", function () {
  this.timeout(90_000);
  let lab: Lab;
  before(async function () {
    needNamespaces(this);
    lab = await Lab.open({ tokenLifetimeMs: 1500, nsm: { maxTokenLifetimeS: 600 } });
  });
  after(async () => lab?.close());
  let running: RunningAgent | undefined;
  const started = async () => (running = await lab.startRegistered());
  afterEach(async () => {
    await lab.endClients();
    await running?.stop();
    rmSync(join(lab.folder, "connections.json"), { force: true });
  });

  it("many that come at once are few plans, each with an address of its own; nothing is left of them", async () => {
    const { agent, events } = await started();
    const before = (await lab.control.history({ limit: 1000 })).length;
    const clients = Array.from({ length: CROWD }, (_, i) =>
      lab.client(`c${i}`, { tokens: insecureTokens(`c${i}`), dialTimeoutMs: WAIT_MS, requestTimeoutMs: WAIT_MS }),
    );
    const made = await Promise.all(clients.map((client) => client.request(byMemif())));
    const addresses = made.map((one) => one.context?.ipContext?.srcIpAddrs[0]);
    assert.equal(new Set(addresses).size, CROWD);
    assert.equal(agent.counts.connections, CROWD);
    const plans = (await lab.control.history({ limit: 1000 })).length - before;
    assert.ok(plans < CROWD / 3, `${plans} plans for ${CROWD} clients`);
    await Promise.all(clients.map((client, i) => client.close(made[i]!)));
    assert.deepEqual(agent.counts, { connections: 0, leaving: 0, addresses: 0, monitors: 0 });
    assert.equal(countOf(events, "closed"), CROWD);
  });

  it("who does not refresh is let go when its token expires; a hop in between closes for it", async () => {
    const { agent, events } = await started();
    // It neither refreshes nor heals: as if it were dead.
    const dead = {
      refresh: { clock: { now: Date.now, after: () => undefined } },
      heal: { retryMs: { first: 3_600_000, last: 3_600_000 }, livenessCheck: () => Promise.resolve(true) },
    };
    const types = () => events.map((event) => event.type).filter((type) => type !== "endpoint_started");
    await lab.client("lazy", dead).request(byMemif());
    await until("it is closed by the manager", () => types().includes("closed"), WAIT_MS);
    assert.deepEqual(types().slice(0, 3), ["connected", "closing", "closed"]);
    const alone = lab.client("alone", { ...dead, url: agent.url! });
    await alone.request(byMemif());
    await until("it is gone", () => types().includes("expired"), WAIT_MS);
    const mine = events.filter((event) => "connection" in event && event.connection.client === "alone");
    assert.deepEqual(mine.map((event) => event.type).slice(0, 3), ["connected", "closing", "expired"]);
  });

  it("gives up a Request whose caller gave up, and leaves nothing of it", async () => {
    const { agent } = await started();
    const hasty = lab.client("hasty", { requestTimeoutMs: 15, tokens: insecureTokens("hasty") });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => hasty.request(byMemif())));
    assert.ok(outcomes.some((one) => one.status === "rejected"));
    await hasty.shutdown();
    await until(
      "nothing is left",
      () => agent.counts.connections + agent.counts.leaving + agent.counts.addresses === 0,
      WAIT_MS,
    );
  });

  it("without VPP answers UNAVAILABLE, and takes up work when it comes", async () => {
    const { agent } = await started();
    const client = lab.client("early", { tokens: insecureTokens("early") });
    await lab.stopVpp();
    const refused = async () => {
      try {
        await client.request(byMemif());
        return false;
      } catch (error) {
        return NsmError.is(error, "UNAVAILABLE");
      }
    };
    await until("it is refused", refused, WAIT_MS);
    assert.equal(agent.counts.connections, 0);
    await lab.startVpp();
    let made: Awaited<ReturnType<NsmClient["request"]>> | undefined;
    await until(
      "it is served",
      async () => {
        made = await client.request(byMemif()).catch(() => undefined);
        return made !== undefined;
      },
      WAIT_MS,
    );
    await client.close(made!);
    await until("nothing is left", () => agent.counts.leaving + agent.counts.addresses === 0, WAIT_MS);
  });

  it("a Close that races the Request, and a Request that repeats, leave one connection or none", async () => {
    const { agent } = await started();
    const client = lab.client("racer", { tokens: insecureTokens("racer") });
    for (let round = 0; round < 5; round++) {
      const id = `race-${round}`;
      const request = { ...byMemif(), connection: { ...newConnection({ networkService: "load-balancer" }), id } };
      const all = [client.request(request), client.request(request), client.close(request.connection)];
      const [first, second] = await Promise.allSettled(all);
      const made = [second, first].find((one) => one?.status === "fulfilled") as PromiseFulfilledResult<unknown>;
      assert.ok(made !== undefined);
      assert.ok(agent.counts.connections <= 1);
      await client.close(request.connection);
      assert.equal(agent.counts.connections, 0);
    }
    await until("nothing is left", () => agent.counts.leaving + agent.counts.addresses === 0, WAIT_MS);
  });
});
