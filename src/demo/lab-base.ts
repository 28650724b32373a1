import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { VppClient } from "vpp-api-ts";
import { ControlClient } from "../control/index.ts";
import type { ControllerStatus } from "../control/index.ts";
import type { Namespace } from "../kernel/namespace.ts";
import type { MaglevAlgorithm } from "../maglev/index.ts";
import type { DemoNames } from "./config.ts";
import { DemoError } from "./errors.ts";
import { CLI, DemoProcess, waitFor } from "./processes.ts";
import { SETTING } from "./setting.ts";

/** To take the demo out of a VPP that is not its own. */
const CLEAN_DEADLINE_MS = 15_000;

export interface LabBaseOptions {
  /** Where VPP or the embedded dataplane is. */
  readonly lb: Namespace;
  /** API socket of a VPP that runs already; absent: the demo starts the embedded dataplane. */
  readonly vpp: string | undefined;
  readonly signal: AbortSignal;
  /** For VPP to be as wanted. */
  readonly syncDeadlineMs: number;
}

/** What every lab of a demo has: a folder, a dataplane and what programs it by lb.yaml. Whoever makes it closes it. */
export abstract class LabBase {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-demo-"));
  readonly api: string;
  readonly control = join(this.folder, "control.sock");
  /** What starts vpplb in the folder that the demo was started in. */
  readonly command = `node ${relative(process.cwd(), CLI)}`;
  readonly configFile = join(this.folder, "lb.yaml");
  readonly ownsDataplane: boolean;
  protected readonly signal: AbortSignal;
  readonly #lb: Namespace;
  readonly #syncDeadlineMs: number;
  #dataplane: DemoProcess | undefined;
  #programmer: DemoProcess | undefined;

  constructor({ lb, vpp, signal, syncDeadlineMs }: LabBaseOptions) {
    this.#lb = lb;
    this.#syncDeadlineMs = syncDeadlineMs;
    this.signal = signal;
    this.ownsDataplane = vpp === undefined;
    this.api = vpp ?? join(this.folder, "api.sock");
  }

  /** For people: which dataplane it is. */
  get dataplane(): string {
    return this.ownsDataplane ? "embedded: vpplb dataplane" : `VPP on ${this.api}`;
  }

  /** Buckets of its sticky table, or at least as many. */
  get stickyBuckets(): number {
    return this.ownsDataplane ? SETTING.stickyBuckets : SETTING.given.stickyBuckets;
  }

  /** Starts the dataplane if it is the demo's own. @returns which table it builds @throws DemoError SETUP, TIMEOUT */
  async findDataplane(): Promise<MaglevAlgorithm> {
    if (this.ownsDataplane) await this.startDataplane();
    const algorithm = await this.vppAnswers();
    if (algorithm === undefined) throw new DemoError("SETUP", `VPP does not answer on ${this.api}`);
    return algorithm;
  }

  /** Starts the embedded dataplane and waits until it answers. */
  async startDataplane(): Promise<void> {
    const cli = join(this.folder, "cli.sock");
    const args = ["dataplane", "--api", this.api, "--cli", cli];
    const started = new DemoProcess("dataplane", this.#lb.netns.fd, args);
    this.#dataplane = started;
    await waitFor("the dataplane's API socket", () => this.vppAnswers(), { process: started, signal: this.signal });
  }

  async killDataplane(): Promise<void> {
    await this.#dataplane?.kill();
  }

  /** Which table this VPP builds; undefined while it does not answer. */
  async vppAnswers(): Promise<MaglevAlgorithm | undefined> {
    const has = (client: VppClient) => client.has("lb_add_del_as_v2");
    const weighted = await this.#withVpp(has).catch(() => undefined);
    return weighted === undefined ? undefined : weighted ? "weighted" : "plain";
  }

  /** A line that changes VPP behind the back of what programs it. */
  async forceVppctl(command: string): Promise<void> {
    await this.#withVpp((client) => client.cli(command));
  }

  /** Every flow loses its sticky entry: those whose slot has moved break. */
  async forgetFlows(): Promise<void> {
    for (const vip of [SETTING.vip4, SETTING.vip6]) await this.forceVppctl(`lb flush vip ${vip}`);
  }

  async #withVpp<T>(use: (client: VppClient) => Promise<T> | T): Promise<T> {
    const client = new VppClient({ socket: this.api, name: "vpplb-demo" });
    try {
      await client.connect({ signal: this.signal, deadlineMs: 1000 });
      return await use(client);
    } finally {
      client.close();
    }
  }

  /** Takes `started` as what programs the dataplane, and waits until it answers. @param what its control socket's name */
  protected async startProgrammer(started: DemoProcess, what: string, signal: AbortSignal): Promise<void> {
    this.#programmer = started;
    await waitFor(what, async () => (await this.status()) && true, { process: started, signal });
  }

  /** What programs the dataplane; absent until it was started. */
  protected get programmer(): DemoProcess | undefined {
    return this.#programmer;
  }

  protected names(): DemoNames {
    return { api: this.api, control: this.control, journal: join(this.folder, "journal.json") };
  }

  /** Replaces lb.yaml at once, as an editor that saves does. */
  protected write(yaml: string): void {
    writeFileSync(`${this.configFile}.new`, yaml);
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  async withControl<T>(use: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = new ControlClient({ socket: this.control });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  async status(): Promise<ControllerStatus> {
    return this.withControl((client) => client.status());
  }

  async vppctl(command: string): Promise<string> {
    return (await this.withControl((client) => client.vppctl(command))).output;
  }

  /** Resolves when VPP is as what programs it wants it, by an lb.yaml that was loaded after `since`. */
  async inSync(since = 0, signal = this.signal): Promise<ControllerStatus> {
    const settled = async () => {
      const status = await this.status();
      const loaded = Date.parse(status.config.loadedAt ?? "");
      const observed = Date.parse(status.sync.lastObservedAt ?? "");
      return status.sync.state === "in-sync" && loaded >= since && observed > loaded ? status : undefined;
    };
    const watched = this.#programmer === undefined ? {} : { process: this.#programmer };
    return waitFor("VPP to be as wanted", settled, { ...watched, signal, deadlineMs: this.#syncDeadlineMs });
  }

  /** Takes everything of the demo out of a VPP that goes on living; the demo's own signal may have fired already. */
  protected abstract clean(signal: AbortSignal): Promise<void>;

  /** Ends the demo's other processes. */
  protected abstract stopOthers(): Promise<void>;

  async #cleanGivenVpp(): Promise<void> {
    try {
      await this.clean(AbortSignal.timeout(CLEAN_DEADLINE_MS));
    } catch (cause) {
      const message = `VPP on ${this.api} may still hold objects of the demo: ${(cause as Error).message}`;
      throw new DemoError("CLEANUP", message, { cause });
    }
  }

  /** Stops everything and removes the files. Idempotent. */
  async close(): Promise<void> {
    try {
      if (!this.ownsDataplane && this.#programmer !== undefined) await this.#cleanGivenVpp();
    } finally {
      await this.#programmer?.stop();
      await this.stopOthers();
      await this.#dataplane?.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
