import assert from "node:assert/strict";
import { firstValueFrom, toArray } from "rxjs";
import { VppClient, VppError } from "vpp-api-ts";
import type { ConnectionState, VppClientOptions } from "vpp-api-ts";
import { FakeVpp, until } from "./fake-vpp.ts";
import type { Handler } from "./fake-vpp.ts";

const interfaces: Handler = ({ name, context }, peer) => {
  if (name !== "sw_interface_dump") return;
  for (let i = 0; i < 5; i++) peer.send("sw_interface_details", { context, sw_if_index: i, interface_name: `if${i}` });
};

describe("client", () => {
  let vpp: FakeVpp;
  let client: VppClient;

  async function start(options: Partial<VppClientOptions> = {}, fake = new FakeVpp()): Promise<void> {
    vpp = await fake.listen();
    client = new VppClient({ socket: vpp.path, ...options });
    await client.connect();
  }
  afterEach(async () => {
    client.close();
    await vpp.dispose();
  });

  it("goes closed, connecting, ready, closed, and says goodbye", async () => {
    vpp = await new FakeVpp().listen();
    client = new VppClient({ socket: vpp.path });
    const seen: ConnectionState["status"][] = [];
    client.state$.subscribe((state) => seen.push(state.status));
    await client.connect();
    assert.deepEqual([client.pid, client.version, client.clientIndex], [4242, "26.06-fake", 0x8000_0001]);
    assert.equal(client.has("lb_conf"), true);
    assert.equal(client.has("nosuch"), false);
    client.close();
    assert.deepEqual(seen, ["closed", "connecting", "ready", "closed"]);
    await until(() => vpp.received.some(({ name }) => name === "sockclnt_delete"), "sockclnt_delete");
    await assert.rejects(client.request("show_version"), { code: "CLOSED" });
  });

  it("10,000 pipelined requests are answered in order, within the window", async () => {
    let most = 0;
    let open = 0;
    await start({ window: 64, queue: 20_000 });
    vpp.handler = ({ context, fields }, peer) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        peer.send("sw_interface_set_flags_reply", { context, retval: Number(fields["sw_if_index"]) });
      });
    };
    const order: number[] = [];
    const calls = Array.from({ length: 10_000 }, (_, i) =>
      client.request("sw_interface_set_flags", { sw_if_index: i }).then((reply) => order.push(reply.retval)),
    );
    await Promise.all(calls);
    assert.deepEqual(order, [...order.keys()]);
    assert.equal(order.length, 10_000);
    assert.ok(most <= 64, `${most} at once`);
    assert.equal(client.pendingCount, 0);
  });

  it("fails with the name of the retval and the request's fields, and does not read the rest", async () => {
    await start();
    vpp.handler = ({ context }, peer) => peer.send("acl_add_replace_reply", { context, acl_index: 7, retval: -81 });
    const error = await client.request("acl_add_replace", { tag: "x" }).catch((e: unknown) => e);
    assert.ok(VppError.is(error, "RETVAL"));
    assert.equal(error.retvalName, "VALUE_EXIST");
    assert.match(error.message, /^acl_add_replace: VALUE_EXIST \(-81\) for \{tag: "x"\}$/);
  });

  it("a silent VPP: every deadline fires, nothing stays pending, late replies are dropped", async () => {
    await start({ requestTimeoutMs: 40, window: 10, queue: 100, probe: false });
    const held: number[] = [];
    vpp.handler = ({ context }) => void held.push(context);
    const calls = Array.from({ length: 50 }, () => client.request("lb_conf", {}));
    const codes = (await Promise.allSettled(calls)).map((call) => call.status === "rejected" && call.reason.code);
    assert.deepEqual(new Set(codes), new Set(["TIMEOUT"]));
    assert.equal(client.pendingCount, 0);
    const [peer] = vpp.peers;
    for (const context of held) peer?.send("lb_conf_reply", { context, retval: 0 });
    await until(() => client.counters.late >= held.length, "late replies counted");
    vpp.handler = ({ context }, to) => to.send("lb_conf_reply", { context });
    await client.request("lb_conf", {});
  });

  it("a short deadline in the queue fires although the window is taken by long ones", async () => {
    await start({ window: 1, probe: false });
    const long = client.request("lb_conf", {}, { timeoutMs: 60_000 }).catch((error: VppError) => error.code);
    await assert.rejects(client.request("lb_conf", {}, { timeoutMs: 20 }), { code: "TIMEOUT" });
    assert.equal(client.pendingCount, 1);
    client.close();
    assert.equal(await long, "CLOSED");
  });

  it("refuses more than window and queue hold", async () => {
    await start({ window: 2, queue: 3, probe: false });
    const calls = Array.from({ length: 6 }, () => client.request("lb_conf", {}).catch((error: VppError) => error.code));
    assert.equal(await calls[5], "QUEUE_FULL");
    client.close();
    assert.deepEqual(await Promise.all(calls.slice(0, 5)), Array(5).fill("CLOSED"));
  });

  it("abort ends the wait, before and after sending, and frees its place", async () => {
    await start({ window: 1, probe: false });
    const first = new AbortController();
    const second = new AbortController();
    const a = client.request("lb_conf", {}, { signal: first.signal });
    const b = client.request("lb_conf", {}, { signal: second.signal });
    second.abort();
    await assert.rejects(b, { code: "ABORTED" });
    first.abort();
    await assert.rejects(a, { code: "ABORTED" });
    await assert.rejects(client.request("lb_conf", {}, { signal: AbortSignal.abort() }), { code: "ABORTED" });
    vpp.handler = ({ context }, peer) => peer.send("lb_conf_reply", { context });
    await client.request("lb_conf", {});
    assert.equal(client.pendingCount, 0);
  });

  it("dumps: iterated, as an array, as an Observable; given up early", async () => {
    await start();
    vpp.handler = interfaces;
    const names: string[] = [];
    for await (const row of client.dump("sw_interface_dump")) names.push(row.interface_name);
    assert.deepEqual(names, ["if0", "if1", "if2", "if3", "if4"]);
    assert.equal((await client.dumpAll("sw_interface_dump")).length, 5);
    const each: unknown[] = [];
    await client.dumpEach("sw_interface_dump", {}, (row) => void each.push(row["sw_if_index"]));
    assert.deepEqual(each, [0, 1, 2, 3, 4]);
    const stop = new Error("enough");
    await assert.rejects(
      client.dumpEach("sw_interface_dump", {}, () => {
        throw stop;
      }),
      stop,
    );
    const rows = await firstValueFrom(client.dump$("sw_interface_dump").pipe(toArray()));
    assert.deepEqual(
      rows.map((row) => row.sw_if_index),
      [0, 1, 2, 3, 4],
    );
    for await (const row of client.dump("sw_interface_dump")) if (row.sw_if_index === 1) break;
    assert.equal(client.pendingCount, 0);
    const rowsOf = client.dump("sw_interface_dump")[Symbol.asyncIterator]();
    const asked = await Promise.all(Array.from({ length: 7 }, () => rowsOf.next()));
    assert.deepEqual(
      asked.map((one) => (one.done === true ? "end" : one.value.sw_if_index)),
      [0, 1, 2, 3, 4, "end", "end"],
    );
    await assert.rejects(client.dumpAll("sw_interface_dump", {}, { maxBuffered: 2 }), { code: "QUEUE_FULL" });
  });

  it("a slow reader of a dump loses nothing and stops nobody", async () => {
    await start();
    vpp.handler = interfaces;
    const seen: number[] = [];
    for await (const row of client.dump("sw_interface_dump")) {
      await client.request("control_ping");
      await new Promise((resolve) => setTimeout(resolve, 2));
      seen.push(row.sw_if_index);
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  });

  it("streams go on from the cursor while the reply says EAGAIN", async () => {
    await start();
    const cursors: number[] = [];
    vpp.handler = ({ name, context, fields }, peer) => {
      if (name !== "sw_interface_tx_placement_get") return;
      const cursor = Number(fields["cursor"]);
      cursors.push(cursor);
      const from = cursor === 0xffff_ffff ? 0 : cursor;
      for (let i = from; i < from + 2; i++) peer.send("sw_interface_tx_placement_details", { context, queue_id: i });
      const more = from + 2 < 6;
      peer.send("sw_interface_tx_placement_get_reply", {
        context,
        retval: more ? -165 : 0,
        cursor: more ? from + 2 : 0,
      });
    };
    const rows = await client.dumpAll("sw_interface_tx_placement_get", { cursor: 0xffff_ffff });
    assert.deepEqual(
      rows.map((row) => row.queue_id),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(cursors, [0xffff_ffff, 2, 4]);
  });

  it("a connection that closes in the middle of a dump ends it, and comes back", async () => {
    await start({ reconnect: { minMs: 5, maxMs: 20 } });
    vpp.handler = ({ name, context }, peer) => {
      if (name !== "sw_interface_dump") return;
      peer.send("sw_interface_details", { context, sw_if_index: 0 });
      peer.socket.end();
    };
    const seen: number[] = [];
    await assert.rejects(
      async () => {
        for await (const row of client.dump("sw_interface_dump")) seen.push(row.sw_if_index);
      },
      { code: "CLOSED" },
    );
    assert.deepEqual(seen, [0]);
    await until(() => client.state.status === "ready", "connected again");
    await client.request("control_ping");
  });

  it("a restarted VPP is found again; requests meanwhile fail at once", async () => {
    await start({ reconnect: { minMs: 5, maxMs: 20 } });
    await vpp.stop();
    await until(() => client.state.status !== "ready", "loss");
    await assert.rejects(client.request("control_ping"), { code: "CLOSED" });
    await vpp.listen();
    await until(() => client.state.status === "ready", "connected again");
    await client.request("control_ping");
  });

  it("a VPP that falls silent is noticed by probes", async () => {
    await start({ probe: { intervalMs: 10, timeoutMs: 10, failures: 2 }, reconnect: false, requestTimeoutMs: 60_000 });
    const pending = client.request("lb_conf", {}).catch((error: VppError) => error.code);
    vpp.silent = true;
    await until(() => client.state.status === "failed", "failed");
    assert.equal(await pending, "CLOSED");
    assert.equal(client.state.status === "failed" && client.state.error.code, "TIMEOUT");
  });

  it("connect() ends at its deadline, at abort, and names what is wrong", async () => {
    await start();
    const gone = new VppClient({ socket: `${vpp.path}.gone` });
    await assert.rejects(gone.connect({ deadlineMs: 50 }), { code: "CONNECT", message: /no such socket/ });
    assert.equal(gone.state.status, "failed");
    const abort = new AbortController();
    const waiting = gone.connect({ signal: abort.signal });
    abort.abort();
    await assert.rejects(waiting, { code: "ABORTED" });
    vpp.silent = true;
    const deaf = new VppClient({ socket: vpp.path, requestTimeoutMs: 20, reconnect: false });
    await assert.rejects(deaf.connect(), { code: "CONNECT", message: /no handshake/ });
  });

  it("a message that VPP lacks is named, with the way out; the table picks among versions", async () => {
    await start(
      {},
      new FakeVpp((nameCrc) => nameCrc.startsWith("lb_conf_get") || nameCrc.startsWith("memif_create_v2")),
    );
    await assert.rejects(client.request("lb_conf_get"), {
      code: "UNKNOWN_MESSAGE",
      message: /VPP 26.06-fake has no message lb_conf_get \(known: lb_conf_get_51077d14\); load the plugin/,
    });
    await assert.rejects(client.requestUntyped("nosuch"), { code: "UNKNOWN_MESSAGE" });
    assert.equal(client.has("memif_create"), true);
    assert.equal(client.has("memif_create_v2"), false);
  });

  it("events reach their observers, and only while there is an observer", async () => {
    await start();
    const seen: number[] = [];
    const subscription = client.events("sw_interface_event").subscribe((event) => seen.push(event.sw_if_index));
    const [peer] = vpp.peers;
    peer?.send("sw_interface_event", { pid: 1, sw_if_index: 3, flags: 1 });
    await until(() => seen.length === 1, "event");
    subscription.unsubscribe();
    peer?.send("sw_interface_event", { pid: 1, sw_if_index: 4 });
    await client.request("control_ping");
    assert.deepEqual(seen, [3]);
  });

  it("cli: text, and VPP's words in the error", async () => {
    await start();
    vpp.handler = ({ context, fields }, peer) => {
      const bad = fields["cmd"] === "bad";
      peer.send("cli_inband_reply", { context, retval: bad ? -1 : 0, reply: bad ? "unknown input\n" : "fine\n\0" });
    };
    assert.equal(await client.cli("show lb"), "fine\n");
    await assert.rejects(client.cli("bad"), { code: "RETVAL", message: /unknown input/, output: "unknown input" });
    for (const line of [
      "lb flush vip 10.0.0.0/24 now",
      "create bridge-domain 7 arp-term 1 arp-ufwd 1",
      "set bridge-domain arp-ufwd 7",
      "l2fib flush-mac interface loop0",
      "show memif loop0",
      "sh tap descriptors local0",
      // VPP runs what a command leaves of its line as the next one.
      "show version verbose lb flush vip 10.0.0.0/24 now",
      "lb { flush vip 10.0.0.0/24 now }",
    ]) {
      await assert.rejects(client.cli(line), { code: "REFUSED" }, line);
    }
    for (const line of [
      "show memif memif0/0 descriptors",
      "show tap tap0",
      "show memory main-heap",
      "show lb vips verbose",
    ]) {
      assert.equal(await client.cli(line), "fine\n");
    }
    for (const line of ["create bridge-domain 7 arp-ufwd 0", "set bridge-domain arp-ufwd 7 disable"]) {
      assert.equal(await client.cli(line), "fine\n");
    }
  });

  it("memif: a mode that would end VPP is not sent", async () => {
    await start();
    vpp.handler = ({ name, context }, peer) => peer.send(`${name}_reply`, { context, sw_if_index: 1 });
    for (const name of ["memif_create", "memif_create_v2"] as const) {
      await client.request(name, { mode: 0 });
      await client.request(name, { mode: 1 });
      await assert.rejects(client.request(name, { mode: 2 }), { code: "REFUSED" });
    }
  });

  it("bridge domains: what would end VPP is not sent", async () => {
    await start();
    const none = 0xffff_ffff;
    let uuFwd = none;
    vpp.handler = ({ name, context, fields }, peer) => {
      if (name === "bridge_domain_dump") {
        peer.send("bridge_domain_details", {
          ...{ context, bd_id: 7, bvi_sw_if_index: 3, uu_fwd_sw_if_index: uuFwd },
          sw_if_details: [{ sw_if_index: 3 }],
        });
      } else peer.send(`${name}_reply`, { context, bd_id: fields["bd_id"] ?? 0 });
    };
    const added = { bd_id: 7, is_add: true, arp_ufwd: true };
    await assert.rejects(client.request("bridge_domain_add_del_v2", added), { code: "REFUSED" });
    await assert.rejects(client.request("bridge_domain_add_del", added), { code: "REFUSED" });
    await client.request("bridge_domain_add_del_v2", { ...added, is_add: false });
    const flags = { bd_id: 7, is_set: true, flags: 0x21 };
    await assert.rejects(client.request("bridge_flags", flags), { code: "REFUSED" });
    await client.request("bridge_flags", { ...flags, is_set: false });
    await client.request("bridge_flags", { ...flags, flags: 0x01 });
    uuFwd = 5;
    await client.request("bridge_flags", flags);
    await client.request("l2fib_flush_int", { sw_if_index: 3 });
    await client.request("l2fib_flush_int", { sw_if_index: 5 });
    await assert.rejects(client.request("l2fib_flush_int", { sw_if_index: 1 }), { code: "REFUSED" });
  });

  it("sub-interfaces: what would take another's tags, or spoil VPP's memory, is not sent", async () => {
    await start();
    vpp.handler = ({ name, context }, peer) => {
      if (name !== "sw_interface_dump") return peer.send(`${name}_reply`, { context });
      const vlan = { sup_sw_if_index: 2, interface_name: "loop0.7", sub_outer_vlan_id: 100 };
      peer.send("sw_interface_details", { ...{ context, sw_if_index: 2, sup_sw_if_index: 2 } });
      peer.send("sw_interface_details", { ...vlan, ...{ context, sw_if_index: 5, sub_id: 7, sub_if_flags: 2 | 16 } });
    };
    const sub = { sw_if_index: 2, sub_id: 8, sub_if_flags: 2 | 16, outer_vlan_id: 101, inner_vlan_id: 0 };
    await client.request("create_subif", sub);
    await client.request("create_subif", { ...sub, sub_if_flags: 2 | 8, outer_vlan_id: 100 });
    await client.request("create_subif", { ...sub, sub_if_flags: 4, outer_vlan_id: 100, inner_vlan_id: 9 });
    await client.request("create_subif", { ...sub, sw_if_index: 3, outer_vlan_id: 100 });
    await client.request("create_subif", { ...sub, sub_id: 7, outer_vlan_id: 100 });
    const taken = { code: "REFUSED", message: /loop0\.7 has the tags \(dot1q 100\)/ };
    await assert.rejects(client.request("create_subif", { ...sub, outer_vlan_id: 100 }), taken);
    await assert.rejects(client.request("create_vlan_subif", { sw_if_index: 2, vlan_id: 100 }), taken);
    await client.request("create_vlan_subif", { sw_if_index: 2, vlan_id: 101 });
    for (const change of [
      { outer_vlan_id: 4096 },
      { inner_vlan_id: 65535 },
      { sub_if_flags: 0 },
      { sub_if_flags: 1 },
    ]) {
      await assert.rejects(client.request("create_subif", { ...sub, ...change }), { code: "REFUSED" });
    }
    const bvi = { rx_sw_if_index: 0, bd_id: 1, port_type: 1, enable: true };
    await assert.rejects(client.request("sw_interface_set_l2_bridge", bvi), { code: "REFUSED" });
    await client.request("sw_interface_set_l2_bridge", { ...bvi, enable: false });
    await client.request("sw_interface_set_l2_bridge", { ...bvi, rx_sw_if_index: 2 });
  });

  it("a reply that is cut short fails its request alone; a wrong value never leaves", async () => {
    await start({ probe: false });
    vpp.handler = ({ context }, peer) => {
      const payload = vpp.payload("lb_conf_get_reply", { context, ip4_src_address: "10.0.0.1" });
      const cut = payload.subarray(0, 14);
      const frame = new Uint8Array(16 + cut.length);
      frame[11] = cut.length;
      frame.set(cut, 16);
      peer.raw(frame);
    };
    await assert.rejects(client.request("lb_conf_get"), { code: "DECODE", path: "ip6_src_address" });
    await assert.rejects(client.request("lb_conf", { flow_timeout: -1 }), { code: "ENCODE", path: "flow_timeout" });
    await client.request("control_ping");
  });

  it("noise from the socket is an error or is dropped, and the client recovers", async () => {
    await start({ reconnect: { minMs: 5, maxMs: 20 } });
    const [peer] = vpp.peers;
    peer?.raw(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0xff, 0xff, 1, 2]));
    await client.request("control_ping");
    assert.equal(client.counters.unknown, 1);
    peer?.raw(new Uint8Array(64).fill(0xff));
    await until(() => client.state.status !== "ready", "loss");
    await until(() => client.state.status === "ready", "connected again");
  });
});
