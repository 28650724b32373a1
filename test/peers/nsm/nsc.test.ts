import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insecureTokens } from "@networkservicemesh/sdk-ts";
import { Namespace } from "../../../src/kernel/namespace.ts";
import { NscAgent, readSettings } from "../../../src/nsc/index.ts";
import { needNamespaces } from "../../sys/support.ts";
import { TestAgent } from "../../nsc/support.ts";
import { GoMesh } from "./peer.ts";
import { buildPeers, TEST_TIMEOUT_MS } from "./setup.ts";

describe("the client agent in a mesh of the Go implementation", () => {
  let mesh: GoMesh;
  let host: Namespace;
  const agents: NscAgent[] = [];

  before(async function () {
    needNamespaces(this);
    const program = await buildPeers(this);
    mesh = new GoMesh(program, mkdtempSync(join(tmpdir(), "vpplb-gonsc-")));
    host = await Namespace.create("host");
  });

  after(async () => {
    for (const agent of agents) await agent.close().catch(() => undefined);
    await mesh?.end();
    host?.close();
    if (mesh !== undefined) rmSync(mesh.folder, { recursive: true, force: true });
  });

  function agent(): TestAgent {
    const urls = ["kernel://load-balancer/nsm0?app=web", "kernel://load-balancer/nsm1"];
    const made = new NscAgent({
      settings: readSettings({ urls, name: "as1", connectTo: mesh.url("nsmgr") }, {}),
      identity: { tokens: insecureTokens("spiffe://test.com/subject") },
      namespace: host,
      netns: `/proc/${process.pid}/fd/${host.netns.fd}`,
      retryMs: { first: 50, last: 500 },
    });
    agents.push(made);
    return new TestAgent(made);
  }

  it("connects, takes its connections up again, and closes them", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const early = agent();
    await early.sees("request-failed");
    await mesh.registry();
    await mesh.manager();
    await mesh.forwarder();
    await mesh.endpoint();
    await early.sees("ready");
    const offers = early.agent.status().services.map((service) => service.offer!);
    assert.deepEqual(
      offers.map(({ endpoint, vips, ignored }) => [endpoint, vips, ignored]),
      [
        ["endpoint", [], []],
        ["endpoint", [], []],
      ],
      "point2pointipam gives a route to its own address, which is no VIP",
    );
    assert.deepEqual(offers.map(({ addresses }) => addresses[0]).sort(), ["172.16.0.1/32", "172.16.0.3/32"]);
    // Another life of the same agent: the first one ends without a word.
    const next = agent();
    await next.sees("ready");
    assert.deepEqual(
      next.agent.status().services.map(({ id, offer }) => [id, offer?.addresses]),
      early.agent.status().services.map(({ id, offer }) => [id, offer?.addresses]),
      "the same connections",
    );
    await next.agent.close();
    assert.deepEqual(next.types.slice(-2), ["closed", "closed"]);
    const fresh = agent();
    await fresh.sees("ready");
    assert.equal(fresh.agent.status().services[0]?.offer?.addresses[0]?.startsWith("172.16.0."), true);
  });
});
