import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { registerApply } from "./apply.ts";
import { registerCheck } from "./check.ts";
import { registerCompletion } from "./completion.ts";
import { examples, EXIT, explainError } from "./context.ts";
import { registerDataplane } from "./dataplane.ts";
import { registerDemo } from "./demo.ts";
import { registerDrain } from "./drain.ts";
import { registerExplain } from "./explain.ts";
import { registerGet } from "./get.ts";
import { registerHistory } from "./history.ts";
import { registerImport } from "./import.ts";
import { registerLb } from "./lb.ts";
import { registerNsm } from "./nsm.ts";
import { registerNsc } from "./nsc.ts";
import { registerNse } from "./nse.ts";
import { registerPlan } from "./plan.ts";
import { registerStatus } from "./status.ts";
import { registerTarget } from "./target.ts";
import { registerTraffic } from "./traffic.ts";
import { registerVppctl } from "./vppctl.ts";
import { registerWatch } from "./watch.ts";

/**
 * The program. Commands import what they need when they run, so that help and completion load nothing else.
 * Sets `process.exitCode`: 0, 1 failed, 2 bad input, 130 interrupted.
 */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyWithoutReader();
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    const { exitCode, message } = explainError(error);
    if (message !== "") process.stderr.write(`vpplb: ${message}\n`);
    process.exitCode = exitCode;
  }
}

export function createProgram(): Command {
  const program = new Command("vpplb")
    .description("Keeps FD.io VPP programmed as a Maglev load-balancer, and shows where every flow goes and why.")
    .version(version(), "-V, --version", "print the version")
    .option("--json", "print JSON")
    .option("--control <socket>", "the controller's socket (VPPLB_CONTROL; default: /run/vpplb/control.sock)")
    .option("--vpp <socket>", "VPP's API socket; VPP itself is asked only where no controller of it runs")
    .addOption(new Option("--no-color", "no colours (also NO_COLOR=1)"))
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError("(see --help for what can be given)")
    .exitOverride();
  registerDemo(program);
  registerLb(program);
  registerNse(program);
  registerCheck(program);
  registerPlan(program);
  registerApply(program);
  registerStatus(program);
  registerGet(program);
  registerWatch(program);
  registerDrain(program);
  registerHistory(program);
  registerImport(program);
  registerVppctl(program);
  registerExplain(program);
  registerDataplane(program);
  registerTarget(program);
  registerNsc(program);
  registerNsm(program);
  registerTraffic(program);
  registerCompletion(program);
  program.addHelpText("after", `\nExit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.`);
  return examples(program, ["vpplb demo", "vpplb check -f lb.yaml && vpplb lb -f lb.yaml", "vpplb get servers"]);
}

/** The same place seen from src/cli and dist/cli. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** `vpplb get vips | head -1` ends when head does. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.ok);
      throw error;
    });
  }
}
