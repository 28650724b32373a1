import assert from "node:assert/strict";
import { waitFor } from "../../src/demo/processes.ts";
import { SETTING } from "../../src/demo/setting.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { SUBJECTS } from "./harness.ts";
import { NEW_VIP, Pod, SCRIPT, SERVERS } from "./pod.ts";

for (const subject of SUBJECTS) {
  describe(`nsehook.sh on ${subject.name}`, function () {
    this.timeout(120_000);
    let pod: Pod;
    const [first, second, third] = SERVERS.map(({ name }) => name) as [string, string, string];
    const all = [first, second, third];
    const fresh = (family: 4 | 6) => (family === 4 ? "10.2.2.33" : "2001:db8:2:2::33");

    before(async function () {
      needNetAdmin(this);
      pod = new Pod(subject.vpp);
      await pod.open();
    });
    after(async () => pod?.close());

    it("makes the example's load-balancer alone: TCP to three servers, both families, by the pod's eth0", async () => {
      await pod.hook(["endpoint_started"]);
      assert.match(await pod.vppctl("show interface"), /host-vpp1out +\d+ +down/, "closed until there is a server");
      for (const { ip4, ip6 } of SERVERS) {
        const said = await pod.hook(["new_connection", ip4]);
        assert.match(said, new RegExp(`vppctl lb as 10.2.2.0/24 ${ip4}`), "what it does is told");
        await pod.hook(["new_connection", ip6]);
      }
      assert.deepEqual(await pod.reach(fresh(4)), all);
      assert.deepEqual(await pod.reach(fresh(6)), all);
      assert.equal(pod.lb.offloads("vpp1host").tso, false);
    });

    it("may run again at any time: no connection breaks or moves", async () => {
      const held = await pod.traffic(fresh(4)).hold(40, { packetRate: 10 });
      await pod.hook(["endpoint_started"]);
      const servers = SERVERS.map(({ ip4 }) => ip4);
      await pod.hook(["endpoint_started"], { VPPLB_SERVERS: servers.join(",") });
      await Promise.all(servers.map((server) => pod.hook(["new_connection", server])));
      const before = held.records().map(({ received }) => received);
      await waitFor(
        "held connections to be answered",
        () => (held.records().every(({ received }, at) => received > before[at]!) ? true : undefined),
        { signal: AbortSignal.timeout(20_000), deadlineMs: 15_000 },
      );
      const { errors, records } = held.stop();
      assert.deepEqual(errors, {});
      assert.ok(records.every(({ serverChanges }) => serverChanges === 0));
      assert.deepEqual(await pod.held("10.2.2.0/24"), servers);
    });

    it("a server that goes gets no more, and may come again", async () => {
      await pod.hook(["del_connection", SERVERS[1]!.ip4]);
      await pod.hook(["del_connection", SERVERS[1]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), [first, third]);
      assert.deepEqual(await pod.reach(fresh(6)), all, "the other family is another server");
      assert.doesNotMatch(
        await pod.vppctl("show ip neighbor"),
        new RegExp(`${SERVERS[1]!.ip4}\\s`),
        "its MAC is forgotten",
      );
      await pod.hook(["new_connection", SERVERS[1]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), all);
      await pod.hook(["server_down", SERVERS[2]!.ip4]);
      assert.deepEqual(await pod.reach(fresh(4)), [first, second]);
      await pod.hook(["new_connection", SERVERS[2]!.ip4]);
    });

    it("a VIP comes, with the servers that are connected, and goes", async () => {
      const env = { VPPLB_SERVERS: `${SERVERS[0]!.ip4} ${SERVERS[2]!.ip4} ${SERVERS[1]!.ip6}` };
      await pod.hook(["vip_added", NEW_VIP], env);
      assert.deepEqual(await pod.reach("10.2.8.8"), [first, third]);
      // The VIPs of the moment, where the agent tells them.
      await pod.hook(["new_connection", SERVERS[1]!.ip4], { VPPLB_VIPS: `${SETTING.vip4} ${NEW_VIP}` });
      assert.deepEqual(await pod.reach("10.2.8.8"), all);
      await pod.hook(["vip_removed", NEW_VIP]);
      await pod.hook(["vip_removed", NEW_VIP]);
      assert.deepEqual(await pod.held(NEW_VIP), []);
      assert.deepEqual(await pod.reach(fresh(4)), all);
    });

    it("after a restart of VPP the same again", async () => {
      await pod.killVpp();
      const alone = await pod.run(SCRIPT, ["new_connection", SERVERS[0]!.ip4]);
      assert.equal(alone.status, 1, "VPP is not there");
      await pod.startVpp();
      const early = await pod.run(SCRIPT, ["new_connection", SERVERS[0]!.ip4]);
      assert.equal(early.status, 1);
      assert.match(early.stderr, /VIP 10\.2\.2\.0\/24: not in VPP. Has endpoint_started run/);
      const servers = SERVERS.flatMap(({ ip4, ip6 }) => [ip4, ip6]).join(" ");
      await pod.hook(["endpoint_started"], { VPPLB_SERVERS: servers });
      assert.deepEqual(await pod.reach(fresh(4)), all);
      assert.deepEqual(await pod.reach(fresh(6)), all);
    });

    it("what is no address comes on no line of VPP's CLI, and everything that fails says of what", async () => {
      const before = await pod.vppctl("show interface addr");
      const refused = [
        ["new_connection", "10.60.1.2 create loopback interface"],
        ["new_connection", "10.60.1.2\ncreate loopback interface"],
        ["new_connection", "$(create)"],
        ["new_connection", "10.60.1.2/24"],
        ["new_connection", "10.60.1.256"],
        ["new_connection", "010.060.001.002"],
        ["new_connection", "1:2:3:4:5:6:7:8:9"],
        ["new_connection", "1::2::3"],
        ["new_connection", "::"],
        ["new_connection", "224.0.0.1"],
        ["new_connection", "\\061.2.3.4"],
        ["new_connection"],
        ["new_connection", "10.60.1.2", "10.60.1.3"],
        ["endpoint_started", "10.60.1.2"],
        ["vip_added", "0.0.0.0/0"],
        ["vip_added", "10.2.2.0/33"],
        ["delete_everything"],
        [],
      ];
      await Promise.all(
        refused.map(async (args) => {
          const { status, stderr } = await pod.run(SCRIPT, args);
          assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
          assert.match(stderr, /^nsehook\.sh: /);
          assert.doesNotMatch(stderr, /^vppctl/m);
        }),
      );
      for (const env of [
        { VIP_ADDRESS: "10.2.2.0/24;reboot" },
        { IP_ADDRESS: "nonsense" },
        { IP_ADDRESS: "", IP_ADDRESS6: "" },
        { MTU: "1500 x" },
        { TABLE_SIZE: "1000" },
        { STICKY_BUCKETS: "0" },
        { OUT_DEVICE: "a b" },
        { HOST_ADDRESS: "10.70.0.0/31 10.71.0.0/31" },
        { LOOPBACK_MAC: "02:00" },
      ]) {
        const { status, stderr } = await pod.run(SCRIPT, ["endpoint_started"], env);
        assert.equal(status, 2, `${JSON.stringify(env)}: ${stderr}`);
        assert.match(stderr, new RegExp(Object.keys(env)[0]!));
      }
      assert.equal(await pod.vppctl("show interface addr"), before);
      const taken = await pod.run(SCRIPT, ["vip_added", SETTING.vip4], { IP_ADDRESS: "" });
      assert.deepEqual([taken.status, /VIP 10\.2\.2\.0\/24: VPP has it with gre4/.test(taken.stderr)], [1, true]);
      const nowhere = await pod.run(SCRIPT, ["endpoint_started"], { VPPCTL: "/nowhere/vppctl", VPP_WAIT_S: "0" });
      assert.deepEqual([nowhere.status, /VPP: no answer from "\/nowhere\/vppctl"/.test(nowhere.stderr)], [1, true]);
    });
  });
}
