import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespace } from "../kernel/namespace.ts";
import { getAffinity, setAffinity } from "../sys/affinity.ts";
import { configure, cpuSeconds } from "./forwarding-vpp.ts";
import type { ForwardingResult } from "./forwarding.ts";
import { measurePeer } from "./memif-forwarding.ts";
import { MemifPeer } from "./memif-peer.ts";
import { end } from "./target.ts";

/** The traffic of memif-forwarding.ts through a real VPP, which polls its memifs. @throws BenchError PEER */
export async function benchVppMemifForwarding(
  command: string,
  { seconds, frameBytes, flows }: { seconds: number; frameBytes: number; flows: number },
): Promise<ForwardingResult> {
  const space = await Namespace.create("vpp");
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const cpus = getAffinity();
  if (cpus.length > 1) setAffinity([cpus[0]!]);
  // A sleep between its looks at the rings is VPP's way to be kind to others; here it works.
  const vpp = space.spawn(command, [directory], { stdio: "ignore", env: { ...process.env, VPP_POLL_SLEEP: "0" } });
  if (cpus.length > 1) setAffinity(cpus);
  let peer: MemifPeer | undefined;
  try {
    vpp.once("error", () => undefined);
    await configure(join(directory, "api.sock"), async (client, name, hw_addr) => {
      const wanted = { role: 0, mode: 0, id: name === "in" ? 0 : 1, socket_id: 0, ring_size: 1024, hw_addr };
      return (await client.request("memif_create_v2", wanted)).sw_if_index;
    });
    const socket = join(directory, "memif.sock");
    peer = new MemifPeer({ socket, inId: 0, outId: 1, frameBytes, flows, cpu: cpus.at(-1) });
    await peer.flowing();
    return { ...(await measurePeer(peer, seconds, () => cpuSeconds(vpp.pid!))), frameBytes, flows };
  } finally {
    peer?.close();
    await end(vpp);
    rmSync(directory, { recursive: true, force: true });
    space.close();
  }
}
