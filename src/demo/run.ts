import type { Crowd } from "./crowd.ts";
import {
  judgeBatch,
  judgeHeld,
  type BatchJudgement,
  type Expectation,
  type HeldFlow,
  type HeldJudgement,
} from "./judge.ts";
import type { Lab } from "./lab.ts";
import { Prediction } from "./prediction.ts";
import type { MaglevAlgorithm } from "../maglev/index.ts";
import type { Reporter } from "./report.ts";
import { SETTING, type DemoServer, type Family } from "./setting.ts";

/** What `--break` breaks, each of which must make the verdict bad. */
export type Sabotage = "sticky" | "table" | "server";

/** One step of the demo with what came of it. JSON. */
export interface StepResult {
  readonly name: string;
  readonly good: boolean;
  readonly fresh?: BatchJudgement;
  readonly held?: HeldJudgement;
  /** Further checks: what was looked at, and whether it was so. */
  readonly checks: readonly { readonly text: string; readonly good: boolean }[];
}

/** The course of the demo: what serves, who is connected, what was found. */
export class DemoRun {
  readonly steps: StepResult[] = [];
  readonly #lab: Lab;
  readonly #crowd: Crowd;
  readonly #report: Reporter;
  readonly #signal: AbortSignal;
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
    this.#signal = options.signal;
    this.#sabotage = options.sabotage;
    this.#algorithm = options.algorithm;
  }

  get good(): boolean {
    return this.steps.length > 0 && this.steps.every((step) => step.good);
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

  async #step(
    name: string,
    options: {
      /** What should come of it, in words. */
      expectation: string;
      change?: () => Promise<void>;
      expected?: Expectation | (() => Expectation);
      fresh?: Readonly<Record<Family, number>>;
      checks?: () => Promise<StepResult["checks"]>;
    },
  ): Promise<void> {
    this.#report.title(`${this.steps.length + 1}. ${name}`);
    this.#report.expected(options.expectation);
    const before = this.#crowd.flows();
    await options.change?.();
    if (before.length > 0) await this.#crowd.settle(this.#signal);
    const held = this.#judgeHeld(before, options.expected ?? "none");
    if (held) this.#report.held(held);
    const fresh = options.fresh ? await this.#openBatch(options.fresh) : undefined;
    const checks = (await options.checks?.()) ?? [];
    for (const { good, text } of checks) this.#report.check(good, text);
    const good = (held?.good ?? true) && (fresh?.good ?? true) && checks.every((check) => check.good);
    this.steps.push({ name, good, checks, ...(fresh ? { fresh } : {}), ...(held ? { held } : {}) });
  }

  #judgeHeld(before: readonly HeldFlow[], expected: Expectation | (() => Expectation)): HeldJudgement | undefined {
    if (before.length === 0) return undefined;
    const after = this.#crowd.flows();
    return judgeHeld(before, after, typeof expected === "function" ? expected() : expected);
  }

  async #openBatch(count: Readonly<Record<Family, number>>): Promise<BatchJudgement> {
    const batch = judgeBatch(await this.#crowd.open(count, this.#signal), this.#prediction());
    this.#report.distribution(batch);
    this.#report.batch(batch);
    return batch;
  }

  /** VPP's own bucket counts against the predicted ones. */
  async #checkBuckets(): Promise<StepResult["checks"]> {
    const text = await this.#lab.vppctl("show lb vips verbose");
    const prediction = this.#prediction();
    return ([4, 6] as const).map((family) => {
      const wanted = prediction.buckets(family);
      const wrong = [...wanted].filter(([address, count]) => !hasBuckets(text, address, count));
      const vip = family === 4 ? SETTING.vip4 : SETTING.vip6;
      const counts = [...wanted].map(([address, count]) => `${serverName(address)} ${count}`).join(", ");
      const outcome = wrong.length === 0 ? "as predicted" : "not as predicted";
      return { good: wrong.length === 0, text: `slots of ${vip} in VPP ${outcome}: ${counts}` };
    });
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
        if (this.#sabotage === "sticky") await this.#forgetFlows();
      },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  /** Every flow loses its sticky entry: those whose slot has moved break. */
  async #forgetFlows(): Promise<void> {
    for (const vip of [SETTING.vip4, SETTING.vip6]) await this.#lab.forceVppctl(`lb flush vip ${vip}`);
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

/** VPP prints `10.60.1.2 342 buckets` (26.06) or `10.60.1.2 weight:100 buckets:342` (26.10). */
function hasBuckets(text: string, address: string, count: number): boolean {
  return text
    .split("\n")
    .map((line) => line.trim())
    .some(
      (line) =>
        line.startsWith(`${address} `) && (line.includes(` ${count} buckets`) || line.includes(`buckets:${count} `)),
    );
}
