import { z } from "zod";
import { replicas } from "./schema/replicas.ts";
import { neighbor, route } from "./schema/fib.ts";
import { http } from "./schema/http.ts";
import { bridge, iface } from "./schema/interfaces.ts";
import { acl, memifSocket, reassemblyLimits, table } from "./schema/links.ts";
import { lb } from "./schema/lb.ts";
import { nsm } from "./schema/nsm.ts";
import { control, maxDisruption, ownership, repair, state, vpp } from "./schema/service.ts";
import { flow, steering, stream } from "./schema/steering.ts";
import { vip } from "./schema/vips.ts";

/** lb.yaml. */
export const lbFileSchema = z
  .strictObject({
    vpp: vpp.prefault({}),
    control: control.prefault({}),
    state: state.prefault({}),
    ownership: ownership.prefault({}),
    lb: lb.optional(),
    bridges: z.array(bridge).default([]),
    memifSockets: z.array(memifSocket).default([]),
    tables: z.array(table).default([]),
    reassembly: reassemblyLimits
      .optional()
      .describe("Limits of full reassembly, one set for all interfaces of a VPP, for IPv4 and IPv6 alike"),
    acls: z.array(acl).default([]),
    interfaces: z.array(iface).default([]),
    neighbors: z.array(neighbor).default([]),
    routes: z.array(route).default([]),
    streams: z.array(stream).default([]).describe("Groups of servers that VIPs and flows share"),
    flows: z.array(flow).default([]).describe("Which packets to VIPs go to which stream"),
    vips: z.array(vip).default([]),
    steering: steering.prefault({}).describe("How streams and flows are put into VPP; the defaults suffice"),
    maxDisruption: maxDisruption
      .optional()
      .describe("A change that moves a larger share of a VIP's slots than this is refused, or paced. Default: none is"),
    repair: repair.prefault({}),
    http: http.optional(),
    nsm: nsm.optional().describe("`vpplb nse`: clients of a network service become servers. `vpplb lb` ignores it"),
    replicas: replicas
      .optional()
      .describe("Other controllers of the same VIPs: `vpplb status` and a metric tell where they send flows elsewhere"),
  })
  .meta({ title: "lb.yaml", description: "What vpplb keeps programmed into VPP" });

/** A checked lb.yaml with its defaults. */
export type LbFile = z.output<typeof lbFileSchema>;

/** The JSON Schema of lb.yaml, for editors. */
export function lbJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(lbFileSchema, { io: "input" }) as Record<string, unknown>;
}
