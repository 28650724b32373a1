import { isIP } from "node:net";
import { TrafficError } from "./errors.ts";

/** Where a connection comes from. Port 0 or absent: the kernel chooses. */
export interface FlowSource {
  readonly address?: string;
  readonly port?: number;
}

/** The 5-tuple of a connection as it leaves the client. */
export interface FlowTuple {
  readonly src: string;
  readonly dst: string;
  readonly protocol: "tcp" | "udp";
  readonly srcPort: number;
  readonly dstPort: number;
}

export interface FlowRange {
  /** Used in turn. Default: the kernel chooses. */
  readonly addresses?: readonly string[];
  /** First source port; each address uses them in ascending order. */
  readonly firstPort: number;
  readonly count: number;
}

/**
 * Predictable sources: (a0, p), (a1, p), (a0, p+1), … so that the same range gives the same flows each time.
 * Choose ports below net.ipv4.ip_local_port_range (32768), which nobody else is given.
 * @throws TrafficError OPTION
 */
export function flowSources(range: FlowRange): FlowSource[] {
  const addresses = range.addresses ?? [];
  for (const address of addresses) {
    if (isIP(address) === 0) throw new TrafficError("OPTION", `source "${address}" is not an IP address`);
  }
  const turns = Math.max(1, addresses.length);
  const last = range.firstPort + Math.ceil(range.count / turns) - 1;
  if (!Number.isInteger(range.firstPort) || range.firstPort < 1 || last > 65_535) {
    throw new TrafficError(
      "OPTION",
      `${range.count} flows from port ${range.firstPort} over ${turns} address(es) end at port ${last}: ports are 1 to 65535`,
    );
  }
  return Array.from({ length: range.count }, (_, i) => {
    const address = addresses[i % turns];
    const port = range.firstPort + Math.floor(i / turns);
    return address === undefined ? { port } : { address, port };
  });
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads `192.0.2.1:80`, `[2001:db8::1]:80`. @throws TrafficError OPTION */
export function parseEndpoint(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? Number.NaN);
  if (isIP(address) === 0 || !(port >= 1 && port <= 65_535)) {
    throw new TrafficError("OPTION", `"${text}" is not ADDRESS:PORT (192.0.2.1:5001 or [2001:db8::1]:5001)`);
  }
  return { address, port };
}
