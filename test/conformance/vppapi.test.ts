import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { StatsReader, VppClient, VppError, lbQuirks, total } from "vpp-api-ts";
import type { LbEncap, LbVipConfig } from "vpp-api-ts";
import { ApiSchema } from "vpp-api-ts/codec";
import type { ApiJson } from "vpp-api-ts/codec";

// Documentation prefixes (RFC 5737, RFC 3849), which nobody's VIPs are in.
const vips: (LbVipConfig & { readonly servers: readonly string[] })[] = [
  { prefix: "203.0.113.0/25", encap: "gre4", servers: ["192.0.2.1", "192.0.2.2", "192.0.2.3"] },
  { prefix: "203.0.113.129/32", encap: "gre6", protocol: 6, port: 80, servers: ["2001:db8::1", "2001:db8::2"] },
  { prefix: "203.0.113.130/32", encap: "l3dsr", dscp: 7, servers: ["192.0.2.1"] },
  { prefix: "2001:db8:113::/64", encap: "gre6", tableSize: 4096, servers: ["2001:db8::1"] },
  { prefix: "2001:db8:114::1/128", encap: "gre4", protocol: 17, port: 53, servers: ["192.0.2.9"] },
];

describe("vpp-api-ts against a running VPP", () => {
  const socket = process.env["VPPLB_VPP_API"];
  let client: VppClient;
  before(async function () {
    if (socket === undefined || socket === "") {
      process.stdout.write("      VPPLB_VPP_API=SOCKET names no running VPP\n");
      this.skip();
    }
    client = new VppClient({ socket, name: "conformance" });
    await client.connect();
  });
  after(() => client?.close());

  async function expectCode(promise: Promise<unknown>, code: string, retvalName?: string): Promise<void> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(VppError.is(error), `${code} expected, not ${String(error)}`);
    assert.deepEqual([error.code, error.retvalName], [code, retvalName]);
  }

  it("introduces itself; dumps, iterated and at once, agree", async () => {
    const version = await client.request("show_version");
    assert.equal(version.program, "vpe");
    assert.equal(client.version, version.version);
    const all = await client.dumpAll("sw_interface_dump", { sw_if_index: 0xffff_ffff });
    assert.equal(all[0]?.interface_name, "local0");
    let n = 0;
    for await (const row of client.dump("sw_interface_dump", { sw_if_index: 0xffff_ffff })) {
      assert.deepEqual({ ...row, context: 0 }, { ...all[n++], context: 0 });
    }
    assert.equal(n, all.length);
    assert.ok((await client.dumpAll("ip_route_dump", { table: { is_ip6: true } })).length > 0);
  });

  it("every request of a table of checked-in messages has its definition here", () => {
    const missing = [...client.table.keys()].filter(
      (nameCrc) => /^(lb|acl|abf|memif)_/.test(nameCrc) && !client.schema.messages.has(nameCrc),
    );
    assert.deepEqual(missing, []);
  });

  it("get_api_json compiles, and agrees with the checked-in messages", async function () {
    if (!client.has("get_api_json")) this.skip();
    const { json } = await client.request("get_api_json");
    const theirs = ApiSchema.compile(JSON.parse(json.replace(/\0+$/, "")) as ApiJson[]).compileAll();
    assert.ok(theirs.messages.size > 500);
    for (const [nameCrc, codec] of theirs.messages) {
      const ours = client.schema.messages.get(nameCrc);
      if (ours !== undefined) assert.deepEqual(ours.encode(1), codec.encode(1), nameCrc);
    }
  });

  it("refusals carry the name of their return value, and the words of the CLI", async () => {
    await expectCode(
      client.request("sw_interface_set_flags", { sw_if_index: 424242 }),
      "RETVAL",
      "INVALID_SW_IF_INDEX",
    );
    await expectCode(client.cli("no such command"), "RETVAL", "UNSPECIFIED");
    assert.match(await client.cli("show version"), /^vpp v/);
  });

  it("events of interfaces arrive", async () => {
    await client.request("want_interface_events", { enable_disable: 1, pid: process.pid });
    const events: number[] = [];
    const subscription = client.events("sw_interface_event").subscribe((event) => events.push(event.sw_if_index));
    const { sw_if_index: index } = await client.request("create_loopback", {});
    try {
      await client.request("sw_interface_set_flags", { sw_if_index: index, flags: 1 });
      await client.request("sw_interface_tag_add_del", { is_add: true, sw_if_index: index, tag: "conformance" });
      const rows = await client.dumpAll("sw_interface_dump", { sw_if_index: 0xffff_ffff });
      assert.equal(rows.find((row) => row.sw_if_index === index)?.tag, "conformance");
      await client.request("control_ping");
      assert.ok(events.includes(index));
    } finally {
      subscription.unsubscribe();
      await client.request("want_interface_events", { enable_disable: 0, pid: process.pid });
      await client.request("delete_loopback", { sw_if_index: index });
    }
  });

  it("the README's example runs", function () {
    this.timeout(30_000);
    const readme = readFileSync(new URL("../../src/vppapi/README.md", import.meta.url), "utf8");
    const example = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? "";
    assert.match(example, /run\/vpp\/api\.sock/);
    const directory = mkdtempSync(new URL("example-", import.meta.url).pathname);
    try {
      const file = `${directory}/example.mts`;
      writeFileSync(file, example.replace("/run/vpp/api.sock", socket ?? ""));
      const args = ["--import=tsx", "--conditions=source", file];
      const result = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
      assert.equal(result.status, 0, result.stderr);
      assert.match(result.stdout, /loop\d+ 02:fe:00:00:00:01/);
      assert.match(result.stdout, /INVALID_SW_IF_INDEX delete_loopback: INVALID_SW_IF_INDEX \(-2\)/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("10,000 pipelined requests and a dump among them come back", async () => {
    const calls = Array.from({ length: 10_000 }, () => client.request("control_ping"));
    const dump = client.dumpAll("sw_interface_dump", { sw_if_index: 0xffff_ffff });
    for (const reply of await Promise.all(calls)) assert.equal(reply.vpe_pid, client.pid);
    assert.ok((await dump).length > 0);
    assert.equal(client.pendingCount, 0);
  });

  it("the statistics segment is read, in names and in numbers", async function () {
    const reader = await StatsReader.open({ pid: client.pid }).catch((error: VppError) => {
      process.stdout.write(`      ${error.message}\n`);
      return this.skip();
    });
    using stats = reader as StatsReader;
    const values = await stats.read(/^\/(sys|if)\//);
    const names = values.get("/if/names");
    assert.equal(names?.type === "names" && names.names[0], "local0");
    const boot = values.get("/sys/boottime");
    assert.ok(boot?.type === "scalar" && boot.value > 1.5e9);
    assert.deepEqual(total(values.get("/if/rx"), 0), { packets: 0, bytes: 0 });
  });

  describe("lb, under prefixes of documentation", () => {
    it("VIPs, servers and weights read back as they were programmed, on every version", async () => {
      const lb = lbQuirks(client);
      try {
        for (const vip of vips) {
          await lb.addVip(vip);
          const [first = "", ...rest] = vip.servers;
          await lb.addServer(vip, first);
          if (rest.length > 0) await lb.addServers(vip, rest);
        }
        const seen = (await lb.vips()).filter((vip) => !vip.removed);
        for (const vip of vips) {
          const found = seen.find((one) => one.prefix === vip.prefix);
          assert.ok(found, vip.prefix);
          assert.deepEqual(
            [found.encap, found.port, found.protocol, found.tableSize, found.dscp],
            [
              vip.encap satisfies LbEncap,
              vip.port ?? 0,
              vip.port === undefined ? 255 : vip.protocol,
              vip.tableSize ?? 1024,
              vip.dscp,
            ],
          );
          assert.deepEqual(found.servers.map((server) => server.address).sort(), [...vip.servers].sort());
          assert.equal(found.servers[0]?.weight, lb.fixed ? 100 : undefined);
        }
        await expectCode(lb.addVip(vips[0] as LbVipConfig), "RETVAL", "VALUE_EXIST");
        await expectCode(lb.deleteServer(vips[0] as LbVipConfig, "192.0.2.77"), "RETVAL", "NO_SUCH_ENTRY");
        await lb.flushVip(vips[0] as LbVipConfig);
        await expectCode(lb.flushVip({ prefix: "203.0.113.200/32" }), "REFUSED");
        if (lb.fixed) await lb.setWeight(vips[0] as LbVipConfig, "192.0.2.1", 10);
      } finally {
        const left = (await lb.vips()).filter((vip) => !vip.removed);
        for (const vip of left) {
          if (!vips.some((mine) => mine.prefix === vip.prefix)) continue;
          await lb.deleteServers(
            vip,
            vip.servers.filter((server) => !server.removed).map((server) => server.address),
          );
          await lb.deleteVip(vip);
        }
      }
      await lb.collectGarbage();
      assert.ok((await lb.vips()).every((vip) => vip.removed || !vips.some((mine) => mine.prefix === vip.prefix)));
    });

    it("what would crash VPP is refused before the wire, and VPP lives on", async () => {
      await expectCode(client.request("lb_conf", { sticky_buckets_per_core: 0 }), "REFUSED");
      await expectCode(
        client.request("lb_add_del_vip", { pfx: "203.0.113.1/32", new_flows_table_length: 0 }),
        "REFUSED",
      );
      await expectCode(client.request("ip_reassembly_enable_disable", { sw_if_index: 0xffff_ffff }), "REFUSED");
      if (client.has("abf_itf_attach_add_del")) {
        const attach = { policy_id: 4_000_000_000, sw_if_index: 0 };
        await expectCode(client.request("abf_itf_attach_add_del", { is_add: true, attach }), "REFUSED");
      }
      await expectCode(client.cli("lb flush vip 203.0.113.0/25 now"), "REFUSED");
      await client.request("control_ping");
    });
  });
});
