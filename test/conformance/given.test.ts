/**
 * The recorded sequences of calls against a VPP that runs already (`VPPLB_VPP_API`) and a fresh embedded dataplane side by
 * side: every field of every reply and every text must be equal. Everything that was made is taken away again; removed
 * VIPs stay listed in VPP until it collects them. The embedded dataplane is VPP 26.06: of another version those areas are
 * left out in which it differs.
 */
import assert from "node:assert/strict";
import { parseLb, parseLbVips, vipPrefix, type LbVipState } from "vpp-api-ts";
import { formatPrefix, type Prefix } from "vpp-api-ts/codec";
import { BareClient, type Fields } from "./client.ts";
import type { Command } from "./commands.ts";
import { bytesAsHex, describeDifference, differenceIn, differenceOfEvents } from "./pair.ts";
import { readSequence, sequenceNames } from "./sequence.ts";
import { namespacesMissing, startEmbedded, type Subject } from "./subject.ts";

const AREAS = ["interfaces", "l2", "ip", "lb"] as const;
/** With this message the lb plugin has weights, another text, and takes IPv4 prefixes as documented. */
const LB_OF_26_10 = "lb_conf_get_51077d14";
const ALL = 0xffffffff;
/** Tables and bridge domains that the sequences may make. */
const TABLES = [10, 20, 99];
const DOMAINS = [1, 2, 7];

function api(name: string, fields: Fields = {}): Command {
  return { kind: "api", name, fields };
}

/** What of VPP must be as in a new one, and is so again afterwards, but for removed VIPs. */
async function stateOf(client: BareClient): Promise<unknown> {
  const rows = await client.dump("sw_interface_dump", { sw_if_index: ALL });
  const bridges = await client.dump("bridge_domain_dump", { bd_id: ALL, sw_if_index: ALL });
  const tables = await client.dump("ip_table_dump");
  const neighbors = await client.dump("ip_neighbor_dump", { sw_if_index: ALL });
  const macs = await client.dump("l2_fib_table_dump", { bd_id: ALL });
  const vips = parseLbVips((await client.cli("show lb vips verbose")).reply);
  return {
    interfaces: rows.map(({ context: _, ...row }) => row),
    tables: tables.map(({ table }) => table),
    routes: await routesIn(client, vips),
    counts: [bridges, neighbors, macs, vips.filter((vip) => !vip.removed)].map(({ length }) => length),
  };
}

/** Prefixes of the main tables, without those by which removed servers are still followed. */
async function routesIn(client: BareClient, vips: readonly LbVipState[]): Promise<unknown[]> {
  const rows4 = await client.dump("ip_route_dump", { table: { is_ip6: false } });
  const rows6 = await client.dump("ip_route_dump", { table: { is_ip6: true } });
  const followed = vips.flatMap((vip) => vip.servers.map((server) => server.address));
  const prefixes = [...rows4, ...rows6].map(({ route }) => formatPrefix((route as { prefix: Prefix }).prefix));
  return prefixes.filter((prefix) => !followed.includes(prefix.replace(/\/(32|128)$/, ""))).sort();
}

/** Why a VPP can't be compared with a new embedded dataplane, or undefined. */
async function notFresh(client: BareClient, embedded: BareClient): Promise<string | undefined> {
  const { vips, servers } = parseLb((await client.cli("show lb")).reply);
  if (vips > 0 || servers > 0) return "it has, or had, VIPs, whose indexes and remains would show";
  const theirs = JSON.stringify(await stateOf(client), bytesAsHex);
  const ours = JSON.stringify(await stateOf(embedded), bytesAsHex);
  if (theirs !== ours) return "it has interfaces, bridge domains, tables or routes";
  const { sw_if_index } = await client.request("create_loopback");
  await client.request("delete_loopback", { sw_if_index });
  if (sw_if_index !== 1) return "interfaces were there before, whose indexes would show";
  return undefined;
}

/** Commands that take away what calls of the areas leave, so far as `vpp` shows it. */
async function clearing(vpp: BareClient, commands: readonly Command[]): Promise<Command[]> {
  const rows = await vpp.dump("sw_interface_dump", { sw_if_index: ALL });
  const indexes = rows.map((row) => Number(row["sw_if_index"])).filter((index) => index !== 0);
  const vips = parseLbVips((await vpp.cli("show lb vips verbose")).reply).filter((vip) => !vip.removed);
  return [
    ...vips.flatMap(({ prefix, protocol, port, servers }) => {
      const key = { pfx: vipPrefix(prefix), protocol, port, is_del: true };
      const dropped = servers.filter((server) => !server.removed);
      return [
        ...dropped.map(({ address }) => api("lb_add_del_as", { ...key, as_address: address })),
        api("lb_add_del_vip", { ...key, new_flows_table_length: 1024 }),
      ];
    }),
    ...routesOf(commands),
    ...indexes.map((rx_sw_if_index) => api("sw_interface_set_l2_bridge", { rx_sw_if_index, enable: false })),
    ...indexes.map((sw_if_index) => api("sw_interface_add_del_address", { sw_if_index, del_all: true, is_add: false })),
    ...[0, 1].map((af) => api("ip_neighbor_flush", { sw_if_index: ALL, af })),
    ...indexes.map((sw_if_index) => api("delete_loopback", { sw_if_index })),
    ...DOMAINS.map((bd_id) => api("bridge_domain_add_del_v2", { bd_id, is_add: false })),
    api("l2_fib_clear_table"),
    ...TABLES.flatMap((table_id) =>
      [false, true].map((is_ip6) => api("ip_table_add_del", { is_add: false, table: { table_id, is_ip6 } })),
    ),
    api("want_interface_events", { enable_disable: 0, pid: 7 }),
  ];
}

/** A removal of each prefix that the commands route. */
function routesOf(commands: readonly Command[]): Command[] {
  const seen = new Map<string, Command>();
  for (const command of commands) {
    if (command.kind !== "api" || command.name !== "ip_route_add_del") continue;
    const { table_id, prefix } = command.fields["route"] as Fields;
    const removal = api("ip_route_add_del", { is_add: false, is_multipath: false, route: { table_id, prefix } });
    seen.set(JSON.stringify([table_id, prefix], bytesAsHex), removal);
  }
  return [...seen.values()];
}

describe("recorded calls against a running VPP", function () {
  this.timeout(120_000);
  const socket = process.env["VPPLB_VPP_API"];
  let subject: Subject | undefined;
  let vpp: BareClient;
  let embedded: BareClient;
  let initial: unknown;
  let sources: Fields;
  let compared = 0;

  before(async function () {
    const skip = (reason: string): never => {
      console.log(`      skipped: ${reason}`);
      return this.skip();
    };
    if (socket === undefined || socket === "") skip("VPPLB_VPP_API=SOCKET names no running VPP");
    const missing = namespacesMissing();
    if (missing !== undefined) skip(missing);
    subject = await startEmbedded();
    [vpp, embedded] = await Promise.all([BareClient.connect(socket!), BareClient.connect(subject.api)]);
    const reason = await notFresh(vpp, embedded);
    if (reason !== undefined) skip(`the VPP of VPPLB_VPP_API is not new: ${reason}; start it again to compare it`);
    // The embedded dataplane gets what the probe did, and VPP's source addresses.
    const { sw_if_index } = await embedded.request("create_loopback");
    await embedded.request("delete_loopback", { sw_if_index });
    const { ip4Source, ip6Source } = parseLb((await vpp.cli("show lb")).reply);
    sources = {
      ip4_src_address: ip4Source,
      ip6_src_address: ip6Source,
      sticky_buckets_per_core: ALL,
      flow_timeout: ALL,
    };
    await embedded.request("lb_conf", sources);
    initial = await stateOf(vpp);
    // From here on both get the same calls, so that contexts are equal too.
    vpp.close();
    embedded.close();
    [vpp, embedded] = await Promise.all([BareClient.connect(socket!), BareClient.connect(subject.api)]);
  });

  after(async () => {
    vpp?.close();
    embedded?.close();
    await subject?.stop();
    if (compared > 0) console.log(`      ${compared} calls compared`);
  });

  async function same(commands: readonly Command[]): Promise<void> {
    const difference = await differenceIn(embedded, vpp, commands, () => (compared += 1));
    assert.equal(difference && describeDifference(difference, commands), undefined);
    assert.ok(!vpp.isClosed, "VPP lives");
  }

  for (const area of AREAS) {
    for (const name of sequenceNames(`given-${area}`)) {
      it(`${area}: ${name}`, async function () {
        if (area === "lb" && vpp.listed.has(LB_OF_26_10)) {
          console.log("      skipped: VPP's lb plugin is newer than the one of 26.06, which is what is embedded");
          return this.skip();
        }
        const commands = readSequence(name).filter(
          (command) => command.kind === "cli" || (vpp.has(command.name) && embedded.has(command.name)),
        );
        try {
          await same(commands);
        } finally {
          if (!vpp.isClosed) await clear(commands);
        }
      });
    }
  }

  /** Clears both, in step; what they answer is compared too. */
  async function clear(commands: readonly Command[]): Promise<void> {
    const steps = await clearing(vpp, commands);
    await clearing(embedded, commands);
    await same([...steps, api("lb_conf", sources)]);
    const difference = await differenceOfEvents(embedded, vpp, commands.length);
    assert.equal(difference && describeDifference(difference, commands), undefined);
    assert.deepEqual(await stateOf(vpp), initial, "VPP is as it was");
    await stateOf(embedded);
  }
});
