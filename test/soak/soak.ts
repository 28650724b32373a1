import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VppClient } from "vpp-api-ts";
import { vipKey } from "../../src/bridge/index.ts";
import { parseLbYaml } from "../../src/config/index.ts";
import { ControlClient, ControlError } from "../../src/control/index.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";
import { documentOf, PATHS, scrape } from "./document.ts";
import { Role, type Measure } from "./measure.ts";
import { Random } from "./random.ts";
import { Saboteur } from "./sabotage.ts";
import { expected, held, isSteering } from "./truth.ts";
import { difference, emptyWorld, mutate, referenceWorld, type World, type WorldVip } from "./world.ts";

export interface SoakOptions {
  readonly operations: number;
  readonly seed: number;
  /** What is killed with kill -9 now and then; the other one lives throughout and is measured. */
  readonly killed: "dataplane" | "lb";
  /** At most; the rest of the operations is left out. */
  readonly deadlineMs: number;
  readonly say: (text: string) => void;
}

export interface SoakResult {
  readonly operations: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly kills: number;
  /** VPP was compared with what is desired so often. */
  readonly checks: number;
  /** Of the process that lived, all in the same state of the world, in time. */
  readonly samples: readonly Measure[];
  readonly start: Measure;
  readonly end: Measure;
  readonly elapsedMs: number;
}

/** Operations between two comparisons of VPP with what is desired. */
const CHECK_EVERY = 100;
const SAMPLES = 60;
const KILL_SHARE = 1 / 500;
const MOST_PENDING = 4;
const SETTLE_MS = 30_000;
const DEVICES = ["soak0", "soak1", "soak2"] as const;
const WARM_UP_ROUNDS = 3;
/** The file is read so long after a change at most, on a busy machine. */
const FILE_MS = 2000;

/**
 * Random operations of an operator, of a saboteur and of fate on a controller and a dataplane, each in a process of its
 * own, in the order that the seed gives.
 * @throws AssertionError with the operations since the last good state where VPP does not come to hold what is desired
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const run = new Soak(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), "vpplb-soak-"));
  readonly #api = join(this.#folder, PATHS.api);
  readonly #file = join(this.#folder, "lb.yaml");
  readonly #http = join(this.#folder, PATHS.http);
  readonly #pending = new Set<Promise<void>>();
  readonly #counts: Record<string, number> = {};
  readonly #samples: Measure[] = [];
  /** Since the last check. */
  #log: string[] = [];
  #world: World = emptyWorld();
  #hosts: readonly string[] = [];
  #namespace: Namespace | undefined;
  #roles = new Map<"dataplane" | "lb", Role>();
  #control!: ControlClient;
  #saboteur!: Saboteur;
  #client!: VppClient;
  #sequence = 0;
  #kills = 0;
  #killing = false;
  #checks = 0;
  /** Somebody was killed since the last check: what fails may have failed for that. */
  #disturbed = false;
  /** When the file was last written: it is read some time later, in the middle of something else. */
  #fileMs = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<SoakResult> {
    const startedMs = performance.now();
    await this.#open();
    for (let i = 0; i < WARM_UP_ROUNDS; i += 1) {
      await this.#settle(referenceWorld(this.#hosts));
      await this.#settle(emptyWorld());
    }
    const start = await this.#measure();
    const { operations, deadlineMs, say } = this.#options;
    const sampleEvery = Math.max(CHECK_EVERY, Math.floor(operations / SAMPLES));
    let done = 0;
    for (; done < operations && performance.now() - startedMs < deadlineMs; done += 1) {
      if (done % sampleEvery === 0) await this.#sample();
      if (done > 0 && done % CHECK_EVERY === 0) await this.#settle(this.#world);
      if (done > 0 && done % (sampleEvery * 6) === 0)
        say(`${done} operations, ${this.#kills} kills, ${this.#checks} checks`);
      await this.#operation();
    }
    await this.#sample();
    await this.#settle(emptyWorld());
    await this.#undrain();
    const end = await this.#rest(start);
    return {
      operations: done,
      counts: this.#counts,
      kills: this.#kills,
      checks: this.#checks,
      samples: this.#samples,
      start,
      end,
      elapsedMs: performance.now() - startedMs,
    };
  }

  async #open(): Promise<void> {
    if (ensureNetAdmin().kind === "allowed") {
      this.#namespace = await Namespace.create("soak");
      for (const device of DEVICES) await this.#namespace.addVeth({ name: device, peer: { name: `${device}p` } });
      this.#hosts = DEVICES;
    } else this.#options.say("without network namespaces there are no host-interfaces in it");
    this.#write(emptyWorld());
    await this.#start("dataplane");
    await this.#start("lb");
    this.#client = new VppClient({ socket: this.#api, name: "soak", reconnect: { minMs: 10, maxMs: 200 } });
    await this.#client.connect();
    this.#saboteur = new Saboteur(this.#client, this.#random);
  }

  async #start(role: "dataplane" | "lb"): Promise<void> {
    const where = role === "dataplane" ? this.#api : this.#file;
    this.#roles.set(role, await Role.start(role, where, this.#namespace?.netns.fd));
    if (role !== "lb") return;
    this.#control?.close();
    this.#control = new ControlClient({ socket: join(this.#folder, PATHS.control), timeoutMs: 20_000 });
  }

  async close(): Promise<void> {
    this.#client?.close();
    this.#control?.close();
    for (const role of this.#roles.values()) await role.end("SIGTERM");
    this.#namespace?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #measure(): Promise<Measure> {
    return this.#roles.get(this.#options.killed === "lb" ? "dataplane" : "lb")!.measure();
  }

  /** What it holds when connections of others, which end in their own time, are gone. */
  async #rest(start: Measure): Promise<Measure> {
    const deadline = Date.now() + SETTLE_MS;
    for (;;) {
      const now = await this.#measure();
      if ((now.fds <= start.fds && now.timers <= start.timers) || Date.now() > deadline) return now;
      await sleep(200);
    }
  }

  /** Memory in the one world that can be compared. */
  async #sample(): Promise<void> {
    await this.#settle(emptyWorld());
    await this.#settle(referenceWorld(this.#hosts));
    this.#samples.push(await this.#measure());
  }

  async #operation(): Promise<void> {
    const [name, run] = this.#choose();
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    const alone = this.#pending.size === 0;
    const work = run().catch((error: unknown) => this.#judge(name, error, alone && this.#pending.size <= 1));
    const tracked: Promise<void> = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
    if (this.#pending.size >= MOST_PENDING || this.#random.chance(0.8)) await Promise.all(this.#pending);
  }

  #choose(): [string, () => Promise<void>] {
    const random = this.#random;
    if (random.chance(KILL_SHARE)) return ["kill -9", () => this.#kill()];
    return random.weighted<[string, () => Promise<void>]>([
      [30, ["apply", () => this.#apply()]],
      [15, ["file", () => this.#changeFile()]],
      [4, ["bad file", () => this.#badFile()]],
      [8, ["drain", () => this.#drain()]],
      [20, ["sabotage", () => this.#sabotage()]],
      [8, ["look", () => this.#look()]],
      [5, ["plan", () => this.#plan()]],
      [3, ["explain", () => this.#explain()]],
    ]);
  }

  #note(text: string): void {
    this.#log.push(text);
  }

  /** What may fail: anything while somebody is away or others are at work; asking for what is not there, always. */
  #judge(name: string, error: unknown, alone: boolean): void {
    this.#note(`${name}: ${(error as Error).message}`);
    if (this.#disturbed || !alone) return;
    if (performance.now() - this.#fileMs < FILE_MS) return;
    if (error instanceof ControlError && (error.code === "INPUT" || error.reason === "NOT_FOUND")) return;
    throw new Error(
      `${name} failed where nothing was in its way: ${(error as Error).message}\n${this.#log.join("\n")}`,
      {
        cause: error,
      },
    );
  }

  async #kill(): Promise<void> {
    // Where starting takes long the next is due before this one is over.
    if (this.#killing) return;
    this.#killing = true;
    try {
      await this.#killAndStart();
    } finally {
      this.#killing = false;
    }
  }

  async #killAndStart(): Promise<void> {
    const { killed } = this.#options;
    this.#disturbed = true;
    this.#kills += 1;
    this.#note(`kill -9 ${killed}`);
    await this.#roles.get(killed)!.end("SIGKILL");
    if (killed === "dataplane") this.#saboteur.forget();
    else this.#write(this.#world);
    await this.#start(killed);
  }

  #next(): World {
    for (;;) {
      const next = mutate(this.#world, this.#random, this.#hosts);
      if (parseLbYaml(this.#yaml(next)).state === undefined) continue;
      this.#world = next;
      return next;
    }
  }

  async #apply(): Promise<void> {
    const before = this.#world;
    const world = this.#next();
    this.#note(`apply ${difference(before, world)}`);
    const { ok, refused, failed } = await this.#control.apply(this.#yaml(world));
    if (!ok) throw new Error(`not applied: ${refused ?? JSON.stringify(failed)}`);
  }

  #changeFile(): Promise<void> {
    const before = this.#world;
    const world = this.#next();
    this.#note(`file ${difference(before, world)}`);
    this.#write(world);
    return Promise.resolve();
  }

  #badFile(): Promise<void> {
    // A controller does not start with a file that is bad.
    if (this.#killing) return Promise.resolve();
    this.#fileMs = performance.now();
    const kind = this.#random.below(3);
    this.#note(`bad file ${kind}`);
    if (kind === 0) rmSync(this.#file, { force: true });
    else writeFileSync(this.#file, kind === 1 ? "vips: [" : "vips: [{ prefix: 10.2.2.0/24, encap: nat9 }]");
    return Promise.resolve();
  }

  async #drain(): Promise<void> {
    const { vips } = this.#world;
    const servers = [...vips, ...this.#world.streams].flatMap((vip) => vip.servers);
    if (servers.length === 0) return;
    const { address } = this.#random.pick(servers);
    const undo = this.#random.chance(0.5);
    const deadlineMs = this.#random.chance(0.3) ? 50 + this.#random.below(200) : undefined;
    this.#note(`drain ${address} ${undo ? "undo" : ""} ${deadlineMs ?? ""}`);
    await this.#control.drain(address, undo ? { undo } : deadlineMs === undefined ? {} : { deadlineMs });
  }

  async #sabotage(): Promise<void> {
    this.#note(await this.#saboteur.act(this.#world));
  }

  async #look(): Promise<void> {
    const kind = this.#random.pick([
      "vips",
      "streams",
      "flows",
      "servers",
      "interfaces",
      "bridges",
      "routes",
      "status",
      "http",
    ] as const);
    if (kind === "status") await this.#control.status();
    else if (kind === "http") await scrape(this.#http);
    else await this.#control.get(kind);
  }

  async #plan(): Promise<void> {
    const { refused } = await this.#control.plan(this.#yaml(mutate(this.#world, this.#random, this.#hosts)));
    void refused;
  }

  async #explain(): Promise<void> {
    const dst = this.#random.pick(["10.2.0.7", "10.2.3.1", "10.77.0.1"]);
    await this.#control.explain({
      src: "192.0.2.1",
      dst,
      protocol: "tcp",
      srcPort: 1 + this.#random.below(60_000),
      dstPort: 80,
    });
  }

  #yaml(world: World): string {
    // Another text each time: a file that is as it was is not read again.
    return `# ${++this.#sequence}\n${JSON.stringify(documentOf(world, this.#folder))}\n`;
  }

  #write(world: World): void {
    this.#fileMs = performance.now();
    writeFileSync(`${this.#file}.new`, this.#yaml(world));
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** The file says `world`, and VPP holds it, seen with eyes other than the controller's. */
  async #settle(world: World): Promise<void> {
    await Promise.all(this.#pending);
    this.#world = world;
    const since = Date.now();
    this.#write(world);
    const deadline = since + SETTLE_MS;
    let difference = "the controller did not answer";
    for (;;) {
      try {
        difference = await this.#difference(world, since);
        if (difference === "") break;
      } catch (error) {
        difference = (error as Error).message;
      }
      if (Date.now() > deadline) {
        const tail = this.#log.slice(-60).join("\n");
        assert.fail(
          `VPP is not as desired after ${SETTLE_MS} ms (seed ${this.#options.seed}):\n${difference}\n${tail}`,
        );
      }
      await sleep(10);
    }
    this.#checks += 1;
    this.#disturbed = false;
    this.#log = [];
  }

  /** "" where VPP is as desired. */
  async #difference(world: World, since: number): Promise<string> {
    const status = await this.#control.status();
    const { sync, config } = status;
    const loaded = Date.parse(config.loadedAt ?? "");
    if (!(loaded >= since)) return `the file was not read: ${config.error ?? config.loadedAt}`;
    if (sync.state !== "in-sync" || !(Date.parse(sync.lastObservedAt ?? "") >= loaded)) return JSON.stringify(sync);
    const isDrained = (vip: WorldVip, address: string) =>
      status.drains.some((drain) => drain.server === address && (drain.vip === undefined || drain.vip === vipKey(vip)));
    const ofStream = (stream: string, address: string) =>
      status.drains.some((drain) => drain.server === address && (drain.vip === undefined || drain.vip === stream));
    const wanted = expected(world, isDrained, ofStream, this.#client.has("lb_as_set_weight"));
    const found = (await held(this.#client)).filter((line) => world.steered.length === 0 || !isSteering(line));
    const missing = wanted.filter((line) => !found.includes(line)).map((line) => `- ${line}`);
    const extra = found.filter((line) => !wanted.includes(line)).map((line) => `+ ${line}`);
    return [...missing, ...extra, ...(await this.#saboteur.foreignMissing())].join("\n");
  }

  /** Drains of servers that are gone end by themselves. */
  async #undrain(): Promise<void> {
    const { drains } = await this.#control.status();
    assert.deepEqual(drains, [], "drains without their servers");
  }
}
