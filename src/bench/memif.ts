import { rateFigure, timeFigure, type Figure } from "./figure.ts";
import { forwarded } from "./forward.ts";
import { benchForwarding, type ForwardingResult } from "./forwarding.ts";
import { benchVppMemifForwarding } from "./memif-forwarding-vpp.ts";
import { benchMemifForwarding } from "./memif-forwarding.ts";
import { median, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";

const TRAFFIC = { seconds: 2, frameBytes: 64, flows: 1000 } as const;
const MOST_ROUNDS = 3;
const GOAL = "3,000,000 /s";

/** Small packets from memif to memif: the embedded dataplane beside itself over veth, and beside a real VPP. */
export async function benchMemif({ vppCommand, rounds, say }: BenchContext): Promise<Figure[]> {
  const results = { plain: [], lb: [], veth: [], vpp: [] } as Record<string, ForwardingResult[]>;
  const contestants = {
    plain: () => forwarded(results["plain"]!, () => benchMemifForwarding({ ...TRAFFIC, plain: true })),
    lb: () => forwarded(results["lb"]!, () => benchMemifForwarding(TRAFFIC)),
    veth: () => forwarded(results["veth"]!, () => benchForwarding(TRAFFIC)),
  };
  const turns = Math.min(rounds, MOST_ROUNDS);
  const title = `packets of ${TRAFFIC.frameBytes} bytes, ${TRAFFIC.flows} flows`;
  const cpu = (name: string): number[] => results[name]!.slice(1).map(({ cpuUsPerPacket }) => cpuUsPerPacket);
  const common = (rates: Record<"plain" | "lb" | "veth", number[]>): Figure[] => [
    { name: `${title}, routed`, unit: "/s", ours: median(rates.plain), goal: GOAL },
    rateFigure(`${title}, GRE over IPv4`, rates.lb, { name: "af_packet", values: rates.veth }, GOAL),
    { ...timeFigure("CPU a packet, GRE", cpu("lb"), { name: "af_packet", values: cpu("veth") }), unit: "us" },
    { name: "CPU a packet, routed", unit: "us", ours: median(cpu("plain")), goal: "0.33 us" },
  ];
  if (vppCommand === undefined) {
    say("memif: without VPPLB_VPP_COMMAND there is no VPP to compare with");
    return common(await takeTurns(turns, contestants));
  }
  const vpp = () => forwarded(results["vpp"]!, () => benchVppMemifForwarding(vppCommand, TRAFFIC));
  const rates = await takeTurns(turns, { ...contestants, vpp });
  return [...common(rates), rateFigure(`${title}, GRE, beside VPP`, rates.lb, { name: "VPP", values: rates.vpp })];
}
