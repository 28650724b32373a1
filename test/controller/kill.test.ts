import assert from "node:assert/strict";
import { join } from "node:path";
import { parseLbVips, type VppClient } from "vpp-api-ts";
import { WriteProxy } from "./proxy.ts";
import { LB_YAML, NOTHING_YAML, operator, startController, until } from "./support.ts";
import { spawnScript, startVpp, type TestVpp } from "./vpp.ts";

const FOREIGN = "10.77.1.1/32";
/** Shares lb_conf with the foreign VIP, which has to be allowed. */
const YAML = LB_YAML.replace("lb: {", 'lb: { manage: "always",');
/** Streams alone, on a loopback. Its sticky table is the foreign VIP's. */
const STREAMS_YAML = `
lb: { manage: false }
interfaces: [{ loopback: 2, mac: "02:fe:00:00:00:07", addresses: [10.78.0.1/24], outside: true }]
streams: [{ name: web, encap: gre4, servers: [10.60.1.2, 10.60.1.3] }]
flows: [{ name: http, stream: web, vips: [www], protocols: [tcp], destinationPorts: [80], priority: 1 }]
vips: [{ name: www, prefix: 20.0.0.1/32, stream: none, icmp: answer }]
`;
/** More operations than any plan here has. */
const MAX_KILLS = 80;

type Child = ReturnType<typeof spawnScript>;

/** A controller's process that is warm and waits for its order. */
function warm(): Promise<Child> {
  const child = spawnScript("controller-child.ts", [], "ipc");
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the controller ended with ${code} before it began`)));
  });
}

describe("controller: killed at every operation in turn", function () {
  this.timeout(300_000);
  let vpp: TestVpp;
  let client: VppClient;

  before(async () => {
    vpp = await startVpp();
    client = await operator(vpp.socket);
    await client.cli(`lb vip ${FOREIGN} encap gre4 new_len 8`);
    await client.cli(`lb as ${FOREIGN} 10.77.0.5`);
    await client.cli("create bridge-domain 77").catch(() => undefined);
  });
  after(async () => {
    client.close();
    await vpp.close();
  });

  const vips = async () => parseLbVips(await client.cli("show lb vips verbose"));

  /** Kills a controller that applies `yaml` when `count` writes have reached VPP. @returns how many it made */
  async function killedAfter(count: number, yaml: string, journal: string, child: Child): Promise<number> {
    const proxy = await WriteProxy.start(join(vpp.directory, `proxy-${count}.sock`), vpp.socket);
    const over = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    proxy.onWrite = (writes) => writes >= count && child.kill("SIGKILL");
    child.on("message", (message) => {
      if (message === "in-sync") child.kill("SIGKILL");
    });
    child.send({ socket: proxy.socket, journal, yaml });
    await over;
    await proxy.close();
    return proxy.writes.length;
  }

  /** The next controller, which knows only the journal: brings VPP to `yaml`. @returns what it had to do */
  async function converge(yaml: string, journal: string): Promise<readonly string[]> {
    const { controller } = await startController(vpp.socket, journal);
    await until("VPP is there", () => controller.status().vpp.state === "ready");
    const result = await controller.apply(yaml);
    assert.ok(result.ok, JSON.stringify(result));
    const again = await controller.plan(yaml);
    assert.deepEqual(again.operations, []);
    await controller.close();
    return result.applied;
  }

  async function assertHeld(): Promise<void> {
    const live = (await vips()).filter((vip) => !vip.removed);
    const names = live.map(
      (vip) => `${vip.prefix} ${vip.port} ${vip.servers.filter((server) => !server.removed).length}`,
    );
    assert.deepEqual(names.sort(), ["10.2.2.0/24 0 3", "10.2.3.1/32 5001 2", `${FOREIGN} 0 1`, "2001:db8:2::/64 0 1"]);
    const interfaces = (await client.dumpAll("sw_interface_dump", {})).map((one) => one.interface_name);
    assert.deepEqual(interfaces.sort(), ["local0", "loop0", "loop1"]);
  }

  async function assertStreams(): Promise<void> {
    const live = (await vips()).filter((vip) => !vip.removed && vip.prefix !== FOREIGN);
    assert.deepEqual(
      live.map((vip) => vip.servers.length),
      [2],
    );
    const acls = (await client.dumpAll("acl_dump", { acl_index: 0xffffffff })).map((one) =>
      one.tag.replace(/\/[^/]*$/, ""),
    );
    assert.deepEqual(acls.sort(), ["vpplb/flow/http/4", "vpplb/rule/answer/4", "vpplb/rule/filter/4"]);
    const policies = (await client.dumpAll("abf_policy_dump", {})).map((one) => one.policy.policy_id);
    const attached = (await client.dumpAll("abf_itf_attach_dump", {})).map((one) => one.attach.policy_id);
    assert.deepEqual([policies.length, attached.sort()], [3, policies.sort()]);
  }

  async function assertClean(): Promise<void> {
    if (client.has("acl_dump")) {
      assert.deepEqual(await client.dumpAll("acl_dump", { acl_index: 0xffffffff }), []);
      assert.deepEqual(await client.dumpAll("abf_policy_dump", {}), []);
      assert.deepEqual(await client.dumpAll("abf_itf_attach_dump", {}), []);
      const routes = await client.cli("show ip fib 20.0.0.1/32");
      assert.ok(!routes.includes("20.0.0.1/32 fib:"), "no route of ours is left");
    }
    const live = (await vips()).filter((vip) => !vip.removed);
    assert.deepEqual(
      live.map((vip) => [vip.prefix, vip.servers.map((server) => server.address)]),
      [[FOREIGN, ["10.77.0.5"]]],
    );
    const interfaces = (await client.dumpAll("sw_interface_dump", {})).map((one) => one.interface_name);
    assert.deepEqual(interfaces, ["local0"], "nothing of ours is left, tagged or not");
    const bridges = (await client.dumpAll("bridge_domain_dump", {})).map((one) => one.bd_id);
    assert.ok(!bridges.includes(1));
  }

  for (const [name, begin, wanted] of [
    ["programming an empty VPP", NOTHING_YAML, YAML],
    ["taking everything away again", YAML, NOTHING_YAML],
    ["programming streams and flows", NOTHING_YAML, STREAMS_YAML],
    ["taking streams and flows away again", STREAMS_YAML, NOTHING_YAML],
  ] as const) {
    it(`${name}: the next one brings VPP to what is desired, nothing twice, nothing foreign touched`, async () => {
      let next = warm();
      let kills = 0;
      for (let count = 1; count <= MAX_KILLS; count++) {
        const child = await next;
        next = warm();
        const journal = join(vpp.directory, `kill-${name.length}-${count}.json`);
        await converge(begin, journal);
        const writes = await killedAfter(count, wanted, journal, child);
        await converge(wanted, journal);
        await (wanted === YAML ? assertHeld() : wanted === STREAMS_YAML ? assertStreams() : assertClean());
        await converge(NOTHING_YAML, journal);
        await assertClean();
        kills = count;
        if (writes < count) break;
      }
      (await next).kill("SIGKILL");
      assert.ok(kills > 8 && kills < MAX_KILLS, `${kills} kills`);
    });
  }
});
