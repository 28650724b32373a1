/** The ConfigMaps' scripts for an application server, in a network namespace. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../src/bench/go.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { needNamespaces } from "../sys/support.ts";

describe("k8s: scripts of an application server", function () {
  this.timeout(30_000);
  let server: Namespace;
  let folder: string;

  before(async function () {
    needNamespaces(this);
    folder = mkdtempSync(join(tmpdir(), "vpplb-scripts-"));
    writeFileSync(join(folder, "nc"), "#!/bin/sh\necho serves $*\n");
    chmodSync(join(folder, "nc"), 0o755);
    server = await Namespace.create("server");
    await server.addVeth({ name: "nsm0", peer: { name: "vpp" } });
    await server.addAddress("nsm0", "10.60.1.2/24");
    // Where the kernel has no GRE the script has something of that name to set up.
    if ((await server.findLink("gre0")) === undefined) await server.addVeth({ name: "gre0", peer: { name: "other" } });
  });
  after(() => {
    server?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function run(script: string, env: Readonly<Record<string, string>> = {}): Promise<[number, string]> {
    const child = server.spawn("sh", [`${projectRoot}k8s/config/${script}`], {
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (said += text.toString()));
    const [code] = (await once(child, "close")) as [number];
    return [code, said];
  }

  it("container-init makes the VIP local and routes its answers, and may run again", async () => {
    for (let time = 0; time < 2; time += 1) {
      const [code, said] = await run("container-init");
      assert.equal(code, 0, said);
      assert.match(said, /serves -lk -p 5001 -e hostname/);
    }
    assert.ok((await server.addresses("lo")).some(({ prefix }) => prefix === "10.2.2.0/24"));
    assert.equal((await server.rules()).filter(({ from, table }) => from === "10.2.2.0/24" && table === 222).length, 1);
    const routes = (await server.routes()).filter(({ table }) => table === 222);
    assert.deepEqual(
      routes.map(({ dst, via, advmss }) => ({ dst, via, advmss })),
      [{ dst: "default", via: "10.60.1.1", advmss: 1436 }],
    );
    assert.ok((await server.routes()).some(({ dst, via }) => dst === "10.70.0.0/31" && via === "10.60.1.1"));
  });

  it("container-init fails where its interface is not there", async () => {
    const [code] = await run("container-init", { DEVICE: "nsm7" });
    assert.notEqual(code, 0);
  });

  it("sysctl.sh sets what the agent would, and may run again", async () => {
    for (let time = 0; time < 2; time += 1) {
      const [code, said] = await run("sysctl.sh");
      assert.equal(code, 0, said);
    }
    const wanted = { "all.arp_announce": "2", "all.arp_ignore": "1", "all.rp_filter": "0", "default.rp_filter": "0" };
    for (const [name, value] of Object.entries(wanted)) {
      assert.equal(server.sysctl(`net/ipv4/conf/${name.replace(".", "/")}`), value, name);
    }
  });
});
