import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseLbVips, VppClient } from "vpp-api-ts";
import { stringify } from "yaml";
import { Namespace } from "../../../src/kernel/namespace.ts";
import { ensureNetAdmin } from "../../../src/kernel/privileges.ts";
import { Role, type Measure } from "../measure.ts";
import { Random } from "../random.ts";
import type { Order } from "./child.ts";
import type { FleetOptions, FleetState } from "./fleet.ts";

export interface NsmSoakOptions {
  readonly clients: number;
  /** Of them, those that ask for KERNEL, each with a namespace of its own. */
  readonly kernel: number;
  /** How long they come and go. */
  readonly durationMs: number;
  readonly seed: number;
  /** Of clients' tokens: each is refreshed after a fifth of it. */
  readonly lifetimeMs: number;
  /** Where for so long no role has come to hold less, all rest. Default 12,000: longer than anything is kept. */
  readonly restMs?: number;
  readonly say: (text: string) => void;
}

export const SOAK_ROLES = ["dataplane", "nsm", "nse", "clients"] as const;
export type SoakRole = (typeof SOAK_ROLES)[number];
type Measures = Readonly<Record<SoakRole, Measure>>;
/** What a process holds a whole number of. */
export const COUNTED = ["fds", "timers"] as const;

export interface NsmSoakResult {
  readonly counts: Readonly<Record<string, number>>;
  readonly rounds: number;
  /** All clients connected, in time. */
  readonly samples: readonly Measures[];
  readonly start: Measures;
  readonly end: Measures;
  /** As at the end, with one descriptor more that each role has lost on purpose: a judge who finds nothing is blind. */
  readonly leaking: Measures;
  /** What VPP and namespaces held before the first client and after the last. */
  readonly before: Held;
  readonly after: Held;
  readonly elapsedMs: number;
}

/** What connections leave in the dataplane and in its namespace. */
interface Held {
  readonly interfaces: number;
  readonly servers: number;
  readonly links: number;
}

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const VIPS = ["10.2.2.0/24", "2001:db8:2:2::/64"] as const;
const PREFIXES = ["10.60.0.0/22", "2001:db8:60::/64"] as const;
const LOOPBACK = { addresses: ["10.60.0.1/22", "2001:db8:60::1/64"], mac: "02:fe:00:00:00:02" } as const;
/** Each with the same share of the clients, so that rounds leave the same behind. */
const SHARE_LEAVES = 0.15;
const SHARE_CRASHES = 0.02;
const SHARE_AGAIN = 0.1;
/** A call lives no longer than half of its token: enough for a busy machine. */
const MORTAL_LIFETIME_MS = 12_000;
const ORDER_MS = 600_000;
const SETTLE_MS = 120_000;
/** Longer than what outlives its connection is kept: descriptors that nobody took, idle channels. */
const REST_MS = 12_000;

/** Clients connect, refresh, leave and crash against one endpoint. @throws AssertionError where something does not settle */
export async function nsmSoak(options: NsmSoakOptions): Promise<NsmSoakResult> {
  const run = new NsmSoak(options);
  const result = await run.run().catch(async (error: unknown) => {
    await run.close().catch(() => undefined);
    throw error;
  });
  await run.close();
  return result;
}

class NsmSoak {
  readonly #options: NsmSoakOptions;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), "vpplb-soak-"));
  readonly #api = join(this.#folder, "api.sock");
  readonly #manager = join(this.#folder, "nsm.io.sock");
  readonly #roles = new Map<SoakRole, Role>();
  #namespace: Namespace | undefined;
  #vpp!: VppClient;

  constructor(options: NsmSoakOptions) {
    const mayNamespaces = ensureNetAdmin().kind === "allowed";
    if (!mayNamespaces) options.say("without network namespaces every client asks for MEMIF");
    this.#options = mayNamespaces ? options : { ...options, kernel: 0 };
    this.#random = new Random(options.seed);
  }

  async run(): Promise<NsmSoakResult> {
    const startedMs = performance.now();
    await this.#open();
    const all = numbers(this.#options.clients);
    const before = await this.#held();
    const cold = await this.#measure();
    // What is loaded and allocated once is there after the first time.
    await this.#timed("connected", async () => {
      await this.#order({ what: "connect", numbers: all });
      await this.#settled(all.length);
    });
    await this.#timed("gone", async () => {
      await this.#order({ what: "leave", numbers: all });
      await this.#empty(before);
    });
    const start = await this.#atRest(cold);
    this.#options.say(`at rest: ${this.#line(start)}`);
    await this.#order({ what: "connect", numbers: all });
    const samples: Measures[] = [];
    let rounds = 0;
    for (const until = performance.now() + this.#options.durationMs; performance.now() < until; rounds += 1) {
      await this.#settled(all.length);
      samples.push(await this.#measure());
      if (rounds % 5 === 0) this.#options.say(`round ${rounds}: ${this.#line(samples.at(-1)!)}`);
      await this.#round(all);
    }
    await this.#settled(all.length);
    const { counts } = await this.#order({ what: "state" });
    await this.#order({ what: "leave", numbers: all });
    await this.#empty(before);
    const end = await this.#atRest(start);
    const after = await this.#held();
    const leaking = await this.#leak();
    const elapsedMs = performance.now() - startedMs;
    return { counts, rounds, samples, start, end, leaking, before, after, elapsedMs };
  }

  async #timed(what: string, work: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    await work();
    const { clients, say } = this.#options;
    say(`${clients} clients ${what} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  }

  /** Some leave, some crash, some ask again, and all come back. */
  async #round(all: readonly number[]): Promise<void> {
    const shuffled = [...all].sort(() => this.#random.next() - 0.5);
    const share = (part: number) => shuffled.splice(0, Math.max(1, Math.round(all.length * part)));
    const crashing = share(SHARE_CRASHES);
    const leaving = share(SHARE_LEAVES);
    await this.#order({ what: "leave", numbers: [...crashing, ...leaving] });
    await this.#order({ what: "connect", numbers: crashing, mortal: true });
    await this.#order({ what: "again", numbers: share(SHARE_AGAIN) });
    await this.#order({ what: "crash", numbers: crashing });
    await this.#order({ what: "connect", numbers: [...leaving, ...crashing] });
  }

  async #open(): Promise<void> {
    if (ensureNetAdmin().kind === "allowed") this.#namespace = await Namespace.create("soak");
    const file = join(this.#folder, "lb.yaml");
    writeFileSync(file, this.#yaml());
    await this.#start("dataplane", this.#api);
    await this.#start("nsm", this.#manager);
    await this.#start("nse", file);
    const { kernel, lifetimeMs } = this.#options;
    const service = "load-balancer";
    const fleet: FleetOptions = {
      ...{ url: `unix://${this.#manager}`, service, kernel, lifetimeMs },
      mortalLifetimeMs: MORTAL_LIFETIME_MS,
    };
    await this.#start("clients", JSON.stringify(fleet));
    this.#vpp = new VppClient({ socket: this.#api, name: "soak" });
    await this.#vpp.connect();
    const waited = Date.now() + SETTLE_MS;
    while (parseLbVips(await this.#vpp.cli("show lb vips verbose")).length < VIPS.length) {
      assert.ok(Date.now() < waited, "the VIPs are not in VPP");
      await sleep(50);
    }
  }

  async #start(role: SoakRole, where: string): Promise<void> {
    this.#roles.set(role, await Role.start(role, where, this.#namespace?.netns.fd, CHILD));
  }

  #yaml(): string {
    const servers = { tableSize: 1024, servers: [] };
    return stringify({
      vpp: { api: this.#api, requestTimeoutMs: 5000 },
      control: { socket: join(this.#folder, "control.sock") },
      state: { journal: join(this.#folder, "journal.json") },
      lb: { ip4Source: "10.60.0.1", ip6Source: "2001:db8:60::1" },
      bridges: [{ id: 1 }],
      interfaces: [{ loopback: 0, ...LOOPBACK, mtu: 1500, bridge: { id: 1, bvi: true } }],
      vips: [
        { prefix: VIPS[0], encap: "gre4", ...servers },
        { prefix: VIPS[1], encap: "gre6", ...servers },
      ],
      nsm: {
        name: "lb",
        service: "load-balancer",
        connectTo: `unix://${this.#manager}`,
        listen: `unix://${join(this.#folder, "nse.sock")}`,
        prefixes: PREFIXES,
        mechanisms: this.#options.kernel > 0 ? ["MEMIF", "KERNEL"] : ["MEMIF"],
        bridge: 1,
        insecure: true,
      },
    });
  }

  /** @throws where a role does not end by itself */
  async close(): Promise<void> {
    this.#vpp?.close();
    const stuck: string[] = [];
    for (const role of ["clients", "nse", "nsm", "dataplane"] as const)
      await this.#roles
        .get(role)
        ?.end("SIGTERM")
        .catch((error: unknown) => stuck.push(`${role}: ${(error as Error).message}`));
    this.#namespace?.close();
    rmSync(this.#folder, { recursive: true, force: true });
    if (stuck.length > 0) throw new Error(stuck.join("; "));
  }

  async #order(order: Order): Promise<FleetState> {
    const answer = (await this.#roles.get("clients")!.ask(order, ORDER_MS)) as FleetState | { failed: string };
    if ("failed" in answer) throw new Error(`${order.what}: ${answer.failed}`);
    return answer;
  }

  async #measure(): Promise<Measures> {
    const found: Partial<Record<SoakRole, Measure>> = {};
    for (const role of SOAK_ROLES) found[role] = await this.#roles.get(role)!.measure();
    return found as Measures;
  }

  async #leak(): Promise<Measures> {
    for (const role of SOAK_ROLES) await this.#roles.get(role)!.ask("leak");
    return this.#measure();
  }

  #line(measures: Measures): string {
    return SOAK_ROLES.map((role) => {
      const { heapBytes, externalBytes, rssBytes, fds, timers } = measures[role];
      const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
      return `${role} ${mb(heapBytes + externalBytes)}/${mb(rssBytes)} MB ${fds} fds ${timers} timers`;
    }).join(", ");
  }

  async #held(): Promise<Held> {
    let interfaces = 0;
    for await (const one of this.#vpp.dump("sw_interface_dump", { sw_if_index: 0xffffffff })) {
      void one;
      interfaces += 1;
    }
    const vips = parseLbVips(await this.#vpp.cli("show lb vips verbose")).filter(({ removed }) => !removed);
    const servers = vips.reduce((sum, vip) => sum + vip.servers.filter(({ removed }) => !removed).length, 0);
    return { interfaces, servers, links: (await this.#namespace?.links())?.length ?? 0 };
  }

  /** Every client is connected, its link is up, and it is a server of each VIP; who crashed is not. */
  async #settled(clients: number): Promise<void> {
    const memif = clients - this.#options.kernel;
    await this.#until("every client to be a server", async () => {
      const { connected, linksUp, addresses } = await this.#order({ what: "state" });
      const { servers, interfaces } = await this.#held();
      const same = new Set(addresses).size;
      const now = { connected, linksUp, addresses: addresses.length, same, servers, interfaces };
      const good =
        connected === clients &&
        linksUp === memif &&
        same === 2 * clients &&
        addresses.length === same &&
        servers === 2 * clients;
      return good ? undefined : now;
    });
  }

  async #empty(before: Held): Promise<void> {
    await this.#until("VPP to hold what it held at first", async () => {
      const now = await this.#held();
      return now.interfaces <= before.interfaces && now.servers <= before.servers && now.links <= before.links
        ? undefined
        : now;
    });
  }

  /**
   * What is held when connections of others, which end in their own time, are gone: when every role holds no more than
   * `enough`, or none has come to hold less for some time.
   */
  async #atRest(enough: Measures): Promise<Measures> {
    const { restMs = REST_MS } = this.#options;
    let least = await this.#measure();
    let sinceMs = performance.now();
    for (const deadlineMs = sinceMs + SETTLE_MS; performance.now() < deadlineMs; await sleep(500)) {
      const now = least;
      if (SOAK_ROLES.every((role) => COUNTED.every((what) => now[role][what] <= enough[role][what]))) break;
      if (performance.now() - sinceMs > restMs) break;
      const lower = leastOf(least, await this.#measure());
      if (SOAK_ROLES.some((role) => COUNTED.some((what) => lower[role][what] < now[role][what])))
        sinceMs = performance.now();
      least = lower;
    }
    return least;
  }

  /** @param look what is not yet so; undefined when all is */
  async #until(what: string, look: () => Promise<unknown>): Promise<void> {
    for (const deadline = Date.now() + SETTLE_MS; ; await sleep(100)) {
      const missing = await look();
      if (missing === undefined) return;
      if (Date.now() < deadline) continue;
      const { failures } = await this.#order({ what: "state" });
      throw new assert.AssertionError({
        message: `waiting for ${what}: ${JSON.stringify(missing)}\n${failures.join("\n")}`,
      });
    }
  }
}

/** Of each role what it held least of. */
function leastOf(before: Measures, now: Measures): Measures {
  const least = (role: SoakRole): Measure => ({
    ...now[role],
    fds: Math.min(before[role].fds, now[role].fds),
    timers: Math.min(before[role].timers, now[role].timers),
  });
  return { dataplane: least("dataplane"), nsm: least("nsm"), nse: least("nse"), clients: least("clients") };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
