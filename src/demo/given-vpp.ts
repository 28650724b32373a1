import { VppClient } from "vpp-api-ts";
import { DemoError } from "./errors.ts";
import { SETTING } from "./setting.ts";

/** A running VPP that the demo may use. */
export interface GivenVpp {
  readonly pid: number;
  readonly version: string;
  /** `lb conf` was never set: it sends from addresses that a kernel drops. The demo's servers take them all the same. */
  readonly unsetSource: boolean;
}

/**
 * Looks at a VPP that is not the demo's before anything is touched.
 * @throws DemoError REFUSED where it holds VIPs, or objects that the demo would make
 */
export async function checkGivenVpp(socket: string, signal: AbortSignal): Promise<GivenVpp> {
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
