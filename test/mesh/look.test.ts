import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { kernelMechanism, newConnection, NsmError, RegistryClient } from "@networkservicemesh/sdk-ts";
import { MeshError, parseServices, readServices, serviceOfFlag } from "../../src/mesh/index.ts";
import { lookAtConnections, lookAtEndpoints, lookAtServices } from "../../src/roles/nsm-look.ts";
import { printed, start, vpplb } from "../cli/vpplb.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { inFolder } from "../nsm/support.ts";
import { client, endpoint, hasLinks, tokensOf, withNsm, withPods, type NsmProcess, type Pod } from "./support.ts";

const SERVICES = `
apiVersion: networkservicemesh.io/v1
kind: NetworkService
metadata: { name: load-balancer, namespace: nsm-system }
spec:
  payload: ETHERNET
  matches:
    - source_selector: { app: gold }
      fallthrough: true
      routes: [{ destination_selector: { tier: gold }, weight: 1 }]
    - source_selector: { app: zoned }
      routes: [{ destination_selector: { zone: "{{.zone}}" } }]
    - routes: [{ destination_selector: { tier: common } }]
---
name: other
matches: []
`;

const nsmCommand = (nsm: NsmProcess, ...args: string[]) =>
  vpplb(["nsm", ...args, "--insecure", "--connect-to", nsm.url]);

const never = new AbortController().signal;
const look = (nsm: NsmProcess) => ({ url: nsm.url, identity: { insecure: true } });

describe("mesh: services, selectors, and a look at them", function () {
  this.timeout(60_000);

  before(function () {
    needNamespaces(this);
  });

  const ask = async (nsm: NsmProcess, name: string, place: Pod, labels: Record<string, string>, ifName = "nsm0") => {
    const nsc = client(nsm, name);
    const connection = newConnection({ networkService: "load-balancer", labels });
    const mechanismPreferences = [kernelMechanism(ifName, place.netns)];
    const made = await nsc.request({ connection, mechanismPreferences }).catch(async (error: unknown) => {
      await nsc.shutdown();
      throw error;
    });
    return { nsc, made };
  };

  it("endpoints by labels, as the file of services says; the file is read again; a look at all of it", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        const file = join(folder, "services.yaml");
        writeFileSync(file, SERVICES);
        await withNsm(folder, ["--services", file], async (nsm) => {
          const common = await endpoint(nsm, folder, "common", lb, { labels: { tier: "common", zone: "a" } });
          const chosen = async (labels: Record<string, string>) => {
            const { nsc, made } = await ask(nsm, "as-1", as!, labels);
            await nsc.shutdown();
            return made.networkServiceEndpointName;
          };
          assert.equal(await chosen({ app: "gold" }), "common", "falls through");
          const gold = await endpoint(nsm, folder, "gold", lb, { labels: { tier: "gold", zone: "b" } });
          assert.equal(await chosen({ app: "gold" }), "gold");
          assert.equal(await chosen({}), "common");
          assert.equal(await chosen({ app: "zoned", zone: "b" }), "gold");
          await assert.rejects(
            chosen({ app: "zoned", zone: "c" }),
            (error) => NsmError.is(error, "NOT_FOUND") && /no endpoint of load-balancer fits/.test(error.message),
          );

          const { nsc } = await ask(nsm, "as-1", as!, { app: "gold" });
          const rows = await lookAtServices(look(nsm), never);
          assert.deepEqual(
            rows.map(({ name, payload, endpoints }) => [name, payload, endpoints]),
            [
              ["load-balancer", "ETHERNET", ["common", "gold"]],
              ["other", "", []],
            ],
          );
          const endpoints = await lookAtEndpoints(look(nsm), never, "load-balancer");
          assert.deepEqual(
            endpoints.map(({ name, url }) => [name, url]),
            ["common", "gold"].map((name) => [name, `unix://${folder}/${name}.sock`]),
          );
          const shown = await nsmCommand(nsm, "connections", "--json");
          assert.equal(shown.code, 0, shown.stderr);
          const [connection] = JSON.parse(shown.stdout) as Record<string, unknown>[];
          assert.deepEqual(
            [connection?.["client"], connection?.["endpoint"], connection?.["interface"], connection?.["state"]],
            ["as-1", "gold", "nsm0", "UP"],
          );
          assert.doesNotMatch(JSON.stringify(connection), /token/);
          const table = (await nsmCommand(nsm, "connections")).stdout;
          assert.match(table, /^CLIENT +SERVICE +ENDPOINT/);
          assert.match(table, /^as-1 +load-balancer +gold +KERNEL +nsm0 /m);

          writeFileSync(file, SERVICES.replace("name: other", "name: another"));
          nsm.signal("SIGHUP");
          await until("it is read again", () => nsm.events("mesh-service-unregistered").length === 1);
          writeFileSync(file, "kind: [");
          nsm.signal("SIGHUP");
          await until("a bad file is refused", () => nsm.events("config-refused").length === 1);
          const names = (await lookAtServices(look(nsm), never)).map(({ name }) => name);
          assert.deepEqual(names, ["another", "load-balancer"]);
          await nsc.shutdown();
          await gold.close();
          await common.close();
        });
      });
    });
  });

  it("watch tells what comes and goes; an endpoint that does not renew is gone in time", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        await withNsm(folder, ["--max-registration", "2s"], async (nsm) => {
          const watch = start(["--json", "nsm", "watch", "--insecure", "--connect-to", nsm.url], {
            deadlineMs: 50_000,
          });
          try {
            await printed(watch, /watching unix:/);
            // Registers and dies: nothing unregisters it.
            const crashed = new RegistryClient({ url: nsm.url, tokens: tokensOf("crashed") });
            await crashed.registerEndpoint({
              name: "crashed",
              url: "tcp://127.0.0.1:1",
              networkServiceNames: ["load-balancer"],
            });
            crashed.close();
            const nse = await endpoint(nsm, folder, "alive", lb);
            const { nsc } = await ask(nsm, "as-1", as!, {});
            await nsc.shutdown();
            await printed(watch, /"kind":"endpoint","deleted":true.*"crashed"/);
            await printed(watch, /"kind":"connection","deleted":true/);
            const events = watch
              .output()
              .split("\n")
              .filter((line) => line.startsWith("{"))
              .map((line) => JSON.parse(line) as { kind: string; deleted: boolean; connection?: { client: string } });
            const connections = events.filter(({ kind }) => kind === "connection");
            assert.deepEqual(
              connections.map(({ deleted, connection }) => [connection?.client, deleted]),
              [
                ["as-1", false],
                ["as-1", true],
              ],
            );
            assert.equal(nsm.events("mesh-endpoint-unregistered")[0]?.["endpoint"], "crashed");
            // Twice as long: what renews itself stays.
            await until(
              "the endpoint has renewed itself",
              async () => {
                const [row] = await lookAtEndpoints(look(nsm), never, "load-balancer");
                return row?.name === "alive" && Date.parse(row.expires ?? "") > Date.now();
              },
              10_000,
            );
            await nse.close();
          } finally {
            watch.child.kill("SIGTERM");
          }
          assert.equal((await watch.ended).code, 0);
        });
      });
    });
  });

  it("says what is in the way: an interface of others, of another client, of both sides", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        await withNsm(folder, [], async (nsm) => {
          const nse = await endpoint(nsm, folder, "lb-1", lb);
          const fails = (name: string, place: Pod, ifName: string, what: RegExp) =>
            assert.rejects(ask(nsm, name, place, {}, ifName), (error) => {
              assert.match((error as Error).message, what);
              return true;
            });
          await as!.namespace.addVeth({ name: "nsm0", peer: { name: "mine" } });
          await fails("as-1", as!, "nsm0", /interface nsm0 is there already, and was not made by this forwarder/);
          assert.equal((await as!.namespace.link("nsm0")).kind, "veth");
          await as!.namespace.deleteLink("nsm0");
          const { nsc } = await ask(nsm, "as-1", as!, {});
          await fails("as-2", as!, "nsm0", /interface nsm0 .*belongs to a connection of as-1/);
          // The same client has forgotten its connection: the new one takes its place.
          const again = await ask(nsm, "as-1", as!, {});
          await hasLinks(as!.namespace, ["nsm0"]);
          assert.equal((await lb!.namespace.links()).length, 2);
          await again.nsc.shutdown();
          await hasLinks(as!.namespace, []);
          await nsc.shutdown();
          await hasLinks(lb!.namespace, []);
          await fails("as-1", { ...as!, netns: "/dev/zero" }, "nsm0", /is no network namespace/);
          await fails("as-1", { ...as!, netns: "/proc/1/nowhere" }, "nsm0", /nowhere/);
          assert.deepEqual(await lookAtConnections(look(nsm), never), []);
          await nse.close();
        });
      });
    });
  });

  it("refuses what cannot be, before anything is served", async () => {
    const refused = (work: () => unknown, what: RegExp) =>
      assert.throws(work, (error) => error instanceof MeshError && error.code === "INPUT" && what.test(error.message));
    refused(
      () => parseServices("name: a\nmatches: [{ source_selectors: {} }]", "x.yaml"),
      /x.yaml: network service 1: matches.0/,
    );
    refused(() => parseServices("[{ name: a }, { name: a }]", "x.yaml"), /a is there twice/);
    refused(() => parseServices("payload: IP", "x.yaml"), /it has no name/);
    refused(() => parseServices("kind: Pod\nmetadata: { name: a }", "x.yaml"), /network service 1: (apiVersion|kind)/);
    refused(() => serviceOfFlag("a:TCP"), /NAME:ETHERNET/);
    refused(() => readServices("/nowhere/services.yaml"), /cannot read .*nowhere/);
    assert.equal(parseServices("kind: NetworkServiceList\nitems: [{ name: a }, { name: b }]", "x").length, 2);
    const env = { NSM_INSECURE: "true" };
    const { code, stderr } = await vpplb(["nsm", "--exclude", "10.0.0.0/33"], { env });
    assert.equal(code, 2);
    assert.match(stderr, /10.0.0.0\/33/);
    await inFolder(async (folder) => {
      const { code, stderr } = await vpplb(["nsm", "services", "--connect-to", `unix://${folder}/none`], { env });
      assert.equal(code, 1);
      assert.match(stderr, /none cannot be reached/);
    });
  });
});
