import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Connection } from "@networkservicemesh/sdk-ts";
import { VppClient } from "vpp-api-ts";
import { MemifSlave } from "../../src/memif/index.ts";
import { Told } from "../memif/support.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { byKernel, byMemif, countOf, has, Lab, VIP4, type RunningAgent } from "./lab.ts";

const WAIT_MS = 30_000;

describe("nse: memifs over restarts of VPP; what is left to a hook", function () {
  this.timeout(90_000);
  let lab: Lab;
  let running: RunningAgent | undefined;
  const started = async () => (running = await lab.startRegistered());
  before(async function () {
    needNamespaces(this);
    lab = await Lab.open({ nsm: { linkLossMs: 3000 } });
  });
  after(async () => lab?.close());
  afterEach(async () => {
    await lab.endClients();
    await running?.stop();
    rmSync(join(lab.folder, "connections.json"), { force: true });
    lab.write();
  });

  function open(connection: Connection): { told: Told; slave: MemifSlave } {
    const told = new Told();
    const socketPath = (connection.mechanism?.parameters["inodeURL"] ?? "").replace("file://", "");
    const slave = new MemifSlave({ id: 0, socketPath, minRetryMs: 20, maxRetryMs: 100 }, told);
    slave.start();
    return { told, slave };
  }

  it("a client that was handed the socket's descriptor is asked to refresh, and gets the new one", async () => {
    const { events } = await started();
    const told: Connection[] = [];
    const client = lab.client("m1", {
      heal: { livenessCheck: () => Promise.resolve(true), onChange: (connection) => told.push(connection) },
    });
    const made = await client.request(byMemif());
    const first = open(made);
    await until("it is a server", () => has(events, "server_up"), WAIT_MS);
    await lab.stopVpp();
    await lab.startVpp();
    await until("it is asked", () => told.some((one) => one.state === "REFRESH_REQUESTED"), WAIT_MS);
    const again = await client.request({ connection: made });
    first.slave.stop();
    const second = open(again);
    await until("the link is up again", () => second.told.link !== undefined, WAIT_MS);
    await until(
      "it is a server",
      async () => {
        const rows = await lab.control.get("servers");
        return rows.some((row) => row.columns["vip"] === VIP4 && row.state === "ok");
      },
      WAIT_MS,
    );
    second.slave.stop();
  });

  it("a hook's VIPs and servers are not touched; it hears of a new VPP", async () => {
    // A VPP without VIPs of the agent's: those would be the hook's as they are.
    await lab.stopVpp();
    await lab.startVpp();
    lab.write((document) => ((document["nsm"] as Record<string, unknown>)["lbManagedBy"] = "hook"));
    const { events } = await started();
    const host = await lab.host("as1");
    const client = lab.client("as1");
    const made = await client.request(byKernel(host));
    assert.equal(made.context?.extraContext["vpplb/vips"]?.split(",")[0], VIP4);
    await until("its interface is up", () => has(events, "server_up"), WAIT_MS);
    assert.deepEqual(await lab.control.get("servers"), []);
    const hook = async () => {
      const vpp = new VppClient({ socket: lab.api, name: "hook" });
      await vpp.connect({ deadlineMs: WAIT_MS });
      try {
        await vpp.cli(`lb conf ip4-src-address 10.60.1.1`);
        await vpp.cli(`lb vip ${VIP4} encap gre4 new_len 16`);
        await vpp.cli(`lb as ${VIP4} 10.60.1.2`);
      } finally {
        vpp.close();
      }
    };
    await hook();
    const held = async () => {
      await lab.control.apply();
      const [row] = await lab.control.get("servers");
      return [row?.owner, row?.columns["server"]];
    };
    assert.deepEqual(await held(), ["foreign", "10.60.1.2"]);
    await lab.stopVpp();
    await lab.startVpp();
    await until("the hook is told of the new VPP", () => has(events, "vpp_restarted"), WAIT_MS);
    await until("its interface is up again", () => countOf(events, "server_up") === 2, WAIT_MS);
    const order = events.map((event) => event.type).filter((type) => /started|server/.test(type));
    assert.deepEqual(order, ["endpoint_started", "server_up", "vpp_restarted", "server_down", "server_up"]);
    await hook();
    await client.close(made);
    assert.deepEqual(await held(), ["foreign", "10.60.1.2"], "a server is the hook's to take away");
  });
});
