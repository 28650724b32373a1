import { BenchError } from "./errors.ts";
import { rateFigure, timeFigure, type Figure } from "./figure.ts";
import { benchVppForwarding } from "./forwarding-vpp.ts";
import { benchForwarding, type ForwardingResult } from "./forwarding.ts";
import { median, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";

const TRAFFIC = { seconds: 2, frameBytes: 60, flows: 1000 } as const;
const MOST_ROUNDS = 3;

/** Small packets through a VIP, encapsulated in GRE, over veth: the embedded dataplane beside a real VPP. */
export async function benchForward({ vppCommand, rounds, say }: BenchContext): Promise<Figure[]> {
  const ours: ForwardingResult[] = [];
  const theirs: ForwardingResult[] = [];
  const embedded = () => forwarded(ours, () => benchForwarding(TRAFFIC));
  const turns = Math.min(rounds, MOST_ROUNDS);
  const title = `packets of ${TRAFFIC.frameBytes} bytes, ${TRAFFIC.flows} flows, GRE over IPv4`;
  if (vppCommand === undefined) {
    say("forwarding: without VPPLB_VPP_COMMAND there is no VPP to compare with");
    const alone = await takeTurns(turns, { embedded });
    return [{ name: title, unit: "/s", ours: median(alone.embedded) }, ...costs(ours)];
  }
  const result = await takeTurns(turns, {
    embedded,
    vpp: () => forwarded(theirs, () => benchVppForwarding(vppCommand, TRAFFIC)),
  });
  return [rateFigure(title, result.embedded, { name: "VPP", values: result.vpp }, "0.8x"), ...costs(ours, theirs)];
}

/** What was offered bounds what can be forwarded: a generator that is too slow shows here. */
function costs(ours: readonly ForwardingResult[], theirs: readonly ForwardingResult[] = []): Figure[] {
  const values = (of: (result: ForwardingResult) => number) => ours.slice(1).map(of);
  const beside = (of: (result: ForwardingResult) => number) => ({ name: "VPP", values: theirs.slice(1).map(of) });
  const offered = (result: ForwardingResult) => result.offeredMpps * 1e6;
  const cpu = (result: ForwardingResult) => result.cpuUsPerPacket;
  if (theirs.length < 2) {
    return [
      { name: "offered", unit: "/s", ours: median(values(offered)) },
      { name: "CPU a packet", unit: "us", ours: median(values(cpu)) },
    ];
  }
  return [
    rateFigure("offered", values(offered), beside(offered)),
    { ...timeFigure("CPU a packet", values(cpu), beside(cpu)), unit: "us" },
  ];
}

/** Packets a second. @throws BenchError SKIP where namespaces are not permitted */
export async function forwarded(results: ForwardingResult[], run: () => Promise<ForwardingResult>): Promise<number> {
  try {
    const result = await run();
    results.push(result);
    return result.forwardedMpps * 1e6;
  } catch (error) {
    if (/EPERM|EACCES/.test(String((error as Error).message))) {
      throw new BenchError("SKIP", `needs root, for network namespaces: ${(error as Error).message}`, { cause: error });
    }
    throw error;
  }
}
