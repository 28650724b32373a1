import type { Command } from "commander";
import { action, examples, type Context } from "./context.ts";
import {
  addControllerOptions,
  addInsecureOption,
  controllerGiven,
  meshLogLevelOption,
  startRole,
  type ControllerOptions,
  type IdentityFlags,
} from "./role-options.ts";

export function registerNse(program: Command): void {
  const command = program
    .command("nse")
    .summary("vpplb lb, and the endpoint whose clients become servers")
    .description(
      "Does what `vpplb lb` does, and serves a network service beside it, as lb.yaml's section `nsm` and the environment " +
        "say: each client that connects gets an interface in a bridge domain of VPP and becomes a server of the VIPs; " +
        "when it goes, it leaves them. A restart takes everything up again and writes nothing to VPP.",
    );
  addInsecureOption(addControllerOptions(command, meshLogLevelOption())).action(action(nse, "stop", "own"));
  examples(command, [
    "NSM_INSECURE=true vpplb nse -f lb.yaml",
    "IP_ADDRESS=10.60.1.0/24 VIP_ADDRESS=10.2.2.0/24 vpplb nse -f lb.yaml",
  ]);
}

async function nse(context: Context, options: ControllerOptions & IdentityFlags): Promise<void> {
  const started = await startRole(context, options);
  const { runNse } = await import("../roles/nse.ts");
  const { insecure } = options;
  await runNse(
    { ...controllerGiven(context, options), ...(insecure === undefined ? {} : { insecure }), ...started },
    context.signal,
  );
}
