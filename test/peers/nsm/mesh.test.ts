import assert from "node:assert/strict";
import { needNamespaces, until } from "../../sys/support.ts";
import { inFolder } from "../../nsm/support.ts";
import { addressesOf, client, echo, endpoint, hasLinks, linkNames, withNsm, withPods } from "../../mesh/support.ts";
import { kernelMechanism, newConnection } from "@networkservicemesh/sdk-ts";
import { Peer } from "./peer.ts";
import { buildPeers, TEST_TIMEOUT_MS } from "./setup.ts";

/** Go's client, and Go's endpoint, on `vpplb nsm`: they are wired in the namespaces in which they run. */
describe("vpplb nsm and the Go implementation", function () {
  let program: string;

  before(async function () {
    needNamespaces(this);
    program = await buildPeers(this);
  });

  it("a Go client gets a link to our endpoint, refreshes it over two lives of its token, and gives it back", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await inFolder(async (folder) => {
      await withPods(["lb", "go"], async (lb, go) => {
        await withNsm(folder, ["--service", "load-balancer:ETHERNET"], async (nsm) => {
          const nse = await endpoint(nsm, folder, "lb-1", lb);
          const options = {
            role: "client",
            name: "go",
            connect: nsm.url,
            mechanism: "KERNEL",
            hold: true,
            lifetime: "4s",
          } as const;
          const peer = go!.namespace.run(() => new Peer({ file: program, args: [] }, options));
          try {
            const connected = await peer.says("connected");
            assert.deepEqual(connected["path"], ["go", `nsmgr-${nsm.name}`, `forwarder-${nsm.name}`, "lb-1"]);
            const [name = ""] = (await linkNames(go!.namespace)).filter((each) => each !== "lo");
            assert.deepEqual(await addressesOf(go!.namespace, name), connected["src"]);
            assert.equal(await echo(go!.namespace, lb!.namespace, "10.60.1.1"), "you are 10.60.1.2");
            const { index } = await go!.namespace.link(name);
            const renewals = () => nsm.events("mesh-refreshed").length;
            await until("it is refreshed over two lives of its token", () => renewals() >= 8, 20_000);
            assert.equal((await go!.namespace.link(name)).index, index);
            assert.equal(nsm.events("mesh-connected").length, 1);
          } finally {
            await peer.end();
          }
          await hasLinks(go!.namespace, []);
          await hasLinks(lb!.namespace, []);
          await nse.close();
        });
      });
    });
  });

  it("our client gets a link to a Go endpoint; the mesh is killed and comes back", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await inFolder(async (folder) => {
      await withPods(["go", "as"], async (go, as) => {
        await withNsm(folder, [], async (nsm) => {
          const options = {
            role: "endpoint",
            name: "go",
            connect: nsm.url,
            listen: `unix://${folder}/go.sock`,
          } as const;
          const peer = go!.namespace.run(() => new Peer({ file: program, args: [] }, options));
          try {
            await peer.says("registered");
            const events: string[] = [];
            const nsc = client(nsm, "as-1", {
              heal: { livenessCheck: () => Promise.resolve(true), onEvent: ({ type }) => events.push(type) },
            });
            const made = await nsc.request({
              connection: newConnection({ networkService: "load-balancer" }),
              mechanismPreferences: [kernelMechanism("nsm0", as!.netns)],
            });
            assert.equal(made.networkServiceEndpointName.startsWith("go"), true);
            const address = made.context?.ipContext?.dstIpAddrs[0]?.split("/")[0] ?? "";
            assert.match(await echo(as!.namespace, go!.namespace, address), /^you are /);
            const before = await linkNames(go!.namespace);
            const { index } = await as!.namespace.link("nsm0");
            await nsm.end("SIGKILL");
            await until("the loss is seen", () => events.includes("control-plane-down"), 20_000);
            await nsm.restart();
            await until("it is healed", () => events.at(-1) === "healed", 60_000);
            assert.deepEqual(await linkNames(go!.namespace), before);
            assert.equal((await as!.namespace.link("nsm0")).index, index, "the same interface as before");
            assert.match(await echo(as!.namespace, go!.namespace, address), /^you are /);
            await nsc.shutdown();
            await hasLinks(go!.namespace, []);
            await hasLinks(as!.namespace, []);
          } finally {
            await peer.end();
          }
        });
      });
    });
  });
});
