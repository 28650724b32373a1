import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Dataplane } from "../dataplane/dataplane.ts";
import { memifOf } from "../dataplane/memif/memif.ts";
import { getAffinity, setAffinity } from "../sys/affinity.ts";
import { addLbVip, MACS, sleep, threadCpuS, type ForwardingOptions, type ForwardingResult } from "./forwarding.ts";
import { MemifPeer } from "./memif-peer.ts";

/**
 * Generator - memif - dataplane - memif - sink, as `benchForwarding` over veth: lb with GRE, or only routed (`plain`).
 * Generator and sink are one process of our own with two slaves.
 */
export async function benchMemifForwarding(
  options: ForwardingOptions & { readonly plain?: boolean } = {},
): Promise<ForwardingResult> {
  const { seconds = 3, frameBytes = 64, flows = 1000, plain = false } = options;
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const dataplane = new Dataplane({ runtimeDirectory: directory });
  const cpus = getAffinity();
  let peer: MemifPeer | undefined;
  try {
    configure(dataplane, plain);
    const socket = join(directory, "memif.sock");
    if (cpus.length > 1) setAffinity([cpus[0]!]);
    peer = new MemifPeer({ socket, inId: 0, outId: 1, frameBytes, flows, cpu: cpus.at(-1) });
    await peer.flowing();
    return { ...(await measurePeer(peer, seconds, threadCpuS)), frameBytes, flows };
  } finally {
    peer?.close();
    if (cpus.length > 1) setAffinity(cpus);
    dataplane.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function configure(dataplane: Dataplane, plain: boolean): void {
  const open = (id: number, mac: readonly number[], address: number): number => {
    const { swIfIndex, retval, reason } = memifOf(dataplane).create({
      ...{ id, socketId: 0, isMaster: true, mode: 0, ringSize: 1024, bufferSize: 2048, rxQueues: 1, txQueues: 1 },
      ...{ zeroCopy: true, secret: "", mac: Uint8Array.from(mac) },
    });
    if (retval !== undefined) throw new Error(`memif ${id}: ${retval} ${reason}`);
    dataplane.setAdminUp(swIfIndex, true);
    dataplane.addAddress(swIfIndex, address, 24);
    return swIfIndex;
  };
  open(0, MACS.in, 0x0a460001);
  const out = open(1, MACS.out, plain ? 0x0a020202 : 0x0a3c0101);
  if (plain) dataplane.neighbors.add(out, 0x0a020201, Uint8Array.from(MACS.server), { static: true });
  else addLbVip(dataplane, out);
}

/** @param cpuSeconds of whoever forwards */
export async function measurePeer(
  peer: MemifPeer,
  seconds: number,
  cpuSeconds: () => number,
): Promise<Omit<ForwardingResult, "frameBytes" | "flows">> {
  const sample = async () => ({ cpuS: cpuSeconds(), ...(await peer.counts()) });
  const before = await sample();
  await sleep(seconds * 1000);
  const after = await sample();
  const elapsedS = (after.atMs - before.atMs) / 1000;
  const forwarded = after.received - before.received;
  const cpuS = after.cpuS - before.cpuS;
  return {
    offeredMpps: (after.sent - before.sent) / elapsedS / 1e6,
    forwardedMpps: forwarded / elapsedS / 1e6,
    cpuCores: cpuS / elapsedS,
    cpuUsPerPacket: (cpuS * 1e6) / forwarded,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(JSON.stringify(await benchMemifForwarding({ plain: process.argv.includes("--plain") }), undefined, 2));
}
