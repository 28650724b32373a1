import { VppClient } from "vpp-api-ts";
import { parseLbYaml } from "../../src/config/index.ts";
import { Controller, type ControllerEvent } from "../../src/controller/index.ts";

/** Seed 002's addresses on loopbacks: it needs no kernel interfaces, so it runs anywhere. */
export const LB_YAML = `
lb: { ip4Source: 10.60.1.1, ip6Source: "2001:db8:60::1", stickyBuckets: 4096 }
interfaces:
  - { loopback: 0, mac: "02:fe:00:00:00:02", addresses: [10.60.1.1/24, "2001:db8:60::1/64"], bridge: { id: 1, bvi: true } }
  - { loopback: 1, mac: "02:fe:00:00:00:01", addresses: [10.70.0.1/31], outside: true }
neighbors: [{ address: 10.60.1.2, mac: "02:00:00:00:01:02", interface: loop0 }]
routes: [{ prefix: 0.0.0.0/0, via: [{ address: 10.70.0.0, interface: loop1 }] }]
vips:
  - { prefix: 10.2.2.0/24, encap: gre4, servers: [10.60.1.2, 10.60.1.3, 10.60.1.4] }
  - { prefix: "2001:db8:2::/64", encap: gre6, servers: ["2001:db8:60::2"] }
  - { prefix: 10.2.3.1/32, protocol: tcp, port: 5001, encap: gre4, servers: [10.60.1.2, 10.60.1.3] }
`;

export const NOTHING_YAML = "vips: []\n";

export interface Started {
  readonly controller: Controller;
  readonly events: ControllerEvent[];
}

export async function startController(
  socket: string,
  journal: string,
  options: Partial<Parameters<typeof Controller.start>[0]> = {},
): Promise<Started> {
  const controller = await Controller.start({ socket, journal, parse: parseLbYaml, ...options });
  const events: ControllerEvent[] = [];
  controller.events$.subscribe((event) => events.push(event));
  return { controller, events };
}

/** Waits for a condition. @throws after the deadline, with what was last seen */
export async function until(
  what: string,
  condition: () => boolean,
  show: () => unknown = () => "",
  deadlineMs = 60_000,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}; ${JSON.stringify(show())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function inSync({ controller }: Started, deadlineMs = 60_000): Promise<void> {
  return until(
    "in sync",
    () => controller.status().sync.state === "in-sync",
    () => controller.status().sync,
    deadlineMs,
  );
}

/** A second client, as an operator with vppctl. */
export async function operator(socket: string): Promise<VppClient> {
  const client = new VppClient({ socket, name: "operator" });
  await client.connect();
  return client;
}
