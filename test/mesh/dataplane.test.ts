import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import {
  kernelMechanism,
  kernelServer,
  memifMechanism,
  memifServer,
  newConnection,
  NsmError,
  type Mechanism,
} from "@networkservicemesh/sdk-ts";
import { needNamespaces, until } from "../sys/support.ts";
import { inFolder } from "../nsm/support.ts";
import { client, endpoint, hasLinks, linkNames, withNsm, withPods } from "./support.ts";
import { pings, VppPod, VPPS } from "./vpp.ts";

for (const { name, command } of VPPS) {
  describe(`mesh: KERNEL to MEMIF through ${name}`, function () {
    this.timeout(90_000);

    before(function () {
      needNamespaces(this);
      if (spawnSync("ping", ["-V"]).status === 0) return;
      console.log("      skipped: there is no ping here");
      this.skip();
    });

    it("a client in a namespace, an endpoint on a memif; VPP restarts, the manager is killed; nothing is left", async () => {
      await inFolder(async (folder) => {
        const vpp = await VppPod.start(folder, "vpp", command);
        const lb = await VppPod.start(folder, "lb", undefined);
        try {
          await withPods(["as"], async (as) => {
            const args = ["--vpp", vpp.api, "--service", "load-balancer:ETHERNET", "--memif-dir", `${folder}/memif`];
            await withNsm(folder, args, async (nsm) => {
              const socket = `${folder}/lb/nsm.sock`;
              await lb.memif(socket, "master", ["10.60.1.1/24", "2001:db8:60::1/64"]);
              const nse = await endpoint(nsm, folder, "lb-1", undefined, {
                mechanism: { MEMIF: memifServer(() => socket) },
              });
              const events: string[] = [];
              const nsc = client(nsm, "as-1", {
                heal: { livenessCheck: () => Promise.resolve(true), onEvent: ({ type }) => events.push(type) },
              });
              const made = await nsc.request({
                connection: newConnection({ networkService: "load-balancer" }),
                mechanismPreferences: [kernelMechanism("nsm0", as!.netns)],
              });
              assert.equal(made.mechanism?.type, "KERNEL");
              await until("packets pass", () => pings(as!.namespace, "10.60.1.1"), 20_000);
              await until("packets of IPv6 pass", () => pings(as!.namespace, "2001:db8:60::1"), 20_000);
              assert.equal(as!.namespace.offloads("nsm0").tso, false);
              const before = await vpp.interfaces();
              assert.equal(before.length, 2);
              const [end = ""] = (await linkNames(vpp.namespace)).filter((each) => each !== "lo");

              await nsc.request({ connection: made });
              assert.deepEqual(await vpp.interfaces(), before, "a refresh changes nothing");

              await vpp.restart();
              await until("VPP has it again", async () => (await vpp.interfaces()).length === 2, 20_000);
              await until("packets pass again", () => pings(as!.namespace, "10.60.1.1"), 20_000);

              await nsm.end("SIGKILL");
              assert.ok(await pings(as!.namespace, "10.60.1.1"), "packets pass without a manager");
              await nsm.restart();
              await until("it is healed", () => events.at(-1) === "healed", 20_000);
              assert.ok(await pings(as!.namespace, "10.60.1.1"));
              assert.deepEqual(await vpp.interfaces(), before);
              await hasLinks(vpp.namespace, [end]);

              await nsc.shutdown();
              assert.deepEqual(await vpp.interfaces(), []);
              assert.deepEqual(await vpp.sockets(), []);
              await hasLinks(vpp.namespace, []);
              await hasLinks(as!.namespace, []);
              await nse.close();
            });
          });
        } finally {
          await lb.close();
          await vpp.close();
        }
      });
    });

    for (const where of ["a file", "an abstract name in its namespace"] as const)
      it(`a client on a memif at ${where}, an endpoint in a namespace`, () => fromMemif(where === "a file"));

    async function fromMemif(isFile: boolean): Promise<void> {
      await inFolder(async (folder) => {
        const vpp = await VppPod.start(folder, "vpp", command);
        const as = await VppPod.start(folder, "as", undefined);
        try {
          await withPods(["lb"], async (lb) => {
            const args = ["--vpp", vpp.api, "--service", "load-balancer:ETHERNET", "--memif-dir", `${folder}/memif`];
            await withNsm(folder, args, async (nsm) => {
              const nse = await endpoint(nsm, folder, "lb-1", lb, { mechanism: { KERNEL: kernelServer(lb!.netns) } });
              const nsc = client(nsm, "as-1");
              const made = await nsc.request({
                connection: newConnection({ networkService: "load-balancer" }),
                mechanismPreferences: [memifMechanism(isFile ? undefined : as.namespace.netns.path)],
              });
              const { inodeURL = "", socketfile = "" } = made.mechanism?.parameters ?? {};
              const path = inodeURL.slice("file://".length);
              if (isFile) assert.match(path, /^\/proc\/\d+\/fd\/\d+$/, "the socket came as a descriptor");
              else assert.equal(path, as.namespace.netns.path);
              const filename = isFile ? path : `abstract:${socketfile},netns_name=${path}`;
              await as.memif(filename, "slave", made.context!.ipContext!.srcIpAddrs);
              await until("packets pass", () => pings(lb!.namespace, "10.60.1.2"), 20_000);
              await nsc.shutdown();
              assert.deepEqual(await vpp.interfaces(), []);
              await hasLinks(lb!.namespace, []);
              await nse.close();
            });
          });
        } finally {
          await as.close();
          await vpp.close();
        }
      });
    }
  });
}

describe("mesh: payload IP, which a service has that nobody has registered", function () {
  this.timeout(60_000);

  before(function () {
    needNamespaces(this);
  });

  it("memif to memif the socket is handed on, the mode is theirs; KERNEL to MEMIF is refused and leaves nothing", async () => {
    await inFolder(async (folder) => {
      const socket = `${folder}/memif.sock`;
      const server = createServer().listen(socket);
      await once(server, "listening");
      try {
        await withPods(["as"], async (as) => {
          // It is refused before a VPP is asked for.
          await withNsm(folder, ["--vpp", `${folder}/none.sock`], async (nsm) => {
            const nse = await endpoint(nsm, folder, "lb-1", undefined, {
              mechanism: { MEMIF: memifServer(() => socket) },
            });
            const nsc = client(nsm, "as-1");
            const ask = (mechanism: Mechanism) =>
              nsc.request({
                connection: newConnection({ networkService: "load-balancer" }),
                mechanismPreferences: [mechanism],
              });
            await assert.rejects(ask(kernelMechanism("nsm0", as!.netns)), (error) => {
              assert.ok(NsmError.is(error, "UNSUPPORTED"), String(error));
              assert.match(error.message, /this is IP: give network service "load-balancer" payload ETHERNET/);
              return true;
            });
            assert.equal(nse.chain.monitor.connections.size, 0);
            await hasLinks(as!.namespace, []);
            const made = await ask(memifMechanism());
            assert.deepEqual([made.mechanism?.type, made.payload], ["MEMIF", "IP"]);
            const path = made.mechanism!.parameters["inodeURL"]!.slice("file://".length);
            assert.equal(statSync(path).ino, statSync(socket).ino, "the endpoint's own socket");
            await nsc.shutdown();
            assert.equal(nse.chain.monitor.connections.size, 0);
            await nse.close();
          });
        });
      } finally {
        server.close();
      }
    });
  });
});
