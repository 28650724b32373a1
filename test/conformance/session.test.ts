/** The embedded dataplane's API server against clients that err, die, or don't read. */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { encodeFrame } from "vpp-api-ts/codec";
import { ApiServer } from "../../src/dataplane/api/server.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { BareClient } from "./client.ts";

/** Long enough for an answer that must not come; every such wait is followed by one that must. */
const SILENCE_MS = 30;

describe("API server", function () {
  this.timeout(30_000);
  let directory: string;
  let path: string;
  let dataplane: Dataplane;
  let server: ApiServer;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-api-"));
    path = join(directory, "api.sock");
    dataplane = new Dataplane();
    server = await ApiServer.listen(dataplane, { path });
  });
  afterEach(async () => {
    await server.close();
    dataplane.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function ping(client: BareClient): Promise<void> {
    const { retval, vpe_pid } = await client.request("control_ping");
    assert.deepEqual({ retval, vpe_pid }, { retval: 0, vpe_pid: process.pid });
  }

  async function clientsBecome(count: number): Promise<void> {
    for (const deadline = Date.now() + 5000; server.clients !== count;) {
      assert.ok(Date.now() < deadline, `${server.clients} clients, not ${count}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it("numbers clients as VPP does and lists its messages by name and CRC", async () => {
    const client = await BareClient.connect(path);
    assert.equal(client.clientIndex, 0x80000001);
    assert.ok(client.listed.has("lb_add_del_vip_v2_7c520e0f"));
    assert.equal(client.listed.get("sockclnt_create_455fb9c4"), 15);
    assert.equal(client.listed.get("control_ping_51077d14"), 23);
    for (const missing of ["gre_tunnel_dump", "lb_conf_get"]) assert.ok(!client.has(missing), missing);
    assert.equal(new Set(client.listed.values()).size, client.listed.size, "ids are unique");
    client.close();
  });

  it("is for its user and group only", () => {
    assert.equal(statSync(path).mode & 0o777, 0o660);
  });

  it("doesn't answer unknown ids, truncated messages, replies, or what has no id", async () => {
    const client = await BareClient.connect(path);
    const vip = client.encode("lb_add_del_vip", { new_flows_table_length: 16 });
    for (const payload of [
      Uint8Array.of(),
      Uint8Array.of(0),
      Uint8Array.of(0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0),
      vip.subarray(0, vip.length - 1),
      client.encode("control_ping").subarray(0, 7),
      client.encode("control_ping_reply", { retval: 0 }),
    ]) {
      client.sendPayload(payload);
    }
    assert.equal(await client.poll(SILENCE_MS), undefined);
    await ping(client);
    assert.equal(dataplane.lb.vips.size, 1, "the truncated request changed nothing");
    client.close();
  });

  it("serves a request with another client_index and keeps the reply to itself, as VPP does", async () => {
    const client = await BareClient.connect(path);
    client.sendPayload(client.encode("create_loopback", { client_index: 5 }));
    assert.equal(await client.poll(SILENCE_MS), undefined);
    await ping(client);
    assert.equal(dataplane.byName("loop0")?.swIfIndex, 1);
    client.close();
  });

  it("takes frames in any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 40 }), async (cuts) => {
        const client = await BareClient.connect(path);
        const bytes = Buffer.concat([
          ...[1, 2, 3].map((context) => encodeFrame(client.encode("control_ping", {}, context))),
          encodeFrame(client.encode("show_version", {}, 4)),
        ]);
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const length = cuts[i % cuts.length]!;
          client.sendBytes(bytes.subarray(at, at + length));
          at += length;
        }
        for (const context of [1, 2, 3, 4]) assert.equal((await client.message()).fields["context"], context);
        client.close();
      }),
      { numRuns: 25 },
    );
  });

  it("survives random frames", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 30 }),
        fc.boolean(),
        async (noise, framed) => {
          const client = await BareClient.connect(path);
          for (const bytes of noise) client.sendBytes(framed ? encodeFrame(bytes) : bytes);
          const other = await BareClient.connect(path);
          await ping(other);
          other.close();
          client.close();
        },
      ),
      { numRuns: 60 },
    );
    await clientsBecome(0);
  });

  it("survives random bodies of known messages", async () => {
    const client = await BareClient.connect(path);
    const ids = [...client.table.values()].map(({ id }) => id).filter((id) => id > 18);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 700 }), async (id, body) => {
        client.sendPayload(Uint8Array.of(id >> 8, id & 255, ...body));
      }),
      { numRuns: 500 },
    );
    await ping(await BareClient.connect(path));
    client.close();
  });

  it("closes a connection whose frame is longer than any request", async () => {
    const client = await BareClient.connect(path);
    client.sendBytes(Uint8Array.of(...new Uint8Array(8), 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0));
    assert.equal(await client.poll(5000), undefined);
    assert.ok(client.isClosed);
    await clientsBecome(0);
  });

  it("serves a hundred clients at once, in order", async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => BareClient.connect(path)));
    assert.equal(new Set(clients.map((client) => client.clientIndex)).size, 100);
    await Promise.all(
      clients.map(async (client) => {
        for (let context = 1; context <= 50; context += 1)
          client.sendPayload(client.encode("control_ping", {}, context));
        for (let context = 1; context <= 50; context += 1)
          assert.equal((await client.message()).fields["context"], context);
      }),
    );
    for (const client of clients) client.close();
    await clientsBecome(0);
  });

  it("answers in order, also behind a request that takes its time", async () => {
    const client = await BareClient.connect(path);
    for (let i = 0; i < 20; i += 2) {
      client.sendPayload(client.encode("cli_inband", { cmd: "show version" }, i));
      client.sendPayload(client.encode("control_ping", {}, i + 1));
    }
    for (let i = 0; i < 20; i += 1) assert.equal((await client.message()).fields["context"], i);
    client.close();
  });

  it("forgets a client that dies in the middle of a request", async () => {
    const client = await BareClient.connect(path);
    await client.request("want_interface_events", { enable_disable: 1, pid: 1 });
    const frame = encodeFrame(client.encode("cli_inband", { cmd: "show lb vips verbose" }));
    client.sendBytes(frame);
    client.sendBytes(frame.subarray(0, 20));
    client.close();
    await clientsBecome(0);
    const other = await BareClient.connect(path);
    await other.request("create_loopback", {});
    await ping(other);
    other.close();
  });

  it("sends events to those who want them, after the reply, with what went up", async () => {
    const [actor, watcher] = [await BareClient.connect(path), await BareClient.connect(path)];
    await watcher.request("want_interface_events", { enable_disable: 1, pid: 7 });
    const again = await watcher.request("want_interface_events", { enable_disable: 1, pid: 7 });
    assert.equal(again["retval"], -31);
    const { sw_if_index } = await actor.request("create_loopback", {});
    await actor.request("sw_interface_set_flags", { sw_if_index, flags: 1 });
    await actor.request("sw_interface_set_flags", { sw_if_index, flags: 0 });
    await actor.request("delete_loopback", { sw_if_index });
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i += 1) {
      const { flags, deleted, pid } = (await watcher.message()).fields;
      seen.push({ flags, deleted, pid });
    }
    assert.deepEqual(seen, [
      { flags: 0, deleted: false, pid: 7 },
      { flags: 3, deleted: false, pid: 7 },
      { flags: 0, deleted: false, pid: 7 },
      { flags: 0, deleted: true, pid: 7 },
    ]);
    assert.equal(await actor.poll(SILENCE_MS), undefined, "the actor asked for none");
    actor.close();
    watcher.close();
  });

  it("stops serving a client that doesn't read, and goes on when it does", async () => {
    for (let i = 0; i < 200; i += 1) dataplane.addInterface({ kind: "loopback", name: `loop${i}`, instance: i });
    const reader = await BareClient.connect(path);
    const { readable } = reader.pause();
    const dumps = 60;
    for (let i = 1; i <= dumps; i += 1) {
      reader.sendPayload(reader.encode("sw_interface_dump", { sw_if_index: 0xffffffff }, i));
    }
    reader.sendPayload(reader.encode("control_ping", {}, 999));
    const other = await BareClient.connect(path);
    for (let i = 0; i < 20; i += 1) await ping(other);
    readable();
    let details = 0;
    for (;;) {
      const { name, fields } = await reader.message();
      if (name === "control_ping_reply") {
        assert.equal(fields["context"], 999);
        break;
      }
      details += 1;
    }
    assert.equal(details, dumps * 201);
    reader.close();
    other.close();
  });

  it("dumps what has a name that does not fit, cut as VPP cuts it", async () => {
    const client = await BareClient.connect(path);
    const loop = dataplane.addInterface({ kind: "loopback", name: "loop0" });
    const tagOf = async (tag: string) => {
      loop.tag = tag;
      const rows = await client.dump("sw_interface_dump", { sw_if_index: 0xffffffff });
      return rows.find((row) => row["sw_if_index"] === loop.swIfIndex)?.["tag"];
    };
    assert.equal(await tagOf("t".repeat(63)), "t".repeat(63));
    assert.equal(await tagOf("t".repeat(64)), "t".repeat(63));
    assert.equal(await tagOf("\ufffd".repeat(60)), "\ufffd".repeat(21));
    assert.equal(await tagOf("ä".repeat(40)), "ä".repeat(31));
    dataplane.bridges.create(5, { tag: "b".repeat(200) });
    const [domain] = await client.dump("bridge_domain_dump", { bd_id: 5, sw_if_index: 0xffffffff });
    assert.equal(domain?.["bd_tag"], "b".repeat(63));
    await ping(client);
    client.close();
  });

  it("knows which way round its doubles are", async () => {
    const client = await BareClient.connect(path);
    const right = await client.request("get_f64_endian_value", { f64_one: 1 });
    assert.deepEqual([right["retval"], right["f64_one_result"]], [0, 1]);
    assert.equal((await client.request("get_f64_endian_value", { f64_one: 2 }))["retval"], -159 >>> 0);
    assert.equal((await client.request("get_f64_increment_by_one", { f64_value: 1.5 }))["f64_value"], 2.5);
    client.close();
  });

  it("answers UNSPECIFIED and goes on where a handler fails", async () => {
    const faults: string[] = [];
    const broken = new Dataplane();
    Object.defineProperty(broken, "lb", { get: () => assert.fail("broken") });
    const other = await ApiServer.listen(broken, {
      path: `${path}2`,
      onFault: (name) => faults.push(name),
    });
    const client = await BareClient.connect(`${path}2`);
    assert.equal((await client.request("lb_conf", {}))["retval"], -1);
    assert.deepEqual(await client.dump("lb_vip_dump", {}), []);
    await ping(client);
    assert.deepEqual(faults, ["lb_conf", "lb_vip_dump"]);
    client.close();
    await other.close();
    broken.close();
  });

  it("says 1 to sockclnt_delete and hangs up; -1 for another client's index", async () => {
    const client = await BareClient.connect(path);
    assert.equal((await client.request("sockclnt_delete", { index: 77 }))["response"], -1);
    client.sendPayload(client.encode("sockclnt_delete", { index: client.clientIndex }));
    assert.equal((await client.message()).fields["response"], 1);
    assert.equal(await client.poll(5000), undefined);
    assert.ok(client.isClosed);
    await clientsBecome(0);
  });

  it("replaces a socket that nobody serves, and nothing else", async () => {
    const stale = join(directory, "stale.sock");
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(stale, resolve));
    await assert.rejects(ApiServer.listen(dataplane, { path: stale }), { code: "ADDRESS_IN_USE" });
    await new Promise((resolve) => dead.close(resolve));
    const second = await ApiServer.listen(dataplane, { path: stale });
    await second.close();
    assert.ok(!existsSync(stale), "the socket is removed at the end");
    const file = join(directory, "file");
    writeFileSync(file, "");
    await assert.rejects(ApiServer.listen(dataplane, { path: file }), { code: "NOT_A_SOCKET" });
  });
});
