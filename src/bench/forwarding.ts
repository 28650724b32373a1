import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { spawn, type ChildProcess } from "node:child_process";
import { Dataplane } from "../dataplane/dataplane.ts";
import { createHostInterface } from "../dataplane/host-interface.ts";
import { VipType } from "../dataplane/lb/types.ts";
import { Namespace } from "../kernel/namespace.ts";
import { getAffinity, setAffinity } from "../sys/affinity.ts";
import { AF_PACKET, ETH_P_ALL, MSG_DONTWAIT, PACKET_QDISC_BYPASS, SOCK_RAW, SOL_PACKET } from "../sys/constants.ts";
import { interfaceIndex } from "../sys/ioctl.ts";
import { libc } from "../sys/libc.ts";
import { mapMemory, type Mapping } from "../sys/mmap.ts";
import { packetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setBufferSize, setSocketOption } from "../sys/sockets.ts";

/** What forwarding small packets through the lb graph costs. */
export interface ForwardingResult {
  /** Million packets a second that the generator sent. */
  readonly offeredMpps: number;
  /** Million packets a second that came out, encapsulated. */
  readonly forwardedMpps: number;
  /** Share of one core that the forwarding thread used. */
  readonly cpuCores: number;
  /** CPU time per forwarded packet. */
  readonly cpuUsPerPacket: number;
  readonly frameBytes: number;
  readonly flows: number;
}

export interface ForwardingOptions {
  /** Default 3. */
  readonly seconds?: number;
  /** Frame before encapsulation; default 60. */
  readonly frameBytes?: number;
  /** Default 1000, by source port. */
  readonly flows?: number;
}

/** What forwarding-vpp.ts gives a VPP as well. */
export const MACS = { in: [2, 0xfe, 0, 0, 0, 1], out: [2, 0xfe, 0, 0, 0, 2], server: [2, 0, 0, 0, 0, 2] } as const;
const CLIENT_MAC = [2, 0, 0, 0, 0, 1];
/** Frames a system call of the generator. */
const BATCH = 250;
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
const WARM_UP_MS = 700;
const START_DEADLINE_MS = 20_000;

/**
 * Generator - veth - dataplane - veth - sink, in namespaces of our own: the generator floods a VIP from a process of its
 * own, what comes out at the sink is counted by the kernel. Needs root (or a user namespace's).
 */
export async function benchForwarding(options: ForwardingOptions = {}): Promise<ForwardingResult> {
  const { seconds = 3, frameBytes = 60, flows = 1000 } = options;
  const spaces = await Promise.all(["generator", "dataplane", "sink"].map((label) => Namespace.create(label)));
  const [generator, middle, sink] = spaces as [Namespace, Namespace, Namespace];
  const dataplane = new Dataplane();
  const cpus = getAffinity();
  let child: ChildProcess | undefined;
  let fd = -1;
  try {
    await generator.addVeth({ name: "g", peer: { name: "in", namespace: middle } });
    await middle.addVeth({ name: "out", peer: { name: "s", namespace: sink } });
    middle.run(() => configure(dataplane));
    fd = generator.run(openGenerator);
    if (cpus.length > 1) setAffinity([cpus[0]!]);
    child = startGenerator({ fd: 3, frameBytes, flows, cpu: cpus.at(-1) }, fd);
    await started(dataplane);
    await sleep(WARM_UP_MS);
    return { ...(await measure(dataplane, sink, seconds)), frameBytes, flows };
  } finally {
    child?.kill("SIGKILL");
    if (cpus.length > 1) setAffinity(cpus);
    if (fd >= 0) closeFd(fd);
    dataplane.close();
    for (const space of spaces) space.close();
  }
}

/** A busy machine takes its time to start the generator. */
async function started(dataplane: Dataplane): Promise<void> {
  const input = dataplane.byName("host-in")!;
  const deadline = performance.now() + START_DEADLINE_MS;
  while (input.counters.rxPackets < 10_000) {
    if (performance.now() > deadline) throw new Error(`the generator sent nothing within ${START_DEADLINE_MS} ms`);
    await sleep(20);
  }
}

async function measure(
  dataplane: Dataplane,
  sink: Namespace,
  seconds: number,
): Promise<Omit<ForwardingResult, "frameBytes" | "flows">> {
  const input = dataplane.byName("host-in")!;
  const before = { sink: received(sink, "s"), in: input.counters.rxPackets, cpu: threadCpuS(), at: performance.now() };
  await sleep(seconds * 1000);
  const elapsedS = (performance.now() - before.at) / 1000;
  const forwarded = received(sink, "s") - before.sink;
  const cpuS = threadCpuS() - before.cpu;
  // What the ring had no room for never became a packet; the interface's rx-miss has it a second later.
  await sleep(1100);
  return {
    offeredMpps: (input.counters.rxPackets - before.in + input.counters.rxMiss) / (elapsedS + 1.1) / 1e6,
    forwardedMpps: forwarded / elapsedS / 1e6,
    cpuCores: cpuS / elapsedS,
    cpuUsPerPacket: (cpuS * 1e6) / forwarded,
  };
}

/** VIP 10.2.2.0/24 with three servers over GRE, as in the demo. */
function configure(dataplane: Dataplane): void {
  const open = (hostIfName: string, mac: readonly number[], address: number): number => {
    const { retval, swIfIndex, cause } = createHostInterface(dataplane, { hostIfName, mac: Uint8Array.from(mac) });
    if (retval !== 0) throw new Error(`host-interface ${hostIfName}: ${retval}`, { cause });
    dataplane.setAdminUp(swIfIndex, true);
    dataplane.addAddress(swIfIndex, address, 24);
    return swIfIndex;
  };
  open("in", MACS.in, 0x0a460001);
  const out = open("out", MACS.out, 0x0a3c0101);
  addLbVip(dataplane, out);
}

/** VIP 10.2.2.0/24 over GRE, its three servers at an interface whose address is 10.60.1.1. */
export function addLbVip(dataplane: Dataplane, out: number): void {
  const { lb } = dataplane;
  lb.conf(0x0a3c0101, new Uint8Array(16), 65536, 40);
  const prefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 2, 2, 0);
  const vip = lb.vipAdd({ prefix, plen: 120, protocol: 255, port: 0, type: VipType.ip4Gre4, newLength: 1024 });
  const servers = [2, 3, 4].map((n) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 60, 1, n));
  lb.asAdd(vip, servers);
  for (const server of servers)
    dataplane.neighbors.add(out, 0x0a3c0100 + server[15]!, Uint8Array.from(MACS.server), { static: true });
}

export function openGenerator(): number {
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  setSocketOption(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  setBufferSize(fd, "send", 4 << 20);
  bindSocket(fd, packetAddress(interfaceIndex("g"), ETH_P_ALL), "g");
  return fd;
}

interface GeneratorData {
  readonly fd: number;
  readonly frameBytes: number;
  readonly flows: number;
  readonly cpu: number | undefined;
}

export function startGenerator(data: GeneratorData, fd: number): ChildProcess {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), "--generate", JSON.stringify(data)];
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", fd] });
}

/** The generator's process: as fast as it can until it is killed, or its parent is gone. */
function generate({ fd, frameBytes, flows, cpu }: GeneratorData): void {
  if (cpu !== undefined) setAffinity([cpu]);
  // One flow fills system calls too.
  const count = Math.max(flows, BATCH);
  const { address } = frames(frameBytes, flows, count);
  const parent = process.ppid;
  const turn = (): void => {
    const until = performance.now() + 20;
    while (performance.now() < until) {
      for (let at = 0; at < count; at += BATCH)
        libc().sendmmsg(fd, address + BigInt(at * MMSGHDR_BYTES), Math.min(BATCH, count - at), MSG_DONTWAIT);
    }
    if (process.ppid === parent) setImmediate(turn);
  };
  turn();
}

/** `count` frames, each flow in turn, with the mmsghdr and iovec that send it: made once, so that the kernel's share is all of the cost. */
function frames(frameBytes: number, flows: number, count: number): Mapping {
  const frame = udpFrame(frameBytes);
  const iovecs = count * MMSGHDR_BYTES;
  const slots = iovecs + count * IOVEC_BYTES;
  const slotBytes = Math.ceil(frameBytes / 64) * 64;
  const memory = mapMemory(slots + count * slotBytes);
  const { view, bytes, address } = memory;
  for (let frameIndex = 0; frameIndex < count; frameIndex += 1) {
    const [header, iovec] = [frameIndex * MMSGHDR_BYTES, iovecs + frameIndex * IOVEC_BYTES];
    const slot = slots + frameIndex * slotBytes;
    view.setBigUint64(header + 16, address + BigInt(iovec), true);
    view.setBigUint64(header + 24, 1n, true);
    view.setBigUint64(iovec, address + BigInt(slot), true);
    view.setBigUint64(iovec + 8, BigInt(frameBytes), true);
    bytes.set(frame, slot);
    view.setUint16(slot + 34, 1024 + (frameIndex % flows));
  }
  return memory;
}

/** UDP from 10.70.0.2 to 10.2.2.1, port 5001. */
export function udpFrame(bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer);
  frame.set(MACS.in, 0);
  frame.set(CLIENT_MAC, 6);
  view.setUint16(12, 0x0800);
  view.setUint16(14, 0x4500);
  view.setUint16(16, bytes - 14);
  view.setUint16(22, 0x4011);
  view.setUint32(26, 0x0a460002);
  view.setUint32(30, 0x0a020201);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  view.setUint16(24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
  view.setUint16(36, 5001);
  view.setUint16(38, bytes - 34);
  return frame;
}

/** Packets that a device received, from the namespace's /proc. */
export function received(space: Namespace, device: string): number {
  const lines = space.run(() => readFileSync("/proc/thread-self/net/dev", "utf8")).split("\n");
  const line = lines.find((one) => one.trim().startsWith(`${device}:`));
  return Number(line?.split(":")[1]?.trim().split(/\s+/)[1] ?? 0);
}

/** CPU seconds of the main thread, where the packet path runs. */
export function threadCpuS(): number {
  const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv[2] === "--generate") generate(JSON.parse(process.argv[3]!) as GeneratorData);
  else console.log(JSON.stringify(await benchForwarding(), undefined, 2));
}
