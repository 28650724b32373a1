import { InvalidArgumentError, Option, type Command } from "commander";
import type { TargetRoleOptions } from "../roles/target.ts";
import { action, collect, examples, integer, type Context } from "./context.ts";

export function registerTarget(program: Command): void {
  const command = program
    .command("target")
    .summary("an application server's side of this host")
    .description(
      "Sets this host (or network namespace) up as an application server until it is told to stop: the VIP on lo, GRE taken " +
        "off, replies routed by source to the load-balancer with an MSS that fits, ARP that does not speak for the VIP, " +
        "offloads off. With --serve it also answers its name over TCP and UDP. Then everything is undone.",
    )
    .requiredOption("--device <name>", "interface towards the load-balancer")
    .requiredOption("--vip <prefix>", "VIP address or prefix; may be given several times", collect)
    .requiredOption("--gateway <address>", "the load-balancer's address there (its BVI), one per family", collect)
    .option("--route <prefix>", "further prefix behind the gateway; may be given several times", collect)
    .option("--encap <encap>", "gre4 (default) or gre6; may be given several times", collectEncaps)
    .option("--l3dsr <vip=dscp>", "VIP that comes by l3dsr with this DSCP; may be given several times", collectDscps)
    .option("--table <id>", "table of the source policy routes", integer(1, 0xffffffff))
    .option("--mtu <bytes>", "MTU of the path to the clients (default: the device's)", integer(576, 65_535))
    .addOption(new Option("--offloads <what>", "the device's offloads").choices(["off", "keep"]))
    .option("--unset-source", "serve also a VPP whose `lb conf` is not set: it sends from 255.255.255.255 and ff..ff")
    .option("--serve <port>", "answer the name on this port", integer(1, 65_535))
    .option("--name <name>", "what to answer (default: the host's name)")
    .action(action(target, "stop"));
  examples(command, [
    "vpplb target --device nsm0 --vip 10.2.2.0/24 --gateway 10.60.1.1 --serve 5001",
    "vpplb target --device nsm0 --vip 10.2.2.0/24 --gateway 10.60.1.1 --encap gre4 --route 10.70.0.0/31",
  ]);
}

type Encap = NonNullable<TargetRoleOptions["encaps"]>[number];

function collectEncaps(text: string, before: readonly Encap[] | undefined): Encap[] {
  if (text === "gre4" || text === "gre6") return [...(before ?? []), text];
  throw new InvalidArgumentError("It must be gre4 or gre6 (for l3dsr see --l3dsr).");
}

type DscpVip = NonNullable<TargetRoleOptions["l3dsr"]>[number];

function collectDscps(text: string, before: readonly DscpVip[] | undefined): DscpVip[] {
  const [, vip, dscp] = /^([^=]+)=(\d+)$/.exec(text) ?? [];
  if (vip === undefined) throw new InvalidArgumentError("It must be VIP=DSCP, as in 10.2.2.1=7.");
  return [...(before ?? []), { vip, dscp: Number(dscp) }];
}

interface Options {
  readonly device: string;
  readonly vip: string[];
  readonly gateway: string[];
  readonly route?: string[];
  readonly encap?: Encap[];
  readonly l3dsr?: DscpVip[];
  readonly table?: number;
  readonly mtu?: number;
  readonly offloads?: "off" | "keep";
  readonly unsetSource?: boolean;
  readonly serve?: number;
  readonly name?: string;
}

async function target(context: Context, options: Options): Promise<void> {
  const { runTarget } = await import("../roles/target.ts");
  const { device, vip, gateway, route, encap, l3dsr, table, mtu, offloads, unsetSource, serve, name } = options;
  const role: TargetRoleOptions = {
    device,
    vips: vip,
    gateways: gateway,
    ...(route === undefined ? {} : { routes: route }),
    ...(encap === undefined && l3dsr === undefined
      ? {}
      : { encaps: [...(encap ?? []), ...(l3dsr ? ["l3dsr" as const] : [])] }),
    ...(l3dsr === undefined ? {} : { l3dsr }),
    ...(table === undefined ? {} : { table }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(offloads === undefined ? {} : { offloads }),
    ...(unsetSource === undefined ? {} : { unsetSource }),
    ...(serve === undefined ? {} : { serve: { port: serve, ...(name === undefined ? {} : { name }) } }),
    ready: ({ gre }) => {
      const text = `ready: ${vip.join(", ")} by ${device}, GRE: ${gre}${serve === undefined ? "" : `, serving on port ${serve}`}`;
      context.print(context.json ? JSON.stringify({ ready: true, vips: vip, device, gre, serve }) : text);
    },
  };
  await runTarget(role, context.signal);
}
