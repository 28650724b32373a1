/** A Kubernetes node of this machine: pods in namespaces with an eth0, and a client outside of it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync, cpSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespace } from "../../src/kernel/namespace.ts";
import type { Mount } from "./container.ts";
import { assembleImage } from "./image.ts";
import type { KubeObject, PodSpec } from "./objects.ts";
import { Pod } from "./pod.ts";

/** Of alpine and Debian's packages what a machine for tests may lack; each does what the manifests ask of it. */
const STAND_INS: Readonly<Record<string, string>> = {
  // nc -lk -p PORT -e hostname
  nc: `#!/usr/bin/env node
require("net").createServer((s) => s.on("error", () => {}).end(require("os").hostname() + "\\n")).listen(Number(process.argv[4]), "::");
process.on("SIGTERM", () => process.exit(0));`,
  // ethtool -K DEVICE NAME off ...
  ethtool: `#!/usr/bin/env node
const [, , , device, ...words] = process.argv;
import("/vpplb/dist/sys/ethtool.js").then(({ setOffloads }) =>
  setOffloads(device, Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] === "on"]] : [])))));`,
  // tini -- COMMAND...
  tini: `#!/bin/sh
shift
exec "$@"`,
};

export class TestNode {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-node-"));
  readonly objects: readonly KubeObject[];
  readonly client: Namespace;
  readonly #network: Namespace;
  readonly #images: Pod["options"]["images"];
  readonly #pods: Pod[] = [];

  private constructor(
    objects: readonly KubeObject[],
    network: Namespace,
    client: Namespace,
    more: Pod["options"]["images"],
  ) {
    this.objects = objects;
    this.#network = network;
    this.client = client;
    this.#images = { ...this.#makeImages(), ...more };
    for (const place of ["nsm", "spire"]) mkdirSync(join(this.folder, place));
  }

  /** @param more images beside ours and alpine's, by name */
  static async create(objects: readonly KubeObject[], more: Pod["options"]["images"] = {}): Promise<TestNode> {
    const network = await Namespace.create("node");
    const client = await Namespace.create("client");
    await network.addVeth({ name: "out", peer: { name: "eth0", namespace: client } });
    await network.addAddress("out", "192.0.2.1/24");
    await client.addAddress("eth0", "192.0.2.10/24");
    await client.addRoute({ dst: "default", via: "192.0.2.1" });
    network.sysctl("net.ipv4.ip_forward", 1);
    return new TestNode(objects, network, client, more);
  }

  /** Programs that come before this machine's own, and our image beside them. */
  #makeImages(): Pod["options"]["images"] {
    const image = assembleImage(join(this.folder, "image")).get("vpplb")!;
    const [bin, alpine] = [join(this.folder, "bin"), join(this.folder, "alpine")];
    for (const place of [bin, alpine]) mkdirSync(place);
    for (const [name, text] of Object.entries(STAND_INS)) {
      const own = name === "nc"; // Debian's is another
      if (!own && spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined) continue;
      const file = join(own ? alpine : bin, name);
      writeFileSync(file, `${text}\n`);
      chmodSync(file, 0o755);
    }
    symlinkSync("/vpplb/bin/vpplb.js", join(bin, "vpplb"));
    cpSync(join(image, "usr/local/bin/vppctl"), join(bin, "vppctl"));
    const mounts: Mount[] = [
      { source: join(image, "vpplb"), target: "/vpplb", readOnly: true },
      { source: bin, target: "/image/bin", readOnly: true },
    ];
    return {
      vpplb: { mounts, entrypoint: ["tini", "--", "vpplb"] },
      alpine: { mounts: [{ source: alpine, target: "/image/bin", readOnly: true }] },
    };
  }

  /** The pod of a Deployment or DaemonSet, with an address of 10.244.0.0/16. */
  async pod(name: string, spec: PodSpec, number: number): Promise<Pod> {
    const [here, there] = [`10.244.${number}.1`, `10.244.${number}.2`];
    const pod = await Pod.start({
      name,
      spec,
      objects: this.objects,
      hostPaths: {
        "/var/lib/networkservicemesh": join(this.folder, "nsm"),
        "/run/spire/sockets": join(this.folder, "spire"),
      },
      images: this.#images,
      network: async (namespace) => {
        await namespace.setLink("lo", { up: true });
        await this.#network.addVeth({ name: `pod${number}`, peer: { name: "eth0", namespace } });
        await this.#network.addAddress(`pod${number}`, `${here}/24`);
        await namespace.addAddress("eth0", `${there}/24`);
        await namespace.addRoute({ dst: "default", via: here });
      },
    });
    this.#pods.push(pod);
    return pod;
  }

  /** As `ip route add PREFIX via POD` on the node. */
  async route(prefix: string, number: number): Promise<void> {
    await this.#network.addRoute({ dst: prefix, via: `10.244.${number}.2` });
  }

  /** Answers of so many connections from outside: by what was said, how often. */
  ask(address: string, port: number, times: number): Map<string, number> {
    const script =
      'const n=require("net");const [,h,p,t]=process.argv;let left=+t;const done=(s)=>{console.log(s);if(--left===0)process.exit(0)};' +
      'for(let i=0;i<+t;i++){let text="";const s=n.connect(+p,h);s.setTimeout(4000,()=>s.destroy(new Error("timeout")));' +
      's.on("data",(d)=>text+=d).on("end",()=>done(text.trim())).on("error",(e)=>done("error "+e.code+e.message))}';
    const output = this.client.run(
      () =>
        spawnSync(process.execPath, ["-e", script, address, String(port), String(times)], { encoding: "utf8" }).stdout,
    );
    const counts = new Map<string, number>();
    for (const line of output.trim().split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  }

  async close(): Promise<void> {
    for (const pod of this.#pods.splice(0).reverse()) await pod.stop(3000);
    this.client.close();
    this.#network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
