import type { MaglevAlgorithm } from "../../maglev/index.ts";
import { Prediction } from "../prediction.ts";
import { waitFor } from "../processes.ts";
import type { Reporter } from "../report.ts";
import { checkBuckets, Steps, type Check, type StepResult, type Way } from "../steps.ts";
import type { NsmLab } from "./lab.ts";
import { NSM_SETTING, type ServerName } from "./setting.ts";

/** What `--break` breaks with `--nsm`, each of which must make the verdict bad. */
export const NSM_SABOTAGES = ["table", "sticky", "server", "client"] as const;
export type NsmSabotage = (typeof NSM_SABOTAGES)[number];

/** Refreshes of every connection that the demo waits for. */
const REFRESHES = 2;
const REFRESH_DEADLINE_MS = 30_000;

export interface NsmRunOptions {
  readonly lab: NsmLab;
  readonly ways: readonly Way[];
  readonly report: Reporter;
  readonly signal: AbortSignal;
  readonly sabotage: NsmSabotage | undefined;
  readonly algorithm: MaglevAlgorithm;
}

/** The course of the demo with NSM: application servers come and go by asking for the service, nobody writes lb.yaml. */
export class NsmRun {
  readonly #steps: Steps;
  readonly #options: NsmRunOptions;
  readonly #draining = new Set<string>();

  constructor(options: NsmRunOptions) {
    this.#options = options;
    const { ways, report, signal } = options;
    this.#steps = new Steps({ ways, report, signal, prediction: () => this.#prediction() });
  }

  get good(): boolean {
    return this.#steps.good;
  }

  get steps(): readonly StepResult[] {
    return this.#steps.results;
  }

  get #batches() {
    return this.#options.lab.ownsDataplane ? NSM_SETTING : NSM_SETTING.given;
  }

  /** What the tables say with the servers that run, by the addresses that their interfaces have. */
  #prediction(): Prediction {
    const serving = this.#options.lab.servers.filter(({ name }) => !this.#draining.has(name));
    return new Prediction(serving, this.#options.algorithm);
  }

  async #checkBuckets(): Promise<readonly Check[]> {
    const { lab } = this.#options;
    const name = (address: string) =>
      lab.servers.find(({ ip4, ip6 }) => ip4 === address || ip6 === address)?.name ?? address;
    return checkBuckets(await lab.vppctl("show lb vips verbose"), this.#prediction(), name);
  }

  /** @param mortal which of them will crash: its tokens are short-lived */
  async first(names: readonly ServerName[], mortal: ServerName): Promise<void> {
    const { lab, sabotage } = this.#options;
    await this.#steps.step(`Application servers ${names.join(", ")} ask for the service "${NSM_SETTING.service}"`, {
      expectation: "each is wired, addressed and made a server; connections reach the server of their slot",
      change: async () => {
        for (const name of names)
          await lab.startServer(name, name === mortal ? NSM_SETTING.mortalLifetimeS : NSM_SETTING.tokenLifetimeS);
        // Behind the agent's back a server's entry goes to somebody who is not there.
        if (sabotage === "client") await lab.loseServer(names[0]!);
      },
      fresh: this.#batches.firstBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async refreshed(): Promise<void> {
    const { lab } = this.#options;
    const lifetime = `tokens live ${NSM_SETTING.tokenLifetimeS} s`;
    await this.#steps.step(`Every connection to the service is refreshed, ${REFRESHES} times or more (${lifetime})`, {
      expectation: "nothing breaks, nothing changes in VPP",
      change: async () => {
        const before = (await lab.status()).counts.operations;
        await this.#refreshes(REFRESHES);
        const written = (await lab.status()).counts.operations - before;
        this.#options.report.note(`meanwhile the agent wrote ${written} objects to VPP`);
      },
      checks: () => this.#checkBuckets(),
    });
  }

  /** Resolves when each server that runs was refreshed so often since now. */
  async #refreshes(count: number): Promise<void> {
    const { lab, signal } = this.#options;
    const before = new Map(lab.servers.map(({ name }) => [name, lab.watch.requests(name)]));
    await waitFor(
      `${count} refreshes of every connection`,
      () => ([...before].every(([name, seen]) => lab.watch.requests(name) >= seen + count) ? true : undefined),
      { deadlineMs: REFRESH_DEADLINE_MS, everyMs: 50, signal },
    );
  }

  async serverLeaves(name: ServerName): Promise<void> {
    await this.#steps.step(`Application server ${name} is told to stop (SIGTERM): it leaves`, {
      expectation: "it is taken out with its flows at once: its connections break and no others",
      change: () => this.#options.lab.stopServer(name),
      expected: { killed: name },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async serverCrashes(name: ServerName): Promise<void> {
    const { lab, report } = this.#options;
    await this.#steps.step(`Application server ${name} crashes: kill -9 of its agent, its namespace is gone`, {
      expectation: "it is found out and taken out; its connections break and no others",
      change: async () => {
        const started = Date.now();
        await lab.crashServer(name);
        report.note(`out of VPP ${Date.now() - started} ms after its end`);
      },
      expected: { killed: name },
      fresh: this.#batches.freshBatch,
    });
  }

  async serverComes(name: ServerName): Promise<void> {
    const { lab, sabotage } = this.#options;
    await this.#steps.step(`Application server ${name} comes`, {
      expectation: "nothing breaks: the sticky table keeps flows whose slot moves",
      change: async () => {
        await lab.startServer(name);
        if (sabotage === "sticky") await lab.forgetFlows();
      },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async meshKilled(): Promise<void> {
    const { lab } = this.#options;
    await this.#steps.step("NSM's manager, registry and forwarder killed with kill -9, started again", {
      expectation: "nothing breaks; endpoint and clients find each other again",
      change: async () => {
        await lab.killMesh();
        await lab.startMesh();
        await this.#refreshes(1);
      },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async endpointKilled(): Promise<void> {
    const { lab } = this.#options;
    let operations = -1;
    await this.#steps.step("The load-balancer's agent killed with kill -9, started again", {
      expectation: "nothing breaks, and the new one finds nothing to write",
      change: async () => {
        await lab.killEndpoint();
        await lab.startEndpoint();
        await this.#refreshes(1);
        operations = (await lab.inSync()).counts.operations;
      },
      fresh: this.#batches.freshBatch,
      checks: async () => [{ good: operations === 0, text: `the new agent wrote ${operations} objects to VPP` }],
    });
  }

  async serverDrained(name: ServerName): Promise<void> {
    const { lab, sabotage } = this.#options;
    await this.#steps.step(`Application server ${name} drained: no new flows, those it has go on`, {
      expectation: "nothing breaks; it gets no new connections",
      change: async () => {
        const { ip4, ip6 } = lab.server(name);
        for (const address of [ip4, ip6]) await lab.withControl((client) => client.drain(address, {}));
        this.#draining.add(name);
        // A server that dies without anybody saying so.
        if (sabotage === "server") await lab.stopServer(name);
      },
      fresh: this.#batches.freshBatch,
    });
    if (sabotage === "server") return;
    await this.#steps.step(`Clients are done with ${name}; then it leaves`, {
      expectation: "nothing breaks",
      change: async () => {
        const finished = this.#options.ways.reduce((sum, { crowd }) => sum + crowd.finish(name), 0);
        this.#options.report.note(`${finished} connections ended by their clients`);
        await lab.stopServer(name);
        this.#draining.delete(name);
      },
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }

  async dataplaneKilled(): Promise<void> {
    const { lab, report } = this.#options;
    const started = Date.now();
    await this.#steps.step("Dataplane killed with kill -9, started again", {
      expectation: "the sticky table is lost: flows whose slot had moved break",
      change: async () => {
        await lab.killDataplane();
        await lab.startDataplane();
        await lab.inSync();
        await lab.serversInVpp();
        report.note(`programmed again ${Date.now() - started} ms after its end`);
      },
      expected: () => ({ stickinessLostTo: this.#prediction() }),
      fresh: this.#batches.freshBatch,
      checks: () => this.#checkBuckets(),
    });
  }
}
