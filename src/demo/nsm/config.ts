import { stringify } from "yaml";
import { demoBase, demoVips, type DemoNames } from "../config.ts";
import { SETTING } from "../setting.ts";
import { NSM_SETTING } from "./setting.ts";

/** What the lb.yaml of the demo with NSM varies over. */
export interface NsmDemoConfig extends DemoNames {
  /** The manager's socket and the endpoint's own. */
  readonly manager: string;
  readonly listen: string;
  readonly tableSize: number;
  /** What others change in VPP is put back after so long. */
  readonly repairMs: number;
  /** false where VPP is not the demo's: its lb_conf is left alone. */
  readonly manageLbConf: boolean;
}

/** The lb.yaml of the demo with NSM: it names no server and no interface to one, those come with connections. */
export function nsmDemoYaml(config: NsmDemoConfig): string {
  const { outside, prefix4, prefix6, service } = NSM_SETTING;
  const { repairMs, manageLbConf, tableSize } = config;
  return stringify({
    ...demoBase({ names: config, repairMs, manageLbConf, inside: [], outside: [outside] }),
    vips: demoVips(tableSize, () => []),
    nsm: {
      name: "lb",
      service,
      connectTo: `unix://${config.manager}`,
      listen: `unix://${config.listen}`,
      prefixes: [prefix4, prefix6],
      mechanisms: ["KERNEL"],
      bridge: SETTING.bridgeId,
      insecure: true,
    },
  });
}
