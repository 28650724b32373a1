/**
 * The manifests at work: their pods run here as a kubelet would run them, with their own commands, files, variables,
 * probes and capabilities, /proc/sys read-only, on a mesh of ours. Everything is of overlays/standalone.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { projectRoot } from "../../src/bench/go.ts";
import { needNamespaces } from "../sys/support.ts";
import { withoutImage } from "./image.ts";
import { kubectlStandIn } from "./kubectl-stand-in.ts";
import { TestNode } from "./node.ts";
import { kustomize, parseObjects, podsOf, withoutKubectl, type PodSpec } from "./objects.ts";
import type { Pod } from "./pod.ts";

const BALANCER = 1;

describe("k8s: pods of overlays/standalone", function () {
  this.timeout(180_000);
  let node: TestNode;
  let specs: Map<string, PodSpec>;
  let balancer: Pod;
  const servers: Pod[] = [];

  before(async function () {
    const reason = withoutImage() ?? withoutKubectl() ?? (process.getuid?.() === 0 ? undefined : "needs root");
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    needNamespaces(this);
    const objects = parseObjects(kustomize("overlays/standalone"));
    specs = podsOf(objects);
    node = await TestNode.create(objects);
  });
  after(() => node?.close());

  /** VPP's servers, by its own CLI. */
  function held(): string[] {
    const { output } = balancer.exec("load-balancer", ["vppctl", "show", "lb", "vips", "verbose"]);
    return [...output.matchAll(/^ *(10\.60\.1\.\d+) .* used *$/gm)].map((match) => match[1]!);
  }

  /** Who answers connections from outside. */
  function answering(): string[] {
    return [...node.ask("10.2.2.33", 5001, 60).keys()].sort();
  }

  it("the mesh and the load-balancer start, and are healthy before there are servers", async () => {
    await node.pod("vpplb-nsm-x", specs.get("vpplb-nsm")!, 9);
    balancer = await node.pod("load-balancer-a", specs.get("load-balancer")!, BALANCER);
    await balancer.until("it is ready", () => balancer.ready("load-balancer"));
    const { vpp, "load-balancer": agent } = Object.fromEntries(balancer.containers);
    assert.ok(vpp!.running && agent!.running);
    assert.match(balancer.exec("load-balancer", ["vpplb", "status"]).output, /state +in-sync/);
  });

  it("three application servers connect and share the connections from outside, by the pod's eth0", async () => {
    const spec = specs.get("application-server")!;
    servers.push(...(await Promise.all([2, 3, 4].map((i) => node.pod(`application-server-${i}`, spec, i)))));
    await node.route("10.2.2.0/24", BALANCER);
    await balancer.until("three servers", () => held().length === 3);
    assert.deepEqual(answering(), ["application-server-2", "application-server-3", "application-server-4"]);
    for (const pod of servers) assert.ok(await pod.ready("nsc"));
  });

  it("check_load_balancer.sh says that it works, and that it does not where more servers are wanted", () => {
    const pods = [balancer, ...servers].map((pod) => ({ app: pod.options.name.replace(/-[^-]*$/, ""), pod }));
    const PATH = `${kubectlStandIn(node.folder, pods)}:${process.env["PATH"]}`;
    const check = (...options: string[]) => {
      const script = `${projectRoot}scripts/check_load_balancer.sh`;
      const env = { ...process.env, PATH };
      const done = spawnSync("sh", [script, "--timeout", "3", ...options], { env, encoding: "utf8", timeout: 60_000 });
      return { code: done.status, said: done.stdout + done.stderr };
    };
    const good = check("--connections", "12", "--hosts", "2");
    assert.equal(good.code, 0, good.said);
    assert.match(good.said, /The load-balancer works/);
    const bad = check("--connections", "4", "--hosts", "4");
    assert.equal(bad.code, 1, bad.said);
  });

  it("an agent that is killed comes back to what it had", async () => {
    const { log } = balancer.containers.get("load-balancer")!;
    assert.match(log, /sync/);
    balancer.containers.get("load-balancer")!.signal("SIGKILL");
    await balancer.containers.get("load-balancer")!.ended();
    assert.deepEqual(answering().length, 3, "VPP forwards without the agent");
    balancer.run("load-balancer");
    await balancer.until("it is ready again", () => balancer.ready("load-balancer"));
    assert.equal(held().length, 3);
    assert.deepEqual(answering(), ["application-server-2", "application-server-3", "application-server-4"]);
  });

  it("a pod that is deleted leaves the load-balancer, and everything in it ends in order", async () => {
    const codes = await servers.shift()!.stop();
    assert.equal(codes.get("nsc"), 0);
    await balancer.until("two servers", () => held().length === 2);
    assert.deepEqual(answering(), ["application-server-3", "application-server-4"]);
    const ended = await balancer.stop();
    assert.equal(ended.get("load-balancer"), 0);
    assert.equal(ended.get("vpp"), 0);
  });
});
