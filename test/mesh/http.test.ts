import assert from "node:assert/strict";
import { kernelMechanism, memifMechanism, memifServer, newConnection, NsmError } from "@networkservicemesh/sdk-ts";
import { MemifListener } from "../../src/memif/index.ts";
import { inFolder } from "../nsm/support.ts";
import { cells, parseExposition } from "../observe/exposition.ts";
import { metricTable } from "../../src/observe/docs.ts";
import { allMeshMetrics } from "../../src/observe/doc-metrics.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { client, endpoint, requestOnce, withNsm, withPods, type NsmProcess } from "./support.ts";

const HTTP = ["--http", "127.0.0.1:0"];
/** Sooner than an endpoint renews its registration by itself: after two thirds of a minute. */
const SOON_MS = 30_000;

const get = (nsm: NsmProcess, page: string) => fetch(`http://${String(nsm.events("mesh-ready")[0]?.["http"])}${page}`);

interface Health {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly message: string }>>;
}

/** Reads the metrics: the sum over all series of a metric that have these labels; undefined where there is none. */
async function scrape(nsm: NsmProcess) {
  const families = parseExposition(await (await get(nsm, "/metrics")).text());
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
    const all = families.get(`vpplb_mesh_${name}`)?.samples ?? families.get(name)?.samples ?? [];
    const found = all.filter((one) => Object.entries(labels).every(([key, wanted]) => one.labels[key] === wanted));
    return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one.value, 0);
  };
  return { value, names: [...families.keys()] };
}

describe("mesh: pages of vpplb nsm", function () {
  this.timeout(120_000);

  before(function () {
    needNamespaces(this);
  });

  it("tell registrations, connections, links and how calls ended; after a kill -9, what is awaited and who is back", async () => {
    await inFolder(async (folder) => {
      await withPods(["lb", "as"], async (lb, as) => {
        await withNsm(folder, [...HTTP, "--service", "load-balancer:ETHERNET", "--service", "idle"], async (nsm) => {
          const before = await scrape(nsm);
          assert.deepEqual([before.value("services"), before.value("endpoints", { service: "idle" })], [2, 0]);
          assert.equal(before.value("connections"), undefined);
          assert.equal(before.value("events_total", { event: "service-registered" }), 2);
          assert.equal(before.value("requests_total", { method: "Request" }), 0);

          const nse = await endpoint(nsm, folder, "lb-1", lb);
          const listener = MemifListener.open(`${folder}/memif.sock`);
          const memif = { MEMIF: memifServer(() => `${folder}/memif.sock`) };
          const other = await endpoint(nsm, folder, "memif-1", undefined, { service: "memif", mechanism: memif });
          const nsc = client(nsm, "as-1");
          const ask = (networkService: string, ...mechanismPreferences: ReturnType<typeof memifMechanism>[]) =>
            nsc.request({ connection: newConnection({ networkService }), mechanismPreferences });
          await requestOnce(nsm, "gone-1", 600_000, as!.netns);
          const handed = await ask("memif", memifMechanism());
          await assert.rejects(ask("nothing", memifMechanism()), (error) => NsmError.is(error, "NOT_FOUND"));

          const { value, names } = await scrape(nsm);
          assert.deepEqual([value("services"), value("endpoints", { service: "load-balancer" })], [3, 1]);
          assert.equal(value("connections", { service: "load-balancer", mechanism: "KERNEL" }), 1);
          assert.equal(value("connections", { service: "memif", mechanism: "MEMIF" }), 1);
          assert.deepEqual(
            [value("links", { by: "veth" }), value("links", { by: "socket" }), value("links")],
            [1, 1, 2],
          );
          assert.equal(value("awaited_links"), 0);
          assert.ok((value("monitors") ?? 0) >= 1, "the client watches its connections");
          const requests = (code: string) =>
            value("requests_total", { service: "NetworkService", method: "Request", code });
          assert.deepEqual([requests("OK"), requests("NOT_FOUND")], [2, 1]);
          const registered = { service: "NetworkServiceEndpointRegistry", method: "Register", code: "OK" };
          assert.equal(value("requests_total", registered), 2);
          assert.equal(value("events_total", { event: "request-failed" }), 1);
          assert.equal(value("vpp_connected"), undefined, "there is none");
          assert.ok((value("process_open_fds") ?? 0) > 10);
          const known = new Set(cells(metricTable([allMeshMetrics().registries[0]!])).map(([, name]) => name));
          for (const name of names.filter((one) => one.startsWith("vpplb_"))) assert.ok(known.has(`\`${name}\``), name);
          const health = (await (await get(nsm, "/readyz")).json()) as Health;
          assert.deepEqual([health.ok, health.checks["mesh"]?.message], [true, "2 endpoints, 2 connections"]);

          await nsc.close(handed);
          assert.equal((await scrape(nsm)).value("links", { by: "socket" }), 0);
          await nsc.shutdown();
          await nsm.end("SIGKILL");
          await nsm.restart();
          await until(
            "the endpoints are there again",
            () => nsm.events("mesh-endpoint-registered").length === 2,
            SOON_MS,
          );
          const after = await scrape(nsm);
          assert.equal(after.value("awaited_links"), 1, "of the client that has forgotten it");
          assert.equal(after.value("endpoints", { service: "load-balancer" }), 1);
          const late = client(nsm, "as-2");
          const made = await late.request({
            connection: newConnection({ networkService: "load-balancer" }),
            mechanismPreferences: [kernelMechanism("nsm1", as!.netns)],
          });
          assert.equal(made.networkServiceEndpointName, "lb-1");
          await late.shutdown();
          await nse.close();
          await other.close();
          listener.close();
        });
      });
    });
  });

  it("is not ready while the VPP that it was given is not there, and alive all the same", async () => {
    await inFolder(async (folder) => {
      const vpp = ["--vpp", `${folder}/none.sock`, "--vpp-netns", "/proc/self/ns/net"];
      await withNsm(folder, [...HTTP, ...vpp, "--memif-dir", folder], async (nsm) => {
        const ready = await get(nsm, "/readyz");
        const { ok, checks } = (await ready.json()) as Health;
        assert.deepEqual([ready.status, ok, checks["mesh"]?.ok, checks["vpp"]?.ok], [503, false, true, false]);
        assert.equal((await get(nsm, "/healthz")).status, 200);
        const { value } = await scrape(nsm);
        assert.deepEqual([value("vpp_connected"), value("links", { by: "vpp" })], [0, 0]);
      });
    });
  });
});
