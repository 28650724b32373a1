/**
 * Routes that end VPP are refused before they are sent, and all others go through: against the embedded dataplane, and with
 * `VPPLB_VPP_COMMAND` against a real VPP. The embedded one answers the same inputs unguarded, and lives.
 */
import assert from "node:assert/strict";
import type { VppClient } from "vpp-api-ts";
import { named, openGuarded, type Guarded } from "./guarded.ts";

const NONE = 0xffff_ffff;
const REFUSED = { code: "REFUSED" };
const NEIGHBOR = "198.18.0.7";
const NEIGHBOR6 = "2001:db8:18::7";

const RINGS = { rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 4, tx_frames_per_block: 512 };

interface Path {
  readonly hop: string;
  readonly index?: number;
  readonly type?: number;
}

const wirePath = ({ hop, index = NONE, type = 0 }: Path) => {
  const isIp6 = hop.includes(":");
  return {
    ...{ sw_if_index: index, table_id: 0, rpf_id: 0, weight: 1, preference: 0, type, flags: 0, n_labels: 0 },
    ...{ proto: isIp6 ? 1 : 0, nh: { address: isIp6 ? { ip6: hop } : { ip4: hop } } },
  };
};
const change = (is_add: boolean, is_multipath: boolean, prefix: string, paths: readonly Path[]) => ({
  ...{ is_add, is_multipath },
  route: { table_id: 0, prefix, n_paths: paths.length, paths: paths.map(wirePath) },
});

for (const name of ["embedded", "VPP"] as const) {
  describe(`routes by vpp-api-ts against ${named(name)}`, function () {
    this.timeout(60_000);
    let guarded: Guarded | undefined;
    let client: VppClient;

    beforeEach(async function () {
      guarded = await openGuarded(this, name);
      client = guarded.client;
    });
    afterEach(() => guarded?.close());

    const set = (prefix: string, ...paths: Path[]) =>
      client.request("ip_route_add_del", change(true, false, prefix, paths));
    const add = (prefix: string, ...paths: Path[]) =>
      client.request("ip_route_add_del", change(true, true, prefix, paths));
    const remove = (prefix: string, ...paths: Path[]) =>
      client.request("ip_route_add_del", change(false, paths.length > 0, prefix, paths));
    const neighbor = (is_add: boolean, ip_address: string) =>
      client.request("ip_neighbor_add_del", {
        ...{ is_add, neighbor: { sw_if_index: 1, flags: 1, mac_address: "02:00:00:00:00:07", ip_address } },
      });

    it("a route by way of a neighbour that it covers itself stays until the neighbour goes", async () => {
      for (const [prefix, hop] of [
        ["0.0.0.0/0", NEIGHBOR],
        ["2001:db8::/32", NEIGHBOR6],
      ] as const) {
        await set(prefix, { hop });
        await remove(prefix);
        await neighbor(true, hop);
        await set(prefix, { hop });
        await assert.rejects(remove(prefix), REFUSED);
        await assert.rejects(remove(prefix, { hop }), REFUSED);
        await add(prefix, { hop, index: 2 });
        await remove(prefix, { hop, index: 2 });
        await neighbor(false, hop);
        await remove(prefix);
      }
      await neighbor(true, NEIGHBOR);
      await set("0.0.0.0/0", { hop: NEIGHBOR });
      await assert.rejects(client.request("ip_table_flush", { table: { table_id: 0, is_ip6: false } }), REFUSED);
      await client.request("ip_table_flush", { table: { table_id: 0, is_ip6: true } });
      await set("0.0.0.0/0", { hop: NEIGHBOR, index: 2 });
      await remove("0.0.0.0/0");
    });

    it("with a connected prefix in between it goes at once", async () => {
      await client.request("sw_interface_set_flags", { sw_if_index: 1, flags: 1 });
      await client.request("sw_interface_add_del_address", { sw_if_index: 1, is_add: true, prefix: "198.18.0.1/24" });
      await neighbor(true, NEIGHBOR);
      await set("0.0.0.0/0", { hop: NEIGHBOR });
      await remove("0.0.0.0/0");
    });

    it("a path to VPP itself needs its interface", async () => {
      await assert.rejects(set("198.18.1.0/24", { hop: "0.0.0.0", index: 4242, type: 1 }), REFUSED);
      await assert.rejects(add("198.18.1.0/24", { hop: "0.0.0.0", index: 4242, type: 1 }), REFUSED);
      await set("198.18.1.0/24", { hop: "0.0.0.0", index: 1, type: 1 });
      await add("198.18.2.0/24", { hop: "0.0.0.0", type: 1 });
    });

    it("paths by a deleted interface are replaced, not added to", async () => {
      const [gone, other] = [
        { hop: NEIGHBOR, index: 2 },
        { hop: NEIGHBOR, index: 1 },
      ];
      await set("198.18.1.0/24", gone, other);
      await client.request("delete_loopback", { sw_if_index: 2 });
      await assert.rejects(add("198.18.1.0/24", { hop: "198.18.0.8", index: 1 }), REFUSED);
      await assert.rejects(remove("198.18.1.0/24", other), REFUSED);
      await set("198.18.1.0/24", other);
      await add("198.18.1.0/24", { hop: "198.18.0.8", index: 1 });
    });

    it("a path by an interface alone stays where no other path has an interface", async () => {
      const [alone, other] = [
        { hop: "0.0.0.0", index: 1 },
        { hop: "198.18.5.5", index: 2 },
      ];
      for (const left of [{ hop: "198.18.3.3" }, { hop: "0.0.0.0", type: 2 }]) {
        await set("198.18.4.0/24", left);
        await set("198.18.1.0/24", { hop: "198.18.4.9" });
        await assert.rejects(remove("198.18.4.0/24", alone), REFUSED);
        await add("198.18.4.0/24", alone);
        await assert.rejects(remove("198.18.4.0/24", alone), REFUSED);
        await add("198.18.4.0/24", other);
        await remove("198.18.4.0/24", alone);
        await remove("198.18.4.0/24", other);
        await set("198.18.4.0/24", left);
        await remove("198.18.4.0/24", left);
      }
    });

    it("a host-interface is made with queues", async () => {
      const device = { host_if_name: "rec0", use_random_hw_addr: true };
      await assert.rejects(client.request("af_packet_create", device), REFUSED);
      const { sw_if_index } = await client.request("af_packet_create_v2", { ...device, ...RINGS });
      await client.request("sw_interface_set_flags", { sw_if_index, flags: 1 });
      await client.request("sw_interface_add_del_address", { sw_if_index, is_add: true, prefix: "198.18.9.1/31" });
      await neighbor(true, NEIGHBOR);
    });

    it("an interface is bound to a table once", async () => {
      const table = (is_add: boolean, is_ip6: boolean) =>
        client.request("ip_table_add_del", { is_add, table: { table_id: 10, is_ip6, name: "ten" } });
      const bind = (is_ipv6: boolean, vrf_id: number) =>
        client.request("sw_interface_set_table", { sw_if_index: 2, is_ipv6, vrf_id });
      for (const is_ip6 of [false, true]) {
        await assert.rejects(bind(is_ip6, 10), { code: "RETVAL", retval: -3 });
        await table(true, is_ip6);
        await bind(is_ip6, 10);
        await table(false, is_ip6);
        await assert.rejects(bind(is_ip6, 10), REFUSED);
        await bind(is_ip6, 0);
        await bind(is_ip6, 0);
      }
      const tables = (await client.dumpAll("ip_table_dump")).map((row) => row.table.table_id);
      assert.deepEqual(tables, [0, 0]);
    });

    if (name === "VPP") return;
    it("unguarded, the same is answered, and the dataplane goes on", async () => {
      const send = (...of: Parameters<typeof change>) =>
        client.requestUntyped("ip_route_add_del", change(...of), { unguarded: true });
      await neighbor(true, NEIGHBOR);
      await send(true, false, "0.0.0.0/0", [{ hop: NEIGHBOR }]);
      await send(false, false, "0.0.0.0/0", []);
      await send(true, false, "198.18.1.0/24", [{ hop: "0.0.0.0", index: 4242, type: 1 }]);
      await send(true, false, "198.18.2.0/24", [{ hop: NEIGHBOR, index: 2 }]);
      await client.request("delete_loopback", { sw_if_index: 2 });
      await send(true, true, "198.18.2.0/24", [{ hop: NEIGHBOR, index: 1 }]);
      await send(true, false, "198.18.4.0/24", [{ hop: "0.0.0.0", type: 2 }]);
      await send(true, false, "198.18.1.0/24", [{ hop: "198.18.4.9" }]);
      await send(false, true, "198.18.4.0/24", [{ hop: "0.0.0.0", index: 1 }]);
      await client.request("ip_table_add_del", { is_add: true, table: { table_id: 10, is_ip6: true, name: "" } });
      const bind = { sw_if_index: 1, is_ipv6: true, vrf_id: 10 };
      await client.request("sw_interface_set_table", bind);
      await client.request("ip_table_add_del", { is_add: false, table: { table_id: 10, is_ip6: true, name: "" } });
      await client.requestUntyped("sw_interface_set_table", bind, { unguarded: true });
      await client.request("sw_interface_set_table", { ...bind, vrf_id: 0 });
      await client.request("control_ping");
    });
  });
}
