/**
 * What ends VPP or leaves it astray is refused before it is sent, and all else goes through: against the embedded
 * dataplane, and with `VPPLB_VPP_COMMAND` (a command that takes a directory and runs VPP with `api.sock` in it) against a
 * real VPP. The embedded one answers the same inputs unguarded, and lives.
 */
import assert from "node:assert/strict";
import type { VppClient } from "vpp-api-ts";
import { named, openGuarded, type Guarded } from "./guarded.ts";

const NONE = 0xffff_ffff;
const REFUSED = { code: "REFUSED" };
/** FIB_API_PATH_TYPE_DROP of fib_types.api. */
const DROP = 2;

const via = (hop: string) => ({
  ...{ sw_if_index: NONE, table_id: 0, rpf_id: 0, weight: 1, preference: 0, type: 0, flags: 0, proto: 0, n_labels: 0 },
  nh: { address: { ip4: hop } },
});
const rule = {
  ...{ is_permit: 1, src_prefix: "0.0.0.0/0", dst_prefix: "20.0.0.1/32", proto: 6 },
  ...{ srcport_or_icmptype_first: 0, srcport_or_icmptype_last: 65535 },
  ...{ dstport_or_icmpcode_first: 80, dstport_or_icmpcode_last: 80, tcp_flags_mask: 0, tcp_flags_value: 0 },
};

for (const name of ["embedded", "VPP"] as const) {
  describe(`policies and lists by vpp-api-ts against ${named(name)}`, function () {
    this.timeout(60_000);
    let guarded: Guarded | undefined;
    let client: VppClient;

    before(async function () {
      guarded = await openGuarded(this, name);
      client = guarded.client;
      for (let i = 0; i < 2; i += 1)
        await client.request("acl_add_replace", { acl_index: NONE, tag: `a${i}`, count: 1, r: [rule] });
    });
    after(() => guarded?.close());

    const policy = (is_add: boolean, id: number, acl: number, ...hops: string[]) =>
      client.request("abf_policy_add_del", {
        ...{ is_add, policy: { policy_id: id, acl_index: acl, n_paths: hops.length, paths: hops.map(via) } },
      });
    const attach = (is_add: boolean, id: number, index: number, is_ipv6 = false) =>
      client.request("abf_itf_attach_add_del", {
        ...{ is_add, attach: { policy_id: id, sw_if_index: index, priority: 1, is_ipv6 } },
      });

    it("a policy takes paths, but none twice; attached it keeps its last", async () => {
      await policy(true, 1, 0, "198.18.0.1");
      await assert.rejects(policy(true, 1, 0, "198.18.0.1"), REFUSED);
      await assert.rejects(policy(true, 1, 0, "198.18.0.2", "198.18.0.1"), REFUSED);
      await policy(true, 1, 0, "198.18.0.2");
      await attach(true, 1, 1);
      await policy(false, 1, 0, "198.18.0.1");
      await assert.rejects(policy(false, 1, 0, "198.18.0.2"), REFUSED);
      const [row] = await client.dumpAll("abf_policy_dump");
      assert.equal(row?.policy.paths.length, 1);
    });

    it("paths that drop are one, whatever else they say", async () => {
      const drop = (is_add: boolean, hop: string, index: number) =>
        client.request("abf_policy_add_del", {
          is_add,
          policy: {
            ...{ policy_id: 9, acl_index: 0, n_paths: 1 },
            paths: [{ ...via(hop), sw_if_index: index, type: DROP }],
          },
        });
      await drop(true, "198.18.0.1", 4242);
      await assert.rejects(drop(true, "198.18.0.2", NONE), REFUSED);
      await drop(false, "198.18.0.3", 1);
      assert.deepEqual(
        (await client.dumpAll("abf_policy_dump")).filter((row) => row.policy.policy_id === 9),
        [],
      );
    });

    it("an attachment needs its policy, its interface, a list of its own, and goes by its family", async () => {
      await assert.rejects(attach(true, 99, 1), REFUSED);
      await assert.rejects(attach(true, 1, 4242), REFUSED);
      await assert.rejects(attach(false, 1, 1, true), REFUSED);
      await assert.rejects(attach(true, 1, 1), { code: "RETVAL", retval: -116 });
      await policy(true, 2, 0, "198.18.0.3");
      await assert.rejects(attach(true, 2, 1), REFUSED);
      await attach(true, 2, 2);
      await policy(true, 3, 77, "198.18.0.3");
      await assert.rejects(attach(true, 3, 1), REFUSED);
      await assert.rejects(attach(false, 3, 1), { code: "RETVAL", retval: -6 });
      for (const [id, index] of [
        [1, 1],
        [2, 2],
      ] as const)
        await attach(false, id, index);
      for (const [id, acl, hop] of [
        [1, 0, "198.18.0.2"],
        [2, 0, "198.18.0.3"],
        [3, 77, "198.18.0.3"],
      ] as const)
        await policy(false, id, acl, hop);
      assert.deepEqual(await client.dumpAll("abf_policy_dump"), []);
    });

    it("the CLI changes no policies; an ACL comes once in a list; a misnamed reply is taken", async () => {
      await assert.rejects(client.cli("abf attach ip4 del policy 1 loop0"), REFUSED);
      await assert.rejects(client.cli("ab p add id 1 acl 0 via 198.18.0.1"), REFUSED);
      assert.equal(await client.cli("show abf policy"), "");
      const list = { sw_if_index: 1, count: 3, acls: [0, 1, 1] };
      await assert.rejects(client.request("acl_interface_set_acl_list", { ...list, n_input: 1 }), REFUSED);
      await client.request("acl_interface_set_acl_list", { ...list, n_input: 2 });
      await client.request("acl_interface_set_acl_list", { sw_if_index: 1, count: 0, n_input: 0, acls: [] });
      await client.request("acl_stats_intf_counters_enable", { enable: true });
    });

    if (name === "VPP") return;
    it("unguarded, the same is answered, and the dataplane goes on", async () => {
      const unguarded = { unguarded: true };
      const send = (is_add: boolean, attachment: Record<string, unknown>) =>
        client.requestUntyped("abf_itf_attach_add_del", { is_add, attach: attachment }, unguarded);
      await policy(true, 1, 0, "198.18.0.1");
      await client.requestUntyped(
        "abf_policy_add_del",
        { is_add: true, policy: { policy_id: 1, acl_index: 0, n_paths: 1, paths: [via("198.18.0.1")] } },
        unguarded,
      );
      await assert.rejects(send(true, { policy_id: 9, sw_if_index: 1 }), { retval: -6 });
      await assert.rejects(send(true, { policy_id: 1, sw_if_index: 4242 }), { retval: -2 });
      await send(true, { policy_id: 1, sw_if_index: 1 });
      await assert.rejects(send(false, { policy_id: 1, sw_if_index: 1, is_ipv6: true }), { retval: -6 });
      const last = { policy_id: 1, acl_index: 0, n_paths: 1, paths: [via("198.18.0.1")] };
      await client.requestUntyped("abf_policy_add_del", { is_add: false, policy: last }, unguarded);
      await assert.rejects(client.dumpAll("abf_policy_dump"), REFUSED);
      await assert.rejects(
        (async () => {
          for await (const _ of client.dump("abf_policy_dump")) assert.fail("a row came");
        })(),
        REFUSED,
      );
      await assert.rejects(client.requestUntyped("abf_policy_add_del", { is_add: false, policy: last }, unguarded), {
        retval: -7,
      });
      await assert.rejects(send(true, { policy_id: 1, sw_if_index: 2 }), { retval: -6 });
      await send(false, { policy_id: 1, sw_if_index: 1 });
      assert.deepEqual(await client.dumpAll("abf_policy_dump"), []);
    });
  });
}
