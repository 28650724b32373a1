import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import type { VppClient } from "vpp-api-ts";
import { WriteProxy } from "./proxy.ts";
import { kindsYaml, randomYaml } from "./kinds-yaml.ts";
import { inSync, NOTHING_YAML, operator, startController, until } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

const SECRET = "hush-hush";
const RUNS = Number(process.env["VPPLB_PROPERTY_RUNS"] ?? 12);
/** Of all points at which a controller can end, each so many-th is tried. */
const CUT_STEP = Number(process.env["VPPLB_CUT_STEP"] ?? 5);

describe("controller: memif, VLANs, cross-connects, tables, ACLs and reassembly", function () {
  this.timeout(300_000);
  let vpp: TestVpp;
  let client: VppClient;
  let text: string;
  let journals = 0;

  before(async () => {
    vpp = await startVpp();
    client = await operator(vpp.socket);
    text = kindsYaml(vpp.directory, SECRET);
    await foreignObjects();
  });
  after(async () => {
    client.close();
    await vpp.close();
  });

  const journal = () => join(vpp.directory, `journal-${++journals}.json`);

  async function foreignObjects(): Promise<void> {
    const { sw_if_index: index } = await client.request("create_loopback_instance", {
      mac_address: "02:00:00:00:00:77",
      is_specified: true,
      user_instance: 77,
    });
    await client.request("ip_table_add_del", { is_add: true, table: { table_id: 77, is_ip6: false, name: "theirs" } });
    await client.request("sw_interface_set_table", { sw_if_index: index, is_ipv6: false, vrf_id: 77 });
    const rule = { is_permit: 1, src_prefix: "10.0.0.0/8", dst_prefix: "10.0.0.0/8", proto: 6 };
    const { acl_index: acl } = await client.request("acl_add_replace", {
      acl_index: 0xffffffff,
      tag: "theirs",
      r: [rule],
    } as never);
    await client.request("acl_interface_set_acl_list", { sw_if_index: index, n_input: 1, acls: [acl] } as never);
    await client.request("memif_socket_filename_add_del_v2", {
      is_add: true,
      socket_id: 77,
      socket_filename: join(vpp.directory, "m77.sock"),
    });
    await client.request("memif_create_v2", { role: 0, mode: 0, id: 7, socket_id: 77, ring_size: 1024 } as never);
  }

  /** What VPP holds of those of others. */
  async function foreign(): Promise<string> {
    const interfaces = await client.dumpAll("sw_interface_dump", {});
    const theirs = interfaces.filter((one) => ["loop77", "memif77/7"].includes(one.interface_name));
    const parts = [
      theirs,
      (await client.dumpAll("ip_table_dump", {})).filter((one) => one.table.table_id === 77),
      (await client.dumpAll("acl_dump", { acl_index: 0xffffffff })).filter((one) => one.tag === "theirs"),
      await client.dumpAll("acl_interface_list_dump", { sw_if_index: theirs[0]!.sw_if_index }),
      (await client.dumpAll("memif_socket_filename_dump", {})).filter((one) => one.socket_id === 77),
    ];
    return JSON.stringify(parts.map((list) => list.map((one) => ({ ...one, context: 0 }))));
  }

  /** A controller that knows only its journal brings VPP to the state. @returns what it did */
  async function converge(wanted: string, file: string): Promise<readonly string[]> {
    const { controller, events } = await startController(vpp.socket, file);
    try {
      await until("VPP is there", () => controller.status().vpp.state === "ready");
      const result = await controller.apply(wanted);
      assert.ok(result.ok, `${JSON.stringify(result, undefined, 1)}\n${wanted}`);
      const again = await controller.plan(wanted);
      const sentences = again.operations.map((one) => one.sentence);
      assert.deepEqual(sentences, [], wanted);
      const shown = JSON.stringify([result, events, controller.status(), await controller.get("interfaces")]);
      assert.ok(!shown.includes(SECRET));
      return result.applied;
    } finally {
      await controller.close();
    }
  }

  it("applies all of them, after which nothing is left to do; takes all away; leaves others' alone", async () => {
    const before = await foreign();
    const file = journal();
    const applied = await converge(text, file);
    assert.ok(applied.length > 40);
    for (const part of [
      "add memif memif2/5 as slave of id 5 at socket 2",
      "cross-connect memif1/1.300 to memif1/2",
      "put memif1/1.200 into table 7",
      "memif1/1.100: take VLAN tag 100 off",
      "memif2/5: full reassembly",
      "put in front of memif2/5, in one step, in: ACL web, ACL ping; out: ACL ping",
    ])
      assert.ok(
        applied.some((sentence) => sentence.startsWith(part)),
        part,
      );
    await converge(NOTHING_YAML, file);
    const left = (await client.dumpAll("sw_interface_dump", {})).map((one) => one.interface_name).sort();
    assert.deepEqual(left, ["local0", "loop77", "memif77/7"]);
    assert.deepEqual(
      (await client.dumpAll("acl_dump", { acl_index: 0xffffffff })).map((one) => one.tag),
      ["theirs"],
    );
    assert.equal(await foreign(), before);
  });

  it("writes nothing when it is started again, and all when VPP is", async () => {
    const file = journal();
    await converge(text, file);
    const proxy = await WriteProxy.start(join(vpp.directory, "proxy.sock"), vpp.socket);
    const started = await startController(proxy.socket, file);
    await started.controller.load(text);
    await inSync(started);
    assert.deepEqual(proxy.writes, []);
    const before = started.controller.status().vpp.connects;
    client.close();
    await vpp.restart();
    await until("VPP is back and holds all", () => {
      const { vpp: now, sync, counts } = started.controller.status();
      return now.connects > before && counts.operations > 40 && sync.state === "in-sync";
    });
    const again = await started.controller.plan(text);
    assert.deepEqual(again.operations, []);
    await started.controller.close();
    await proxy.close();
    client = await operator(vpp.socket);
    await converge(NOTHING_YAML, file);
    await foreignObjects();
  });

  it("makes a memif anew where VPP cannot change it, says why, and never the secret", async () => {
    const file = journal();
    await converge(text, file);
    for (const [from, to, why] of [
      [SECRET, "other-secret", /remove memif1\/0: VPP cannot change the secret in place/],
      ["ringSize: 512", "ringSize: 1024", /remove memif2\/5: VPP cannot change ring size 512 -> 1024 in place/],
      ["m2.sock", "m3.sock", /remove memif socket 2 to add it again: VPP cannot change its filename/],
    ] as const) {
      const changed = text.replace(from, to);
      const applied = await converge(changed, file);
      assert.match(applied.join("\n"), why);
      assert.ok(!applied.join("\n").includes(to === "other-secret" ? to : SECRET));
      await converge(text, file);
    }
    await converge(NOTHING_YAML, file);
  });

  it("replaces an ACL's rules in place while interfaces have it", async () => {
    const file = journal();
    await converge(text, file);
    const index = (await client.dumpAll("acl_dump", { acl_index: 0xffffffff })).find((one) => /web/.test(one.tag));
    const applied = await converge(text.replace('dst: ["2001:db8::/32", 10.2.0.0/16]', "dst: 10.2.0.0/16"), file);
    assert.equal(applied.length, 1, applied.join("\n"));
    const after = (await client.dumpAll("acl_dump", { acl_index: 0xffffffff })).find((one) => /web/.test(one.tag));
    assert.equal(after?.acl_index, index?.acl_index);
    assert.notEqual(after?.count, index?.count);
    await converge(NOTHING_YAML, file);
  });

  for (const [name, begin, wanted] of [
    ["making all", () => NOTHING_YAML, () => text],
    ["taking all away", () => text, () => NOTHING_YAML],
  ] as const) {
    it(`goes on from wherever ${name} was cut off`, async () => {
      const before = await foreign();
      for (let cut = 1; cut < 200; cut += CUT_STEP) {
        const file = journal();
        await converge(begin(), file);
        const proxy = await WriteProxy.start(join(vpp.directory, `cut-${cut}-${journals}.sock`), vpp.socket);
        let over = false;
        proxy.onWrite = (count) => (over ||= count >= cut);
        const { controller } = await startController(proxy.socket, file, { requestTimeoutMs: 200 });
        await until("VPP is there", () => controller.status().vpp.state === "ready");
        const run = controller.apply(wanted(), { timeoutMs: 20_000 }).catch(() => undefined);
        await Promise.race([run, until("the cut", () => over)]);
        await controller.close();
        await proxy.close();
        await converge(wanted(), file);
        await converge(NOTHING_YAML, file);
        if (!over) break;
      }
      assert.equal(await foreign(), before);
    });
  }

  it("gets from any state to any other", async () => {
    const before = await foreign();
    const file = journal();
    await fc.assert(
      fc.asyncProperty(randomYaml(vpp.directory), async (wanted) => {
        await converge(wanted, file);
      }),
      { numRuns: RUNS },
    );
    await converge(NOTHING_YAML, file);
    assert.equal(await foreign(), before);
  });
});
