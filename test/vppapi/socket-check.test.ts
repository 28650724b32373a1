import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VppError } from "vpp-api-ts";
import { ApiSchema, inspectSocket, VppClient, type FinishedRequest, type VppClientOptions } from "vpp-api-ts";
import { FakeVpp, until } from "./fake-vpp.ts";

const NOBODY = 65_534;

describe("client: whom VPP's socket is trusted to", () => {
  let vpp: FakeVpp;
  let client: VppClient | undefined;
  let folder: string;

  beforeEach(async () => {
    vpp = await new FakeVpp().listen();
    chmodSync(vpp.path, 0o660);
    folder = mkdtempSync(join(tmpdir(), "vpp-trust-"));
  });
  afterEach(async () => {
    client?.close();
    client = undefined;
    await vpp.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  async function connect(options: Partial<VppClientOptions>): Promise<VppClient> {
    client = new VppClient({ socket: vpp.path, reconnect: false, ...options });
    await client.connect();
    return client;
  }

  it("finds nothing wrong with a socket of this user in a directory of this user", async () => {
    assert.deepEqual(inspectSocket(vpp.path), []);
    assert.deepEqual(inspectSocket(join(folder, "nothing.sock")), []);
    assert.deepEqual((await connect({ trust: { check: "refuse" } })).socketWarnings, []);
  });

  it("warns of a socket that is open to all, or refuses it before a byte is sent", async () => {
    chmodSync(vpp.path, 0o666);
    const warned = await connect({});
    assert.match(warned.socketWarnings.join(), /open to every user .*0666/);
    warned.close();
    await until(() => vpp.peers.size === 0, "the first client leaves");
    vpp.received.length = 0;
    await assert.rejects(connect({ trust: { check: "refuse" } }), (error: VppError) => {
      assert.equal(error.code, "INSECURE");
      assert.match(error.message, /open to every user/);
      return true;
    });
    assert.equal(vpp.peers.size + vpp.received.length, 0);
    assert.deepEqual((await connect({ trust: { check: "off" } })).socketWarnings, []);
  });

  it("sees a directory in which anybody can replace the socket, also behind a link", () => {
    const open = join(folder, "open");
    mkdirSync(open);
    symlinkSync(vpp.path, join(open, "link.sock"));
    assert.deepEqual(inspectSocket(join(open, "link.sock")), []);
    chmodSync(open, 0o777);
    assert.match(inspectSocket(join(open, "link.sock")).join(), /each can replace/);
    chmodSync(open, 0o1777);
    assert.deepEqual(inspectSocket(join(open, "link.sock")), []);
    chmodSync(vpp.directory, 0o777);
    assert.match(inspectSocket(join(open, "link.sock")).join(), /each can replace/);
  });

  it("sees owners who are not trusted, and trusts those who are named", function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: files of others need root");
      this.skip();
    }
    chownSync(vpp.path, NOBODY, NOBODY);
    assert.match(inspectSocket(vpp.path).join(), /belongs to user 65534/);
    assert.deepEqual(inspectSocket(vpp.path, [NOBODY]), []);
    chownSync(vpp.directory, NOBODY, NOBODY);
    assert.equal(inspectSocket(vpp.path).length, 2);
  });

  it("asks about the peer before anything is sent", async () => {
    const trust = { check: "refuse", checkPeer: () => "VPP is run by user 7" } as const;
    await assert.rejects(connect({ trust }), { code: "INSECURE" });
    assert.equal(vpp.received.length, 0);
    const warned = await connect({ trust: { checkPeer: () => "VPP is run by user 7" } });
    assert.deepEqual(warned.socketWarnings, ["VPP is run by user 7"]);
  });

  it("refuses in time and tries again when it connects by itself", async () => {
    chmodSync(vpp.path, 0o666);
    client = new VppClient({ socket: vpp.path, trust: { check: "refuse" }, reconnect: { minMs: 5, maxMs: 10 } });
    const connecting = client.connect({ deadlineMs: 5000 });
    setTimeout(() => chmodSync(vpp.path, 0o660), 50);
    await connecting;
    assert.equal(client.state.status, "ready");
  });

  it("never sends rpc_call, whatever schema and guards it is given", async () => {
    const header = [
      ["u16", "_vl_msg_id"],
      ["u32", "client_index"],
      ["u32", "context"],
    ];
    const json = {
      messages: [
        ["rpc_call", ...header, ["u64", "function"], { crc: "0x7e8a2c95" }],
        ["rpc_call_reply", ["u16", "_vl_msg_id"], ["u32", "context"], ["i32", "retval"], { crc: "0xe8d4e804" }],
        ["control_ping", ...header, { crc: "0x51077d14" }],
        [
          "control_ping_reply",
          ["u16", "_vl_msg_id"],
          ["u32", "context"],
          ["i32", "retval"],
          ["u32", "client_index"],
          ["u32", "vpe_pid"],
          { crc: "0xf6b0b8ca" },
        ],
        ["show_version", ...header, { crc: "0x51077d14" }],
        [
          "show_version_reply",
          ["u16", "_vl_msg_id"],
          ["u32", "context"],
          ["i32", "retval"],
          ["string", "program", 32],
          ["string", "version", 32],
          ["string", "build_date", 32],
          ["string", "build_directory", 256],
          { crc: "0xc919bde1" },
        ],
      ],
      services: {
        rpc_call: { reply: "rpc_call_reply" },
        control_ping: { reply: "control_ping_reply" },
        show_version: { reply: "show_version_reply" },
      },
    };
    vpp.ids.set("rpc_call_7e8a2c95", 8);
    vpp.ids.set("rpc_call_reply_e8d4e804", 9);
    const schema = ApiSchema.compile([json as never]);
    const seen: FinishedRequest[] = [];
    const one = await connect({ schema, guards: new Map(), onRequest: (request) => seen.push(request) });
    assert.equal(one.has("rpc_call"), true);
    for (const name of ["rpc_call", "rpc_call_7e8a2c95"]) {
      await assert.rejects(one.requestUntyped(name, { function: 1n }, { unguarded: true }), { code: "REFUSED" });
      await assert.rejects(one.dumpUntyped(name), { code: "REFUSED" });
    }
    assert.deepEqual(seen.map(({ name, result }) => [name, result]).slice(-2), [
      ["rpc_call", "REFUSED"],
      ["rpc_call_7e8a2c95", "REFUSED"],
    ]);
  });

  it("tells what came of every request", async () => {
    const seen: FinishedRequest[] = [];
    const one = await connect({ onRequest: (request) => seen.push(request), requestTimeoutMs: 50, probe: false });
    vpp.handler = ({ name, context }, peer) => {
      if (name === "lb_conf") peer.send("lb_conf_reply", { context, retval: -81 });
      if (name === "cli_inband") peer.send("cli_inband_reply", { context, retval: -1, reply: "no" });
      if (name === "sw_interface_dump") peer.send("sw_interface_details", { context, interface_name: "a" });
    };
    await assert.rejects(one.request("lb_conf"));
    await assert.rejects(one.cli("show x"));
    await assert.rejects(one.cli("lb flush vip 10.0.0.0/24 nonsense"));
    await one.dumpAll("sw_interface_dump");
    await assert.rejects(one.request("lb_flush_vip", {}, { unguarded: true }), { code: "TIMEOUT" });
    const told = seen.slice(2).map(({ name, result }) => `${name} ${result}`);
    assert.deepEqual(told, [
      "lb_conf VALUE_EXIST",
      "cli_inband UNSPECIFIED",
      "cli_inband REFUSED",
      "sw_interface_dump ok",
      "lb_flush_vip TIMEOUT",
    ]);
    assert.ok(seen.every(({ durationMs }) => durationMs >= 0));
  });
});
