import { InvalidArgumentError, Option, type Command } from "commander";
import type { NscRoleOptions } from "../roles/nsc.ts";
import { action, collect, examples, integer, type Context } from "./context.ts";
import {
  addIdentityOptions,
  meshLogLevelOption,
  startRole,
  type IdentityFlags,
  type RoleOptions,
} from "./role-options.ts";

export function registerNsc(program: Command): void {
  const command = program
    .command("nsc")
    .summary("an application server that gets its network from a mesh")
    .description(
      "Asks Network Service Mesh for network services, and sets this host (or pod) up as an application server behind " +
        "the load-balancers that answer: VIPs on lo, GRE taken off, replies routed by source, as `vpplb target` does. " +
        "Connections are refreshed and healed; what they give is followed in place. When it is told to stop, it drains, " +
        "closes them and undoes everything. Settings come from options, else from the environment, as cmd-nsc's.",
    )
    .argument(
      "[url...]",
      "kernel://service[@domain][/interface][?label=value&...] or memif://... (NSM_NETWORK_SERVICES)",
    )
    .option("--name <name>", "of this client in the mesh, the same over restarts (NSM_NAME; default: nsc-HOSTNAME)")
    .option(
      "--connect-to <url>",
      "the manager (NSM_CONNECT_TO; default: unix:///var/lib/networkservicemesh/nsm.io.sock)",
    )
    .option("--label <name=value>", "label of every request (several; NSM_LABELS)", collect)
    .option("--vip <prefix>", "serve these VIPs only, whatever the endpoint says (several; VIP_ADDRESS)", collect)
    .option("--dial-timeout <time>", "NSM_DIAL_TIMEOUT (default: 5s)")
    .option("--request-timeout <time>", "NSM_REQUEST_TIMEOUT (default: 15s)")
    .option("--max-token-lifetime <time>", "NSM_MAX_TOKEN_LIFETIME (default: 10m)")
    .option("--no-liveness", "do not look whether the gateway answers (NSM_LIVENESSCHECKENABLED=false)")
    .option("--drain <seconds>", "at the end: no new flows, and wait at most so long for the rest", integer(1, 86_400))
    .option("--encap <encap>", "gre4 or gre6 (several; default: what the endpoint says)", collectEncaps)
    .option("--table <id>", "first table of the source policy routes (default: 222)", integer(1, 0xfffffff0))
    .option("--mtu <bytes>", "MTU of the path to the clients (default: the device's)", integer(576, 65_535))
    .addOption(new Option("--gre <how>", "how GRE is taken off").choices(["auto", "kernel", "tun", "veth"]))
    .addOption(new Option("--offloads <what>", "the devices' offloads").choices(["off", "keep"]))
    .option("--unset-source", "serve also a VPP whose `lb conf` is not set: it sends from 255.255.255.255 and ff..ff")
    .option("--state <file>", "what was done to the host (default: /run/vpplb/nsc-NAME-NAMESPACE.json)")
    .option("--no-state", "keep no such file: what a killed agent leaves stays")
    .option("--status <file>", "keep the status there, as JSON, for applications beside (memif sockets are in it)")
    .option(
      "--http <address>",
      "serve /metrics, /healthz, /readyz, /status there, as 127.0.0.1:9103 (default: nowhere)",
    )
    .option("--serve <port>", "answer the name on this port", integer(1, 65_535))
    .option("--serve-name <name>", "what to answer (default: --name, NSM_NAME, or the host's name)");
  addIdentityOptions(command).addOption(meshLogLevelOption()).action(action(nsc, "stop"));
  examples(command, [
    "vpplb nsc --insecure kernel://load-balancer/nsm0?app=web",
    "NSM_NETWORK_SERVICES=kernel://load-balancer/nsm0 VIP_ADDRESS=10.2.2.0/24 vpplb nsc --drain 30",
  ]);
}

type Encap = NonNullable<NonNullable<NscRoleOptions["host"]>["encaps"]>[number];

function collectEncaps(text: string, before: readonly Encap[] | undefined): Encap[] {
  if (text === "gre4" || text === "gre6") return [...(before ?? []), text];
  throw new InvalidArgumentError("It must be gre4 or gre6.");
}

interface Options extends RoleOptions, IdentityFlags {
  readonly name?: string;
  readonly connectTo?: string;
  readonly label?: string[];
  readonly vip?: string[];
  readonly dialTimeout?: string;
  readonly requestTimeout?: string;
  readonly maxTokenLifetime?: string;
  readonly liveness: boolean;
  readonly drain?: number;
  readonly encap?: Encap[];
  readonly table?: number;
  readonly mtu?: number;
  readonly gre?: "auto" | "kernel" | "tun" | "veth";
  readonly offloads?: "off" | "keep";
  readonly unsetSource?: boolean;
  readonly state: string | boolean;
  readonly status?: string;
  readonly http?: string;
  readonly serve?: number;
  readonly serveName?: string;
}

async function nsc(context: Context, urls: string[], options: Options): Promise<void> {
  const started = await startRole(context, options);
  const [{ runNsc }, { readSettings }] = await Promise.all([
    import("../roles/nsc.ts"),
    import("../nsc/environment.ts"),
  ]);
  const { label: labels, vip: vips, serve, drain, state, status, http, spiffe, insecure } = options;
  const settings = readSettings({ ...options, urls, ...(labels && { labels }), ...(vips && { vips }) }, process.env);
  await runNsc(
    {
      settings,
      identity: { spiffeSocket: spiffe, insecure },
      host: hostOf(options),
      ...(serve === undefined ? {} : { serve: { port: serve, name: options.serveName ?? settings.name } }),
      ...(drain === undefined ? {} : { drainMs: drain * 1000 }),
      ...(state === true ? {} : { state: state === false ? null : state }),
      ...(status === undefined ? {} : { statusFile: status }),
      ...(http === undefined ? {} : { http }),
      ...started,
    },
    context.signal,
  );
}

function hostOf({ encap, table, mtu, gre, offloads, unsetSource }: Options): NonNullable<NscRoleOptions["host"]> {
  return {
    ...(encap === undefined ? {} : { encaps: encap }),
    ...(table === undefined ? {} : { table }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(gre === undefined ? {} : { gre }),
    ...(offloads === undefined ? {} : { offloads }),
    ...(unsetSource === undefined ? {} : { unsetSource }),
  };
}
