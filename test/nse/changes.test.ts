import assert from "node:assert/strict";
import {
  Call,
  Channel,
  insecureTokens,
  kernelMechanism,
  memifMechanism,
  newConnection,
  newContext,
  newIpContext,
  newSegment,
  NsmError,
  type Connection,
  type Mechanism,
} from "@networkservicemesh/sdk-ts";
import { nsmServices } from "../../src/nsm/proto.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { Lab, type RunningAgent } from "./lab.ts";

const WAIT_MS = 30_000;

/** A hop that asks as it likes: what a forwarder that was restarted, or a hostile one, does. */
describe("nse: Requests of a connection that change it", function () {
  this.timeout(90_000);
  let lab: Lab;
  let running: RunningAgent;
  let channel: Channel;
  before(async function () {
    needNamespaces(this);
    lab = await Lab.open({ nsm: { linkLossMs: 300, prefixes: ["10.60.1.0/24"] } });
    running = await lab.startRegistered();
    channel = new Channel(running.agent.url!, { tokens: insecureTokens("spiffe://test/hop") });
  });
  after(async () => {
    channel?.close();
    await lab?.close();
  });

  const { networkService } = nsmServices();
  const ask = (connection: Connection, ...mechanismPreferences: Mechanism[]): Promise<Connection> =>
    Call.within(WAIT_MS, (call) =>
      channel.unary<unknown, Connection>(networkService["Request"]!, { connection, mechanismPreferences }, call),
    );
  const close = (connection: Connection): Promise<unknown> =>
    Call.within(WAIT_MS, (call) => channel.unary(networkService["Close"]!, connection, call));
  const fresh = (id: string, excludedPrefixes: string[] = []): Connection =>
    newConnection({
      id,
      networkService: "load-balancer",
      path: { index: 0, pathSegments: [newSegment({ name: "hop", id })] },
      context: newContext({ ipContext: newIpContext({ excludedPrefixes }) }),
    });
  const kinds = () => running.events.map((event) => event.type);
  const interfaces = async () => {
    const rows = await lab.control.get("interfaces");
    return rows.filter((row) => row.owner === "ours" && row.key !== "loop0").map((row) => row.columns["kind"]);
  };
  const nothing = () =>
    running.agent.counts.connections + running.agent.counts.leaving + running.agent.counts.addresses;

  it("another mechanism: the address stays, the old interface goes", async () => {
    const made = await ask(fresh("a"), memifMechanism());
    assert.equal(made.mechanism?.type, "MEMIF");
    assert.deepEqual(await interfaces(), ["memif"]);
    const moved = await ask({ ...made, mechanism: null }, kernelMechanism("nsm0"));
    assert.equal(moved.mechanism?.type, "KERNEL");
    assert.deepEqual(moved.context?.ipContext?.srcIpAddrs, made.context?.ipContext?.srcIpAddrs);
    assert.ok(kinds().includes("healed"));
    await until("the memif is gone", async () => (await interfaces()).length === 0, WAIT_MS);
    const back = await ask({ ...moved, mechanism: null }, memifMechanism());
    assert.deepEqual(await interfaces(), ["memif"]);
    await close(back);
    await until("nothing is left", () => nothing() === 0, WAIT_MS);
    assert.deepEqual(await interfaces(), []);
  });

  it("offered both, it keeps what it has", async () => {
    const made = await ask(fresh("b"), memifMechanism());
    const again = await ask({ ...made, mechanism: null }, kernelMechanism("nsm0"), memifMechanism());
    assert.equal(again.mechanism?.type, "MEMIF");
    await close(again);
  });

  it("payload IP: no memif, whose frames VPP could not bridge; a kernel interface where the client takes one", async () => {
    const ip = (id: string): Connection => ({ ...fresh(id), payload: "IP" });
    await assert.rejects(ask(ip("k"), memifMechanism()), (error) => {
      assert.ok(NsmError.is(error, "UNSUPPORTED"), String(error));
      assert.match(error.message, /payload IP .* by MEMIF: .* "load-balancer" payload ETHERNET .* or ask for KERNEL/);
      return true;
    });
    assert.equal(nothing(), 0);
    const made = await ask(ip("l"), memifMechanism(), kernelMechanism("nsm0"));
    assert.deepEqual([made.mechanism?.type, made.payload], ["KERNEL", "IP"]);
    await close(made);
    await until("nothing is left", () => nothing() === 0, WAIT_MS);
    assert.deepEqual(await interfaces(), []);
  });

  it("an address that the client must not use any more: it gets another, the old one is free afterwards", async () => {
    const made = await ask(fresh("c"), memifMechanism());
    assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24"]);
    made.context.ipContext.excludedPrefixes = ["10.60.1.2/32"];
    const moved = await ask({ ...made, mechanism: null }, memifMechanism());
    assert.deepEqual(moved.context?.ipContext?.srcIpAddrs, ["10.60.1.3/24"]);
    await until("the old one is free", () => running.agent.counts.addresses === 1, WAIT_MS);
    await close(moved);
    await until("nothing is left", () => nothing() === 0, WAIT_MS);
  });

  it("brings the address that it had, where it is free; not what is ours, taken, or no address at all", async () => {
    const wanted = fresh("d");
    wanted.context!.ipContext!.srcIpAddrs = ["10.60.1.77/24"];
    const made = await ask(wanted, memifMechanism());
    assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.77/24"]);
    for (const [id, address] of [
      ["e", "10.60.1.77/24"],
      ["f", "10.60.1.1/24"],
      ["g", "10.60.1.255/24"],
      ["h", "10.60.1.0/24"],
    ] as const) {
      const other = fresh(id);
      other.context!.ipContext!.srcIpAddrs = [address];
      const given = await ask(other, memifMechanism());
      assert.deepEqual(given.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24"], address);
      await close(given);
    }
    const outside = fresh("i");
    outside.context!.ipContext!.srcIpAddrs = ["192.0.2.7/32"];
    const kept = await ask(outside, memifMechanism());
    assert.deepEqual(kept.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24", "192.0.2.7/32"], "another network's stays");
    const bad = fresh("j");
    bad.context!.ipContext!.srcIpAddrs = ["10.60.1.x"];
    await assert.rejects(ask(bad, memifMechanism()), (error) => NsmError.is(error, "INVALID"));
    await close(kept);
    await close(made);
    await until("nothing is left", () => nothing() === 0, WAIT_MS);
    assert.deepEqual(await interfaces(), []);
  });
});
