import type { Crowd } from "./crowd.ts";
import type { Lab } from "./lab.ts";
import { Prediction } from "./prediction.ts";
import type { MaglevAlgorithm } from "../maglev/index.ts";
import type { Reporter } from "./report.ts";
import { SETTING, type DemoServer } from "./setting.ts";
import { checkBuckets, Steps, type Check, type Step, type StepResult } from "./steps.ts";

/** What `--break` breaks, each of which must make the verdict bad. */
export const SABOTAGES = ["sticky", "table", "server"] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** The course of the demo: what serves, who is connected, what was found. */
export class DemoRun {
  readonly #steps: Steps;
  readonly #lab: Lab;
  readonly #crowd: Crowd;
  readonly #report: Reporter;
  readonly #sabotage: Sabotage | undefined;
  readonly #algorithm: MaglevAlgorithm;
  /** Servers of lb.yaml; `down`: taken out with its flows flushed. */
  readonly #configured = new Map<DemoServer, "up" | "down">();
  readonly #draining = new Set<DemoServer>();

  constructor(options: {
    lab: Lab;
    crowd: Crowd;
    report: Reporter;
    signal: AbortSignal;
    sabotage: Sabotage | undefined;
    algorithm: MaglevAlgorithm;
  }) {
    this.#lab = options.lab;
    this.#crowd = options.crowd;
    this.#report = options.report;
    this.#sabotage = options.sabotage;
    this.#algorithm = options.algorithm;
    const { crowd, report, signal } = options;
    this.#steps = new Steps({ ways: [{ crowd }], report, signal, prediction: () => this.#prediction() });
  }

  get good(): boolean {
    return this.#steps.good;
  }

  get steps(): readonly StepResult[] {
    return this.#steps.results;
  }

  get #batches() {
    return this.#lab.ownsDataplane ? SETTING : SETTING.given;
  }

  /** What the tables say with the servers that take new flows now. */
  #prediction(): Prediction {
    const serving = [...this.#configured].filter(([server, state]) => state === "up" && !this.#draining.has(server));
    return new Prediction(
      serving.map(([server]) => server),
      this.#algorithm,
    );
  }

  /** Writes lb.yaml; where a controller runs, resolves when VPP is so. */
  async configure(changes: readonly (readonly [DemoServer, "up" | "down"])[]): Promise<void> {
    for (const [server, state] of changes) this.#configured.set(server, state);
    const since = Date.now();
    this.#lab.writeConfig({
      servers: [...this.#configured].map(([server, state]) => ({ server, state })),
      // A table of another size sends flows elsewhere than predicted.
      tableSize: this.#sabotage === "table" ? SETTING.tableSize / 2 : SETTING.tableSize,
    });
    if (this.#lab.controllerRuns) await this.#lab.inSync(since);
  }

  #step(name: string, step: Step): Promise<void> {
    return this.#steps.step(name, step);
  }

  /** VPP's own bucket counts against the predicted ones. */
  async #checkBuckets(): Promise<readonly Check[]> {
    return checkBuckets(await this.#lab.vppctl("show lb vips verbose"), this.#prediction(), serverName);
  }

  async first(): Promise<void> {
    await this.#step("Connections through the VIP, spread by Maglev", {
      expectation: "each reaches the server in the slot of its flow hash",
      fresh: this.#batches.firstBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async serverKilled(server: DemoServer): Promise<void> {
    await this.#step(`Server ${server.name} (${server.ip4}) killed with kill -9, taken out of lb.yaml`, {
      expectation: "its connections break and no others",
      change: async () => {
        await this.#lab.killServer(server);
        await this.configure([[server, "down"]]);
      },
      expected: { killed: server.name },
      fresh: this.#batches.freshBatch,
    });
  }

  async serverDrained(server: DemoServer): Promise<void> {
    await this.#step(`Server ${server.name} drained: no new flows, those it has go on`, {
      expectation: "nothing breaks; it gets no new connections",
      change: async () => {
        await this.#lab.withControl((client) => client.drain(server.ip4, {}));
        await this.#lab.withControl((client) => client.drain(server.ip6, {}));
        this.#draining.add(server);
        // A server that dies without anybody saying so.
        if (this.#sabotage === "server") await this.#lab.killServer(server);
      },
      fresh: this.#batches.freshBatch,
    });
  }

  async serverAdded(server: DemoServer): Promise<void> {
    await this.#step(`Server ${server.name} (${server.ip4}) added`, {
      expectation: "nothing breaks: the sticky table keeps flows whose slot moves",
      change: async () => {
        await this.#lab.startServer(server);
        await this.configure([[server, "up"]]);
        if (this.#sabotage === "sticky") await this.#lab.forgetFlows();
      },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async controllerKilled(): Promise<void> {
    let operations = -1;
    await this.#step("Controller killed with kill -9, started again", {
      expectation: "nothing breaks, and the new one finds nothing to write",
      change: async () => {
        await this.#lab.killController();
        await this.#lab.startController();
        operations = (await this.#lab.inSync()).counts.operations;
      },
      fresh: this.#batches.freshBatch,
      checks: async () => [{ good: operations === 0, text: `the new controller wrote ${operations} objects to VPP` }],
    });
  }

  async dataplaneKilled(): Promise<void> {
    const started = Date.now();
    await this.#step("Dataplane killed with kill -9, started again", {
      expectation: "the sticky table is lost: flows whose slot had moved break",
      change: async () => {
        await this.#lab.killDataplane();
        await this.#lab.startDataplane();
        const up = Date.now();
        await this.#lab.inSync(0);
        this.#report.note(
          `programmed again ${Date.now() - up} ms after its socket, ${Date.now() - started} ms after its end`,
        );
      },
      expected: () => ({ stickinessLostTo: this.#prediction() }),
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
    this.#report.note(`longest silence on a connection that survived: ${this.#crowd.longestGapMs()} ms`);
  }
}

function serverName(address: string): string {
  return SETTING.servers.find(({ ip4, ip6 }) => ip4 === address || ip6 === address)?.name ?? address;
}
