import { hostname } from "node:os";
import type { Command } from "commander";
import { action, collect, examples, type Context } from "./context.ts";
import { DEFAULT_MANAGER as DEFAULT_LISTEN, registerNsmLook } from "./nsm-look.ts";
import {
  addIdentityOptions,
  meshLogLevelOption,
  octal,
  startRole,
  type IdentityFlags,
  type RoleOptions,
} from "./role-options.ts";

export function registerNsm(program: Command): void {
  const command = program
    .command("nsm")
    .summary("a network service mesh of this machine")
    .description(
      "Runs a mesh for this machine: registry, manager and forwarder of NSM in one process. Clients and endpoints of any " +
        "NSM SDK connect to its socket; the forwarder joins KERNEL with KERNEL by veth, hands memif sockets on, and joins KERNEL " +
        "with MEMIF through the VPP that --vpp names. " +
        "What is wired stays when this ends, and is taken over by the next start. Needs root.",
    )
    .option(
      "--listen <url>",
      `unix:///path or tcp://host:port (several; NSM_LISTEN_ON; default: ${DEFAULT_LISTEN})`,
      collect,
    )
    .option("--name <name>", "of this machine, the same over restarts (NSM_NAME; default: the host's name)")
    .option("--service <name[:payload]>", "network service, payload ETHERNET or IP (several)", collect)
    .option("--services <file>", "network services as in Kubernetes (YAML or JSON); read again on SIGHUP")
    .option("--exclude <prefix>", "prefix that no endpoint may hand out (several)", collect)
    .option("--max-token-lifetime <time>", "of this process's tokens (NSM_MAX_TOKEN_LIFETIME; default: 10m)")
    .option("--max-registration <time>", "the longest that an endpoint stays without renewing (default: 1m)")
    .option("--dial-timeout <time>", "for a connection to the next hop (NSM_DIAL_TIMEOUT; default: 3s)");
  addIdentityOptions(command)
    .option("--memif-dir <directory>", "for memif sockets of clients; VPP writes there too (default: /run/vpplb/nsm)")
    .option("--vpp-netns <path>", "VPP's network namespace (default: that of VPP's process)")
    .option("--observer <id>", "SPIFFE ID that is told of all connections, beside our own (several)", collect)
    .option("--mode <octal>", "permissions of the unix sockets (default: 660)", octal)
    .option("--http <address>", "serve /metrics, /healthz, /readyz there, as 127.0.0.1:9104 (default: nowhere)")
    .addOption(meshLogLevelOption())
    .action(action(nsm, "stop", "own"));
  examples(command, [
    "vpplb nsm --insecure --service load-balancer:ETHERNET",
    "vpplb nsm connections --insecure",
    "vpplb nsm --insecure --vpp /run/vpp/api.sock",
    "vpplb nsm --listen unix:///run/nsm/nsm.io.sock --listen tcp://127.0.0.1:5001 --services services.yaml",
  ]);
  registerNsmLook(command);
}

interface Options extends RoleOptions, IdentityFlags {
  readonly listen?: string[];
  readonly name?: string;
  readonly service?: string[];
  readonly services?: string;
  readonly exclude?: string[];
  readonly maxTokenLifetime?: string;
  readonly maxRegistration?: string;
  readonly dialTimeout?: string;
  readonly memifDir?: string;
  readonly vppNetns?: string;
  readonly observer?: string[];
  readonly mode?: number;
  readonly http?: string;
}

async function nsm(context: Context, options: Options): Promise<void> {
  const started = await startRole(context, options);
  const [{ runNsm }, { readMeshSettings, serviceOfFlag }] = await Promise.all([
    import("../roles/nsm.ts"),
    import("../mesh/index.ts"),
  ]);
  const defaults = { name: hostname(), listen: DEFAULT_LISTEN };
  const { name, listen, ...times } = readMeshSettings(options, process.env, defaults);
  const { maxTokenLifetimeMs, maxRegistrationMs, dialTimeoutMs } = times;
  const { services, exclude, mode, http } = options;
  await runNsm(
    {
      name,
      listen,
      services: (options.service ?? []).map(serviceOfFlag),
      identity: { spiffeSocket: options.spiffe, insecure: options.insecure, maxTokenLifetimeMs },
      ...(services === undefined ? {} : { servicesFile: services }),
      ...(exclude === undefined ? {} : { excludedPrefixes: exclude }),
      ...(maxRegistrationMs === undefined ? {} : { maxRegistrationMs }),
      ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
      ...(mode === undefined ? {} : { mode }),
      ...(http === undefined ? {} : { http }),
      ...(options.observer === undefined ? {} : { observers: options.observer }),
      ...(context.options.vpp === undefined
        ? {}
        : {
            vpp: {
              socket: context.options.vpp,
              memifFolder: options.memifDir ?? "/run/vpplb/nsm",
              ...(options.vppNetns === undefined ? {} : { netns: options.vppNetns }),
            },
          }),
      ...started,
      onReload: (reload) => process.on("SIGHUP", reload),
    },
    context.signal,
  );
}
