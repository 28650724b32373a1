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

/**
 * The traffic of forwarding.ts through a real VPP, on one CPU, its generator on another.
 * @param command runs a VPP in the directory that is its first argument
 * @throws BenchError PEER
 */
export async function benchVppForwarding(
  command: string,
  { seconds, frameBytes, flows }: { seconds: number; frameBytes: number; flows: number },
): Promise<ForwardingResult> {
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
    vpp = middle.spawn(command, [directory], { stdio: "ignore" });
    if (cpus.length > 1) setAffinity(cpus);
    vpp.once("error", () => undefined);
    await configure(join(directory, "api.sock"));
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
export async function configure(socket: string, create: Opener = openHost): Promise<void> {
  const client = new VppClient({ socket, name: "bench", probe: false });
  try {
    await client.connect({ deadlineMs: START_DEADLINE_MS });
    const open = async (name: "in" | "out", prefix: string): Promise<number> => {
      const sw_if_index = await create(client, name, Uint8Array.from(MACS[name]));
      await client.request("sw_interface_set_flags", { sw_if_index, flags: 1 });
      await client.request("sw_interface_add_del_address", { sw_if_index, is_add: true, prefix });
      return sw_if_index;
    };
    await open("in", "10.70.0.1/24");
    const out = await open("out", "10.60.1.1/24");
    const lb = lbQuirks(client);
    await lb.configure({ ip4Source: "10.60.1.1", ip6Source: "::1", stickyBuckets: 65_536, timeoutS: 40 });
    const vip = { prefix: "10.2.2.0/24" };
    await lb.addVip({ ...vip, encap: "gre4", tableSize: 1024 });
    const servers = ["10.60.1.2", "10.60.1.3", "10.60.1.4"];
    for (const address of servers) {
      const neighbor = { sw_if_index: out, flags: 1, mac_address: Uint8Array.from(MACS.server), ip_address: address };
      await client.request("ip_neighbor_add_del", { is_add: true, neighbor });
    }
    await lb.addServers(vip, servers);
  } catch (error) {
    throw new BenchError("PEER", `VPP in a namespace: ${(error as Error).message}`, { cause: error });
  } finally {
    client.close();
  }
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
