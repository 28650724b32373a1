import { setMaxListeners } from "node:events";
import { ensureNetAdmin, prepareUserNamespace, runInUserNamespace } from "../kernel/privileges.ts";
import { Crowd } from "./crowd.ts";
import { DemoError } from "./errors.ts";
import { checkGivenVpp, type GivenVpp } from "./given-vpp.ts";
import { Lab } from "./lab.ts";
import { reporter, type DemoOutput, type Reporter } from "./report.ts";
import { performNsm } from "./nsm/index.ts";
import { NSM_SABOTAGES } from "./nsm/run.ts";
import type { Performance } from "./performance.ts";
import { DemoRun, SABOTAGES, type Sabotage } from "./run.ts";
import { SETTING } from "./setting.ts";
import { playSteps, type StepResult } from "./steps.ts";
import { makeTopology } from "./topology.ts";

export { DemoError } from "./errors.ts";
export { NSM_SABOTAGES } from "./nsm/run.ts";
export { SABOTAGES } from "./run.ts";
export type { StepResult } from "./steps.ts";

/** Who is where; at most 80 columns. */
const PICTURE = `
  client             load-balancer                          application servers
  vpp1host ───────── vpp1out            loop0 ── bridge ──┬ as1  10.60.1.2
  10.70.0.0/31       VIP 10.2.2.0/24      10.60.1.1    1  ├ as2  10.60.1.3
                     VIP 2001:db8:2:2::/64    GRE         ├ as3  10.60.1.4
                                                          └ as4, added later`;

export interface DemoOptions {
  /** API socket of a running VPP; absent: the embedded dataplane. */
  readonly vpp?: string;
  /** After the verdict, keep everything running until the signal. */
  readonly keep?: boolean;
  /** Application servers are connected by Network Service Mesh. */
  readonly nsm?: boolean;
  /** One of {@link SABOTAGES}, with `nsm` of {@link NSM_SABOTAGES}. */
  readonly sabotage?: string;
  readonly out: DemoOutput;
  readonly colors: boolean;
}

/** The demo's end. JSON. */
export interface DemoVerdict {
  readonly good: boolean;
  readonly verdict: string;
  readonly durationMs: number;
  readonly steps: readonly StepResult[];
}

/**
 * Runs the demo and cleans up, whatever happens. Without the right to make network namespaces it is run again in a user
 * namespace by the caller: see {@link demoPrivileges}.
 * @throws DemoError; the signal's reason
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoVerdict> {
  const startedAt = Date.now();
  // Each group of held connections listens for it.
  setMaxListeners(0, signal);
  const report = reporter(options.out, options.colors);
  await prepareUserNamespace();
  const given = options.vpp === undefined ? undefined : await checkGivenVpp(options.vpp, signal, report);
  const cleanUp: (() => Promise<void> | void)[] = [];
  try {
    const played = options.nsm
      ? await performNsm(
          {
            ...(given === undefined ? {} : { vpp: { socket: options.vpp!, ...given } }),
            ...{ sabotage: oneOf(NSM_SABOTAGES, options.sabotage), report, cleanUp },
          },
          signal,
        )
      : await perform(options, given, report, cleanUp, signal);
    const verdict = verdictOf(played.steps);
    report.verdict(played.good, verdict);
    if (options.keep) await keep(played.lab, report.note, signal);
    return { good: played.good, verdict, durationMs: Date.now() - startedAt, steps: played.steps };
  } finally {
    if (signal.aborted) report.note("ended by a signal: cleaning up");
    await cleanAll(cleanUp, report);
  }
}

function oneOf<T extends string>(known: readonly T[], text: string | undefined): T | undefined {
  const found = known.find((one) => one === text);
  if (text === undefined || found !== undefined) return found;
  throw new DemoError("INPUT", `"${text}" cannot be broken here; what can: ${known.join(", ")}`);
}

async function perform(
  options: DemoOptions,
  given: GivenVpp | undefined,
  report: Reporter,
  cleanUp: (() => Promise<void> | void)[],
  signal: AbortSignal,
): Promise<Performance> {
  const sabotage = oneOf(SABOTAGES, options.sabotage);
  const topology = await makeTopology(given === undefined ? {} : { vppPid: given.pid });
  cleanUp.unshift(() => topology.close());
  const lab = new Lab(topology, { ...(options.vpp === undefined ? {} : { vpp: options.vpp }), ...given }, signal);
  cleanUp.unshift(() => lab.close());
  const crowd = new Crowd({
    netns: topology.client.netns.fd,
    sources: { 4: SETTING.uplink.host4, 6: SETTING.uplink.host6 },
    stickyBuckets: lab.stickyBuckets,
  });
  cleanUp.unshift(() => crowd.close());
  const run = await start(lab, crowd, sabotage, report, signal);
  await course(run, lab, sabotage !== undefined);
  return { good: run.good, steps: run.steps, lab };
}

/** Does every step, whatever became of those before it. @throws the first failure */
async function cleanAll(steps: readonly (() => Promise<void> | void)[], report: Reporter): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
      report.check(false, `clean-up: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function start(
  lab: Lab,
  crowd: Crowd,
  sabotage: Sabotage | undefined,
  report: Reporter,
  signal: AbortSignal,
): Promise<DemoRun> {
  report.intro("TCP connections through a Maglev load-balancer, in network namespaces", PICTURE, {
    dataplane: lab.dataplane,
    controller: "vpplb lb -f lb.yaml: programs the dataplane over VPP's binary API",
  });
  const first = SETTING.servers.slice(0, 3);
  const servers = Promise.all(first.map((server) => lab.startServer(server)));
  const [algorithm] = await Promise.all([lab.findDataplane(), servers]);
  const run = new DemoRun({ lab, crowd, report, signal, sabotage, algorithm });
  await run.configure(first.map((server) => [server, "up"] as const));
  await lab.startController();
  await lab.inSync();
  return run;
}

/** Killed, drained, added; then the programs themselves. */
async function course(run: DemoRun, lab: Lab, sabotaged: boolean): Promise<void> {
  const [, as2, as3, as4] = SETTING.servers;
  await playSteps(run, sabotaged, [
    () => run.first(),
    () => run.serverKilled(as3),
    () => run.serverDrained(as2),
    () => run.serverAdded(as4),
    () => run.controllerKilled(),
    ...(lab.ownsDataplane ? [() => run.dataplaneKilled()] : []),
  ]);
}

function verdictOf(steps: readonly StepResult[]): string {
  const opened = steps.reduce((sum, step) => sum + (step.fresh?.opened ?? 0), 0);
  const broke = steps.reduce((sum, step) => sum + (step.held?.broke ?? 0), 0);
  const bad = steps.flatMap((step, index) => (step.good ? [] : [index + 1]));
  return bad.length === 0
    ? `${opened} connections, all to the predicted servers; ${broke} broke, all of them predicted`
    : `${bad.length} of ${steps.length} steps not as predicted: ${bad.join(", ")}`;
}

async function keep(lab: Performance["lab"], note: (text: string) => void, signal: AbortSignal): Promise<void> {
  note("everything is kept until ctrl-C. Look at it from another terminal:");
  for (const what of ["status", "get servers", "vppctl show lb vips verbose"]) {
    note(`  ${lab.command} --control ${lab.control} ${what}`);
  }
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** May the demo run here, must it be run again in a user namespace, or can it not run? */
export const demoPrivileges = { check: ensureNetAdmin, runAgain: runInUserNamespace };
