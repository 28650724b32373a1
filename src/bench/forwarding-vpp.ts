import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lbQuirks, VppClient } from "vpp-api-ts";
import { Namespace } from "../kernel/namespace.ts";
import { getAffinity, setAffinity } from "../sys/affinity.ts";
import { closeFd } from "../sys/sockets.ts";
import { BenchError } from "./errors.ts";
import { MACS, openGenerator, received, startGenerator, type ForwardingResult } from "./forwarding.ts";
import { end } from "./target.ts";

const WARM_UP_MS = 700;
const START_DEADLINE_MS = 20_000;
/** VPP's default TX ring takes 69 MB of locked memory, which containers do not have. */
const RINGS = { rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 4, tx_frames_per_block: 512 };

const VIP = "10.2.2.0/24";
const ANCHOR = "198.18.0.1";
const TRAFFIC_PORT = 5001;

/** What runs a VPP, or the embedded dataplane, in the directory that is its last argument. */
export interface Program {
  readonly program: string;
  readonly args: readonly string[];
}

export interface Setting {
  readonly seconds: number;
  readonly frameBytes: number;
  /** By source port. */
  readonly flows: number;
  /** Default 3; more than 100 get a table of 65,536. */
  readonly servers?: number;
  /** Flow rules in front, of which the last one takes the traffic. Default 0: a plain VIP. */
  readonly rules?: number;
}

/**
 * The traffic of forwarding.ts through a real VPP, on one CPU, its generator on another.
 * @param command runs a VPP in the directory that is its first argument
 * @throws BenchError PEER
 */
export async function benchVppForwarding(command: string | Program, setting: Setting): Promise<ForwardingResult> {
  const { seconds, frameBytes, flows } = setting;
  const { program, args } = typeof command === "string" ? { program: command, args: [] } : command;
  const spaces = await Promise.all(["generator", "vpp", "sink"].map((label) => Namespace.create(label)));
  const [generator, middle, sink] = spaces as [Namespace, Namespace, Namespace];
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const cpus = getAffinity();
  let vpp: ChildProcess | undefined;
  let source: ChildProcess | undefined;
  let fd = -1;
  try {
    await generator.addVeth({ name: "g", peer: { name: "in", namespace: middle } });
    await middle.addVeth({ name: "out", peer: { name: "s", namespace: sink } });
    // VPP stays on the CPU on which it is started.
    if (cpus.length > 1) setAffinity([cpus[0]!]);
    vpp = middle.spawn(program, [...args, directory], { stdio: "ignore" });
    if (cpus.length > 1) setAffinity(cpus);
    vpp.once("error", () => undefined);
    await configure(join(directory, "api.sock"), openHost, setting);
    fd = generator.run(openGenerator);
    source = startGenerator({ fd: 3, frameBytes, flows, cpu: cpus.at(-1) }, fd);
    await sleep(WARM_UP_MS);
    return { ...(await measure(middle, sink, vpp.pid!, seconds)), frameBytes, flows };
  } finally {
    source?.kill("SIGKILL");
    if (fd >= 0) closeFd(fd);
    if (vpp !== undefined) await end(vpp);
    rmSync(directory, { recursive: true, force: true });
    for (const space of spaces) space.close();
  }
}

type Opener = (client: VppClient, name: "in" | "out", mac: Uint8Array) => Promise<number>;

const openHost: Opener = async (client, name, hw_addr) => {
  const queues = { num_rx_queues: 1, num_tx_queues: 1, ...RINGS };
  return (await client.request("af_packet_create_v3", { mode: 1, host_if_name: name, hw_addr, ...queues })).sw_if_index;
};

/** As forwarding.ts configures the embedded dataplane, over interfaces that `create` makes. */
export async function configure(
  socket: string,
  create: Opener = openHost,
  { servers: count = 3, rules = 0 }: Pick<Setting, "servers" | "rules"> = {},
): Promise<void> {
  const client = new VppClient({ socket, name: "bench", probe: false });
  try {
    await client.connect({ deadlineMs: START_DEADLINE_MS });
    const open = async (name: "in" | "out", prefix: string): Promise<number> => {
      const sw_if_index = await create(client, name, Uint8Array.from(MACS[name]));
      await client.request("sw_interface_set_flags", { sw_if_index, flags: 1 });
      await client.request("sw_interface_add_del_address", { sw_if_index, is_add: true, prefix });
      return sw_if_index;
    };
    const input = await open("in", "10.70.0.1/24");
    const out = await open("out", "10.60.0.1/16");
    const lb = lbQuirks(client);
    await lb.configure({ ip4Source: "10.60.0.1", ip6Source: "::1", stickyBuckets: 65_536, timeoutS: 40 });
    // With flow rules the table is behind an address that policies lead to.
    const vip = { prefix: rules > 0 ? `${ANCHOR}/32` : VIP };
    await lb.addVip({ ...vip, encap: "gre4", tableSize: count > 100 ? 65_536 : 1024 });
    const servers = Array.from({ length: count }, (_, i) => `10.60.${1 + (i >> 8)}.${i & 255}`);
    for (const address of servers) {
      const neighbor = { sw_if_index: out, flags: 1, mac_address: Uint8Array.from(MACS.server), ip_address: address };
      await client.request("ip_neighbor_add_del", { is_add: true, neighbor });
    }
    await lb.addServers(vip, servers);
    for (let rule = 0; rule < rules; rule++) await addRule(client, input, rule, rule === rules - 1);
  } catch (error) {
    throw new BenchError("PEER", `VPP in a namespace: ${(error as Error).message}`, { cause: error });
  } finally {
    client.close();
  }
}

/** A flow rule as streams have them: a list, a policy and its attachment; only the last one takes the traffic. */
async function addRule(client: VppClient, sw_if_index: number, rule: number, matches: boolean): Promise<void> {
  const port = matches ? TRAFFIC_PORT : 20_000 + rule;
  const any = { srcport_or_icmptype_first: 0, srcport_or_icmptype_last: 65_535 };
  const ports = { ...any, dstport_or_icmpcode_first: port, dstport_or_icmpcode_last: port };
  const matching = { is_permit: 1, src_prefix: "0.0.0.0/0", dst_prefix: VIP, proto: 17, ...ports };
  const { acl_index } = await client.request("acl_add_replace", {
    acl_index: 0xffff_ffff,
    tag: "bench",
    r: [{ ...matching, tcp_flags_mask: 0, tcp_flags_value: 0 }],
  });
  const path = { sw_if_index: 0xffff_ffff, weight: 1, proto: 0, nh: { address: { ip4: ANCHOR } } };
  const policy = { policy_id: rule + 1, acl_index, n_paths: 1, paths: [path] };
  await client.request("abf_policy_add_del", { is_add: true, policy: policy as never });
  const attach = { policy_id: rule + 1, sw_if_index, priority: rule + 1, is_ipv6: false };
  await client.request("abf_itf_attach_add_del", { is_add: true, attach });
}

async function measure(
  middle: Namespace,
  sink: Namespace,
  pid: number,
  seconds: number,
): Promise<Omit<ForwardingResult, "frameBytes" | "flows">> {
  const sample = () => ({
    offered: received(middle, "in"),
    forwarded: received(sink, "s"),
    cpuS: cpuSeconds(pid),
    atMs: performance.now(),
  });
  const before = sample();
  await sleep(seconds * 1000);
  const after = sample();
  const elapsedS = (after.atMs - before.atMs) / 1000;
  const forwarded = after.forwarded - before.forwarded;
  const cpuS = after.cpuS - before.cpuS;
  return {
    offeredMpps: (after.offered - before.offered) / elapsedS / 1e6,
    forwardedMpps: forwarded / elapsedS / 1e6,
    cpuCores: cpuS / elapsedS,
    cpuUsPerPacket: (cpuS * 1e6) / forwarded,
  };
}

export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
