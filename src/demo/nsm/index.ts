import { Crowd } from "../crowd.ts";
import type { GivenVpp } from "../given-vpp.ts";
import type { Performance } from "../performance.ts";
import type { Reporter } from "../report.ts";
import { playSteps } from "../steps.ts";
import { SETTING } from "../setting.ts";
import { NsmLab } from "./lab.ts";
import { NsmRun, type NsmSabotage } from "./run.ts";
import { NSM_SETTING } from "./setting.ts";
import { makeNsmTopology, type NsmTopology } from "./topology.ts";

/** Who is where; at most 80 columns. */
const PICTURE = `
  outside               pod of the load-balancer               application servers
  10.71.0.0/31 ──────── vpplb-ext ┐                            vpplb nsc
                                  VPP  loop0 ─── bridge 1 ──┬─ nsm0 as1 10.60.1.2
  node         pod      vpp1out ──┘    10.60.1.1            ├─ nsm0 as2 10.60.1.3
  10.244.0.1 ─ eth0 ─── vpp1host       VIP 10.2.2.0/24      └─ nsm0 as3 10.60.1.4
  vpplb nsm    10.244.0.2              VIP 2001:db8:2:2::/64
                                       vpplb nse`;

export interface NsmPerformanceOptions {
  readonly vpp?: { readonly socket: string } & GivenVpp;
  readonly sabotage: NsmSabotage | undefined;
  readonly report: Reporter;
  /** What must be done at the end is put in front. */
  readonly cleanUp: (() => Promise<void> | void)[];
}

/** The demo with NSM from its topology to its last step. @throws DemoError; the signal's reason */
export async function performNsm(options: NsmPerformanceOptions, signal: AbortSignal): Promise<Performance> {
  const { vpp, sabotage, report, cleanUp } = options;
  const topology = await makeNsmTopology(vpp === undefined ? {} : { vppPid: vpp.pid });
  cleanUp.unshift(() => topology.close());
  const tableSize = sabotage === "table" ? SETTING.tableSize / 2 : SETTING.tableSize;
  // A server's entry that is lost stays lost until something else is changed.
  const repairMs = sabotage === "client" ? 3_600_000 : 2000;
  const lab = new NsmLab(topology, { ...(vpp === undefined ? {} : { vpp }), tableSize, repairMs }, signal);
  cleanUp.unshift(() => lab.close());
  const ways = waysOf(topology, lab);
  cleanUp.unshift(() => ways.forEach(({ crowd }) => crowd.close()));
  report.intro("TCP connections through a load-balancer that Network Service Mesh connects", PICTURE, {
    dataplane: lab.dataplane,
    "vpplb nsm": "manager, registry and forwarder of this machine",
    "vpplb nse": 'endpoint of the service "load-balancer"; programs the dataplane',
    "vpplb nsc": "client of the service, in each application server",
  });
  lab.writeConfig();
  const [algorithm] = await Promise.all([lab.findDataplane(), lab.startMesh()]);
  await lab.startEndpoint();
  await lab.inSync();
  const run = new NsmRun({ lab, ways, report, signal, sabotage, algorithm });
  await course(run, lab, sabotage !== undefined);
  return { steps: run.steps, good: run.good, lab };
}

function waysOf(topology: NsmTopology, lab: NsmLab) {
  const { outside, node } = NSM_SETTING;
  const { stickyBuckets } = lab;
  const crowd = (netns: number, host4: string, host6: string) =>
    new Crowd({ netns, sources: { 4: host4, 6: host6 }, stickyBuckets });
  return [
    { name: "the outside link", crowd: crowd(topology.outside.netns.fd, outside.host4, outside.host6) },
    { name: "the pod's eth0", crowd: crowd(topology.node.netns.fd, node.node4, node.node6) },
  ];
}

async function course(run: NsmRun, lab: NsmLab, sabotaged: boolean): Promise<void> {
  const [as1, as2, as3, as4] = NSM_SETTING.servers;
  await playSteps(run, sabotaged, [
    () => run.first([as1, as2, as3], as2),
    () => run.refreshed(),
    () => run.serverLeaves(as3),
    () => run.serverComes(as4),
    () => run.serverCrashes(as2),
    () => run.meshKilled(),
    () => run.endpointKilled(),
    () => run.serverComes(as3),
    () => run.serverDrained(as4),
    ...(lab.ownsDataplane ? [() => run.dataplaneKilled()] : []),
  ]);
}
