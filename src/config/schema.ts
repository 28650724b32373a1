import { z } from "zod";
import { canonicalAddress, canonicalPrefix } from "../bridge/index.ts";

/** Whether `parse` takes the text. */
function accepts(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

const address = z
  .string()
  .refine(accepts(canonicalAddress), "not an IPv4 or IPv6 address")
  .meta({ title: "Address", examples: ["10.60.1.2", "2001:db8:60::2"] });

const prefix = z
  .string()
  .refine(accepts(canonicalPrefix), "not a prefix: address/length")
  .meta({ title: "Prefix", examples: ["10.2.2.0/24", "2001:db8:2::/64"] });

const mac = z
  .string()
  .regex(
    /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/,
    'not a MAC: six pairs of hex digits with ":", quoted ("02:fe:00:00:00:01")',
  )
  .meta({ title: "MAC", examples: ["02:fe:00:00:00:01"] });

const path = z.string().min(1).max(4096);
/** sun_path of Linux holds 108 bytes with its NUL. */
const socketPath = z.string().min(1).max(107, "a unix socket's path has at most 107 characters");
const interfaceName = z.string().min(1).max(63);
const tableId = z.int().min(0).max(0xfffffffe);
const share = z.number().min(0).max(1);

const vpp = z.strictObject({
  api: socketPath.default("/run/vpp/api.sock").describe("VPP's binary API socket"),
  requestTimeoutMs: z
    .int()
    .min(50)
    .max(600_000)
    .default(5000)
    .describe("A request without an answer fails after so long"),
});

const control = z.strictObject({
  socket: socketPath
    .default("/run/vpplb/control.sock")
    .describe("Where the controller listens for `vpplb status` and the like"),
});

const state = z.strictObject({
  journal: path
    .default("/var/lib/vpplb/journal.json")
    .describe("What of VPP's untagged objects is ours; kept over restarts"),
});

const ownership = z.strictObject({
  prefixes: z
    .array(prefix)
    .optional()
    .describe("VIPs inside these are ours, also those not in the file. Default: the VIPs of the file and the journal"),
  tag: z
    .string()
    .regex(/^[\x21-\x7e]{1,63}$/, "1 to 63 printable characters")
    .default("vpplb")
    .describe("Marks our interfaces and bridge domains in VPP"),
});

const lb = z.strictObject({
  ip4Source: address.default("255.255.255.255").describe("Source of GRE packets over IPv4"),
  ip6Source: address.default("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").describe("Source of GRE packets over IPv6"),
  stickyBuckets: z
    .int()
    .min(1)
    .max(1 << 22)
    .default(65_536)
    .describe("Sticky buckets per core, 4 flows and 64 bytes each; a power of two"),
  flowTimeoutS: z.int().min(1).max(86_400).default(40).describe("An idle flow is forgotten after so long"),
  manage: z
    .union([z.boolean(), z.literal("always")])
    .default(true)
    .describe('false: never change lb_conf. "always": change it also where VPP serves VIPs of others'),
});

const bridge = z.strictObject({
  id: z.int().min(1).max(0xffffff),
  learn: z.boolean().default(true),
  forward: z.boolean().default(true),
  flood: z.boolean().default(true),
  unknownUnicastFlood: z.boolean().default(true),
  arpTermination: z.boolean().default(false),
  macAgeMin: z
    .int()
    .min(0)
    .max(255)
    .default(0)
    .describe("Learned entries are forgotten after so many minutes; 0: never"),
});

const membership = z.strictObject({
  id: z.int().min(1).max(0xffffff),
  bvi: z.boolean().default(false).describe("This loopback is the bridge's L3 interface"),
  splitHorizonGroup: z.int().min(0).max(255).default(0),
});

const iface = z
  .strictObject({
    loopback: z.int().min(0).max(16_383).optional().describe("A loopback of this number: loop0 for 0"),
    host: z
      .string()
      .regex(/^[^\s/:]{1,15}$/, "the kernel's name of an interface: up to 15 characters without space, / and :")
      .optional()
      .describe("A host-interface (af_packet) on this interface of the kernel: host-NAME"),
    mac: mac.optional(),
    mtu: z.int().min(68).max(9216).default(1500).describe("L3 MTU. VPP's own 9000 wedges host-interfaces"),
    addresses: z.array(prefix).default([]),
    bridge: membership.optional(),
    outside: z.boolean().default(false).describe("Attracts traffic as soon as it is up: set up last"),
    up: z.boolean().default(true),
  })
  .refine((value) => (value.loopback === undefined) !== (value.host === undefined), "needs either `loopback` or `host`")
  .meta({ oneOf: [{ required: ["loopback"] }, { required: ["host"] }] });

const neighbor = z.strictObject({ address, mac, interface: interfaceName });

const routePath = z
  .strictObject({
    address: address.optional(),
    interface: interfaceName.optional(),
    weight: z.int().min(1).max(255).default(1),
    table: tableId.default(0),
  })
  .refine(
    (value) => value.address !== undefined || value.interface !== undefined,
    "needs an `address`, an `interface` or both",
  )
  .meta({ anyOf: [{ required: ["address"] }, { required: ["interface"] }] });

const route = z.strictObject({ prefix, table: tableId.default(0), via: z.array(routePath).min(1) });

const server = z.union([
  address,
  z.strictObject({
    address,
    weight: z
      .int()
      .min(1)
      .max(100)
      .default(100)
      .describe("Share of new flows beside the other servers; VPP 26.10 and later"),
    state: z
      .enum(["up", "drain", "down"])
      .default("up")
      .describe("drain: no new flows, established ones stay. down: no flows, established ones are flushed"),
  }),
]);

const vip = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?$/, "up to 63 letters, digits, - . _")
    .optional(),
  prefix,
  protocol: z.enum(["tcp", "udp"]).optional().describe("With `port`: only this protocol and port"),
  port: z.int().min(1).max(65_535).optional(),
  encap: z.enum(["gre4", "gre6", "l3dsr"]).describe("How packets reach the servers"),
  dscp: z.int().min(0).max(63).optional().describe("l3dsr: names the VIP to the servers"),
  tableSize: z
    .int()
    .min(1)
    .max(1 << 20)
    .default(1024)
    .describe("Slots of the new-flow table; a power of two, 100 per server"),
  srcIpSticky: z.boolean().default(false).describe("The server depends on the addresses alone"),
  servers: z.array(server).default([]),
});

const maxDisruption = z.union([
  share,
  z.strictObject({
    limit: share,
    pace: z
      .strictObject({ step: z.number().gt(0).max(1), intervalMs: z.int().min(100).default(10_000) })
      .optional()
      .describe("Instead of refusing: at most `step` of the slots each `intervalMs`"),
  }),
]);

const repair = z.strictObject({
  periodMs: z.int().min(100).max(3_600_000).default(10_000).describe("VPP is looked at and put right each so long"),
});

/** lb.yaml. */
export const lbFileSchema = z
  .strictObject({
    vpp: vpp.prefault({}),
    control: control.prefault({}),
    state: state.prefault({}),
    ownership: ownership.prefault({}),
    lb: lb.optional(),
    bridges: z.array(bridge).default([]),
    interfaces: z.array(iface).default([]),
    neighbors: z.array(neighbor).default([]),
    routes: z.array(route).default([]),
    vips: z.array(vip).default([]),
    maxDisruption: maxDisruption
      .optional()
      .describe("A change that moves a larger share of a VIP's slots than this is refused, or paced. Default: none is"),
    repair: repair.prefault({}),
  })
  .meta({ title: "lb.yaml", description: "What vpplb keeps programmed into VPP" });

/** A checked lb.yaml with its defaults. */
export type LbFile = z.output<typeof lbFileSchema>;

/** The JSON Schema of lb.yaml, for editors. */
export function lbJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(lbFileSchema, { io: "input" }) as Record<string, unknown>;
}
