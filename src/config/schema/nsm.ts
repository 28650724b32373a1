import { z } from "zod";
import { name, path, prefix } from "./values.ts";

const url = z
  .string()
  .regex(/^(unix:(\/\/)?\/|tcp:\/\/).+/, "unix:///path or tcp://host:port")
  .meta({ examples: ["unix:///var/lib/networkservicemesh/nsm.io.sock"] });

const label = z.string().max(253);

export const hook = z.strictObject({
  program: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe("Run at each event. Default NSE_HOOK; without it none is run"),
  timeoutMs: z.int().min(10).max(3_600_000).default(30_000).describe("A run that takes longer is ended"),
  parallel: z.int().min(1).max(64).default(4).describe("Runs at once; those of one connection come one after another"),
});

/** `nsm`: what `vpplb nse` does beside `vpplb lb`. Environment variables fill in what is left out. */
export const nsm = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?$/, "up to 63 letters, digits, - . _")
    .optional()
    .describe("Name of the endpoint, unlike that of others. Default NSM_NAME, then load-balancer- and the host's name"),
  connectTo: url
    .optional()
    .describe("The manager. Default NSM_CONNECT_TO, then unix:///var/lib/networkservicemesh/nsm.io.sock"),
  listen: url
    .optional()
    .describe(
      "Where this endpoint serves; the manager must reach it. Default NSM_LISTEN_ON, then beside the manager's socket",
    ),
  service: name.optional().describe("Default NSM_SERVICE_NAME, then ENDPOINT_NETWORK_SERVICE, then load-balancer"),
  payload: z
    .enum(["ETHERNET", "IP"])
    .default("ETHERNET")
    .describe("Of the service, where it has to be registered. With IP only KERNEL is given: a memif needs ETHERNET"),
  labels: z
    .record(label, label)
    .optional()
    .describe("By which clients choose this endpoint. Default NSM_LABELS, then ENDPOINT_LABELS (app=lb,zone=a)"),
  prefixes: z
    .array(prefix)
    .min(1)
    .max(8)
    .optional()
    .describe("Clients get an address of each; the bridge's BVI has one, too. Default IP_ADDRESS"),
  mechanisms: z
    .array(z.enum(["MEMIF", "KERNEL"]))
    .min(1)
    .default(["MEMIF", "KERNEL"])
    .describe("What is offered"),
  bridge: z.int().min(1).max(0xffffff).default(1).describe("The bridge domain that clients' interfaces are put into"),
  vips: z
    .array(z.string().min(1))
    .optional()
    .describe("VIPs (name or prefix) and streams whose servers the clients become. Default: all of this file"),
  mtu: z.int().min(1280).max(9216).default(1500).describe("Of clients' interfaces, both ends"),
  lbManagedBy: z
    .enum(["agent", "hook"])
    .default("agent")
    .describe("hook: `lb`, `vips`, `streams` and `flows` are not programmed, the hook does that"),
  hook: hook.prefault({}),
  linkLossMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(5000)
    .describe("A server whose interface is down gets no new flows, and after so long its flows are flushed"),
  memifDirectory: path
    .optional()
    .describe(
      "Where memif sockets are made; VPP and the clients must reach it. Default: `memif` beside VPP's API socket",
    ),
  netns: path.optional().describe("Network namespace of VPP. Default: this process's own"),
  dialTimeoutMs: z.int().min(10).max(600_000).optional().describe("Default NSM_DIAL_TIMEOUT, then 5000"),
  requestTimeoutMs: z.int().min(10).max(600_000).optional().describe("Default NSM_REQUEST_TIMEOUT, then 15000"),
  maxTokenLifetimeS: z.int().min(1).max(31_536_000).optional().describe("Default NSM_MAX_TOKEN_LIFETIME, then 600"),
  insecure: z
    .boolean()
    .optional()
    .describe("Clear text, without identities. Default NSM_INSECURE; never because identities are missing"),
  spiffe: url.optional().describe("The Workload API. Default SPIFFE_ENDPOINT_SOCKET"),
});
