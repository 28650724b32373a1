import { parseLb, VppClient } from "vpp-api-ts";
import { DemoError } from "./errors.ts";
import { waitFor } from "./processes.ts";
import { SETTING } from "./setting.ts";

/** For a VPP to forget flows; its default is 40 s. */
const MOST_WAIT_S = 60;

/** A running VPP that the demo may use. */
export interface GivenVpp {
  readonly pid: number;
  readonly version: string;
  /** `lb conf` was never set: it sends from addresses that a kernel drops. The demo's servers take them all the same. */
  readonly unsetSource: boolean;
}

/**
 * Looks at a VPP that is not the demo's before anything is touched.
 * Waits, for at most as long as VPP keeps flows, until its sticky table remembers no more than `mostFlows` of earlier runs:
 * a bucket that four of them fill has no room for ours, which then break when their slot moves.
 * @throws DemoError REFUSED where it holds VIPs, or objects that the demo would make
 */
export async function checkGivenVpp(
  socket: string,
  signal: AbortSignal,
  options: { readonly mostFlows?: number; readonly note?: (text: string) => void } = {},
): Promise<GivenVpp> {
  const client = new VppClient({ socket, name: "vpplb-demo" });
  try {
    await client.connect({ signal, deadlineMs: 5000 });
    const found = [
      ...vipsIn(await client.cli("show lb vips verbose")),
      ...(await takenInterfaces(client)),
      ...(await takenBridges(client)),
    ];
    if (found.length > 0) {
      throw new DemoError("REFUSED", `VPP on ${socket} holds ${found.join(", ")}: use a VPP that holds none of these`);
    }
    await forgetting(client, signal, options);
    const { version } = await client.request("show_version", {});
    const { vpe_pid: pid } = await client.request("control_ping", {});
    const unsetSource = /address: (255\.255\.255\.255|ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff)\b/.test(
      await client.cli("show lb"),
    );
    return { pid, version, unsetSource };
  } catch (cause) {
    if (cause instanceof DemoError) throw cause;
    throw new DemoError("SETUP", `VPP on ${socket} cannot be used: ${(cause as Error).message}`, { cause });
  } finally {
    client.close();
  }
}

async function forgetting(
  client: VppClient,
  signal: AbortSignal,
  {
    mostFlows = SETTING.given.stickyBuckets,
    note,
  }: { readonly mostFlows?: number; readonly note?: (text: string) => void },
): Promise<void> {
  const look = async () => {
    const { timeoutS = 0, cores } = parseLb(await client.cli("show lb"));
    return { timeoutS, flows: Math.max(0, ...cores.map(({ used }) => used)) };
  };
  const { flows, timeoutS } = await look();
  if (flows <= mostFlows) return;
  note?.(
    `VPP remembers ${flows} flows of VIPs that are gone: waiting until it forgets them, at most ${Math.min(timeoutS, MOST_WAIT_S)} s`,
  );
  const room = async () => ((await look()).flows <= mostFlows ? true : undefined);
  await waitFor("VPP to forget earlier flows", room, {
    deadlineMs: Math.min(timeoutS, MOST_WAIT_S) * 1000 + 5000,
    everyMs: 500,
    signal,
  });
}

function vipsIn(text: string): string[] {
  const lines = text
    .split("\n")
    .filter((line) => /^\s*ip[46]-\S+ \[\d+\]/.test(line) && !/\bremoved$/.test(line.trim()));
  return lines.map((line) => `the VIP ${line.trim().split(/\s+/)[2]}`);
}

async function takenInterfaces(client: VppClient): Promise<string[]> {
  const names = new Set(["loop0", ...[SETTING.uplink, ...SETTING.servers].map(({ vppDevice }) => `host-${vppDevice}`)]);
  const taken: string[] = [];
  for await (const details of client.dump("sw_interface_dump", { sw_if_index: 0xffffffff })) {
    if (names.has(details.interface_name)) taken.push(`the interface ${details.interface_name}`);
  }
  return taken;
}

async function takenBridges(client: VppClient): Promise<string[]> {
  const taken: string[] = [];
  for await (const details of client.dump("bridge_domain_dump", { bd_id: 0xffffffff, sw_if_index: 0xffffffff })) {
    if (details.bd_id === SETTING.bridgeId) taken.push(`the bridge domain ${details.bd_id}`);
  }
  return taken;
}
