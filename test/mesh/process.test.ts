import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import {
  kernelMechanism,
  memifMechanism,
  memifServer,
  newConnection,
  NsmError,
  type IpContext,
  type PolicyRoute,
} from "@networkservicemesh/sdk-ts";
import { MemifListener, MemifMaster, MemifSlave } from "../../src/memif/index.ts";
import { Told } from "../memif/support.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { inFolder } from "../nsm/support.ts";
import {
  addressesOf,
  client,
  echo,
  endpoint,
  hasLinks,
  linkNames,
  requestOnce,
  withNsm,
  withPods,
  type NsmProcess,
} from "./support.ts";

const fdsOf = (nsm: NsmProcess) => readdirSync(`/proc/${nsm.pid}/fd`).length;

describe("mesh: vpplb nsm", function () {
  this.timeout(120_000);

  before(function () {
    needNamespaces(this);
  });

  it("joins two namespaces: addresses, routes, neighbours, policies, MTU; a refresh changes them in place; nothing is left", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        await withNsm(folder, ["--service", "load-balancer:ETHERNET"], async (nsm) => {
          let routes = [{ prefix: "10.2.2.0/24", nextHop: "10.60.1.1" }];
          const nse = await endpoint(nsm, folder, "lb-1", lb, {
            mtu: 1400,
            context: () => ({
              srcRoutes: routes,
              ipNeighbors: [{ ip: "10.60.1.77", hardwareAddress: "02:00:00:00:00:77" }],
              policies: [
                {
                  from: "10.9.9.9/32",
                  proto: "tcp",
                  dstPort: "80-90",
                  srcPort: "",
                  routes: [{ prefix: "0.0.0.0/0", nextHop: "10.60.1.1" }],
                },
              ],
            }),
          });
          const before = fdsOf(nsm);
          const nsc = client(nsm, "as-1");
          const made = await nsc.request({
            connection: newConnection({ networkService: "load-balancer" }),
            mechanismPreferences: [kernelMechanism("nsm0", as!.netns)],
          });
          assert.equal(made.payload, "ETHERNET");
          assert.deepEqual(await addressesOf(as!.namespace, "nsm0"), ["10.60.1.2/24", "2001:db8:60::2/64"]);
          assert.equal((await as!.namespace.link("nsm0")).mtu, 1400);
          assert.equal(await echo(as!.namespace, lb!.namespace, "10.60.1.1"), "you are 10.60.1.2");
          assert.equal(await echo(as!.namespace, lb!.namespace, "2001:db8:60::1"), "you are 2001:db8:60::2");
          const route = async (dst: string) => (await as!.namespace.routes()).filter((one) => one.dst === dst);
          assert.equal((await route("10.2.2.0/24"))[0]?.via, "10.60.1.1");
          const neighbor = (await as!.namespace.neighbours()).find(({ address }) => address === "10.60.1.77");
          assert.equal(neighbor?.mac, "02:00:00:00:00:77");
          const rule = (await as!.namespace.rules()).find(({ from }) => from === "10.9.9.9/32");
          assert.deepEqual([rule?.ipProtocol, rule?.destinationPorts], [6, [80, 90]]);
          assert.equal((await as!.namespace.routes()).find(({ table }) => table === rule?.table)?.via, "10.60.1.1");
          assert.deepEqual(await route("10.3.3.0/24"), []);

          const index = (await as!.namespace.link("nsm0")).index;
          await as!.namespace.addRoute({ dst: "10.99.0.0/16", dev: "nsm0" });
          routes = [{ prefix: "10.3.3.0/24", nextHop: "10.60.1.1" }];
          const again = await nsc.request({ connection: { ...made, context: null } });
          assert.equal((await as!.namespace.link("nsm0")).index, index, "the interface stays");
          assert.equal((await route("10.3.3.0/24")).length, 1);
          assert.deepEqual(await route("10.2.2.0/24"), []);
          assert.equal((await route("10.99.0.0/16")).length, 1, "what the client added stays");

          await nsc.close(again);
          assert.deepEqual(await linkNames(as!.namespace), ["lo"]);
          assert.deepEqual(await linkNames(lb!.namespace), ["lo"]);
          assert.equal(
            (await as!.namespace.rules()).find(({ from }) => from === "10.9.9.9/32"),
            undefined,
          );
          await nsc.shutdown();
          await until("descriptors are closed", () => fdsOf(nsm) <= before);
          await nse.close();
          const events = [
            "mesh-endpoint-registered",
            "mesh-connected",
            "mesh-disconnected",
            "mesh-endpoint-unregistered",
          ];
          await until("all is logged", () => events.every((name) => nsm.events(name).length === 1));
          assert.equal(nsm.events("mesh-connected")[0]?.["client"], "as-1");
        });
      });
    });
  });

  it("what cannot be set is refused, and leaves nothing", async () => {
    const route = (prefix: string, nextHop = "") => ({ srcRoutes: [{ prefix, nextHop }] });
    const policy = (more: Partial<PolicyRoute>) => ({
      policies: [{ from: "", proto: "", dstPort: "", srcPort: "", routes: [{ prefix: "::/0", nextHop: "" }], ...more }],
    });
    const bad: readonly [what: string, context: Partial<IpContext>, mtu?: number][] = [
      ["a route", route("nowhere")],
      ["a next hop", route("10.0.0.0/8", "nobody")],
      ["a next hop of the other family", route("10.0.0.0/8", "2001:db8::1")],
      ["a neighbor", { ipNeighbors: [{ ip: "10.60.1.9", hardwareAddress: "no mac" }] }],
      ["a protocol", policy({ proto: "carrier-pigeon" })],
      ["ports", policy({ proto: "tcp", dstPort: "90-80" })],
      ["a source", policy({ from: "here" })],
      ["an MTU", {}, 100_000],
    ];
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        await withNsm(folder, [], async (nsm) => {
          let [, context = {}, mtu = 0] = bad[0]!;
          const nse = await endpoint(nsm, folder, "lb-1", lb, { context: () => context, mtuOf: () => mtu });
          const nsc = client(nsm, "as-1");
          const ask = () =>
            nsc.request({
              connection: newConnection({ networkService: "load-balancer" }),
              mechanismPreferences: [kernelMechanism("nsm0", as!.netns)],
            });
          for (const [what, one, size = 0] of bad) {
            [context, mtu] = [one, size];
            await assert.rejects(ask(), NsmError, what);
            await hasLinks(as!.namespace, []);
            await hasLinks(lb!.namespace, []);
            assert.deepEqual(
              (await as!.namespace.rules()).filter(({ table }) => table > 255),
              [],
            );
          }
          [context, mtu] = [{}, 0];
          await ask();
          await hasLinks(as!.namespace, ["nsm0"]);
          await nsc.shutdown();
          await nse.close();
        });
      });
    });
  });

  it("hands a memif socket on: the client's second choice, where the endpoint has not the first", async () => {
    await inFolder(async (folder) => {
      await withPods(["as"], async (as) => {
        await withNsm(folder, [], async (nsm) => {
          const path = `${folder}/memif.sock`;
          const listener = MemifListener.open(path);
          const [atMaster, atSlave] = [new Told(), new Told()];
          new MemifMaster(listener, { id: 0 }, atMaster).start();
          const nse = await endpoint(nsm, folder, "lb-1", undefined, { mechanism: { MEMIF: memifServer(() => path) } });
          const nsc = client(nsm, "as-1");
          const made = await nsc.request({
            connection: newConnection({ networkService: "load-balancer" }),
            mechanismPreferences: [kernelMechanism("nsm0", as!.netns), memifMechanism()],
          });
          assert.equal(made.mechanism?.type, "MEMIF");
          const url = made.mechanism.parameters["inodeURL"] ?? "";
          assert.match(url, /^file:\/\/\/proc\/\d+\/fd\/\d+$/, "the socket came as a descriptor");
          const slave = new MemifSlave({ id: 0, socketPath: url.slice("file://".length) }, atSlave);
          slave.start();
          await until("the two are linked", () => atMaster.link !== undefined && atSlave.link !== undefined);
          slave.stop();
          await nsc.shutdown();
          await nse.close();
          listener.close();
          await hasLinks(as!.namespace, []);
        });
      });
    });
  });

  it("killed and started again: connections are taken over, none is doubled; what nobody refreshes goes", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as", "gone"], async (lb, as, gone) => {
        await withNsm(folder, [], async (nsm) => {
          const nse = await endpoint(nsm, folder, "lb-1", lb);
          const events: string[] = [];
          const heal = {
            livenessCheck: () => Promise.resolve(true),
            onEvent: ({ type }: { readonly type: string }) => events.push(type),
          };
          const nsc = client(nsm, "as-1", { heal });
          await nsc.request({
            connection: newConnection({ networkService: "load-balancer" }),
            mechanismPreferences: [kernelMechanism("nsm0", as!.netns)],
          });
          await requestOnce(nsm, "gone-1", 12_000, gone!.netns);
          const index = (await as!.namespace.link("nsm0")).index;
          const before = await linkNames(lb!.namespace);
          assert.equal(before.length, 3);

          await nsm.end("SIGKILL");
          await until("the loss is seen", () => events.includes("control-plane-down"), 10_000);
          assert.equal(await echo(as!.namespace, lb!.namespace, "10.60.1.1"), "you are 10.60.1.2");
          await nsm.restart();
          await until("it is healed", () => events.at(-1) === "healed", 20_000);
          assert.equal(nsm.events("mesh-links-found")[0]?.["connections"], 2);
          assert.equal((await as!.namespace.link("nsm0")).index, index, "the same interface as before");
          assert.equal(await echo(as!.namespace, lb!.namespace, "10.60.1.1"), "you are 10.60.1.2");
          const after = await linkNames(lb!.namespace);
          assert.deepEqual(after, before, "no interface was made or lost");
          await hasLinks(gone!.namespace, [], 40_000);
          await until("it is logged", () => nsm.events("mesh-link-removed")[0]?.["why"] === "expired");
          assert.equal((await linkNames(lb!.namespace)).length, 2);
          await nsc.shutdown();
          await hasLinks(lb!.namespace, []);
          await nse.close();
        });
      });
    });
  });
});
