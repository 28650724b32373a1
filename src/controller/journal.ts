import { z } from "zod";
import {
  memifNote,
  routeKey,
  UNKNOWN_MEMIF,
  vipKey,
  type DesiredLbConf,
  type Operation,
  type OwnedObjects,
} from "../bridge/index.ts";
import type { JournalSections } from "../history/index.ts";
import { fromSections, toSections } from "./journal-sections.ts";

/** One life of a VPP process: what is ours in one is not in the next. */
export interface Incarnation {
  readonly pid: number;
  /** Unix time at which VPP started, by its own uptime; absent where it does not tell. */
  readonly startedAtMs?: number;
  /** The same on a clock that nobody sets: the machine's boot, and ms from there. */
  readonly boot?: string;
  readonly startedAfterBootMs?: number;
  /** Since when it runs, as it says; not kept. */
  readonly uptimeMs?: number;
}

export interface DrainRecord {
  readonly server: string;
  readonly vip?: string | undefined;
  readonly sinceMs: number;
  readonly deadlineMs?: number | undefined;
  readonly flush: boolean;
}

/** Lists that an older file does not have are empty. */
const strings = z.array(z.string()).default([]);
const fileSchema = z.object({
  version: z.literal(1),
  vpp: z
    .object({
      pid: z.number(),
      startedAtMs: z.number().optional(),
      boot: z.string().optional(),
      startedAfterBootMs: z.number().optional(),
    })
    .optional(),
  owned: z.object({
    vips: strings,
    routes: strings,
    neighbors: strings,
    pendingInterfaces: strings,
    bridges: z.array(z.number()).default([]),
    abfPolicies: z.array(z.number()).default([]),
    memifSockets: z.array(z.number()).default([]),
    /** Name and note of each. */
    memifs: z.array(z.tuple([z.string(), z.string()])).default([]),
    lbConf: z
      .object({ ip4Source: z.string(), ip6Source: z.string(), stickyBuckets: z.number(), flowTimeoutS: z.number() })
      .optional(),
  }),
  /** Addresses of streams and flows inside VPP: they stay the same over restarts of VPP too. */
  assigned: z.record(z.string(), z.string()).default({}),
  /** Per VIP what was last accepted: tells a change of configuration from drift. */
  accepted: z.record(z.string(), z.string()),
  /** VIPs whose change is under way in steps. */
  pacing: strings,
  drains: z.array(
    z.object({
      server: z.string(),
      vip: z.string().optional(),
      sinceMs: z.number(),
      deadlineMs: z.number().optional(),
      flush: z.boolean(),
    }),
  ),
});

type JournalFile = z.infer<typeof fileSchema>;

/** Two starts this close are one: clocks are read at different moments, and VPP's drifts by so much of its uptime. */
const SAME_START_MS = 5000;
const DRIFT = 1e-5;

/**
 * What of VPP's untagged objects is ours, over restarts of the controller. It is in the state file before operations
 * (what they are going to make is ours from then on) and after them, so that at whatever moment we die the next one
 * knows.
 */
export class Journal {
  vpp: Incarnation | undefined;
  readonly vips = new Set<string>();
  readonly routes = new Set<string>();
  readonly neighbors = new Set<string>();
  readonly pendingInterfaces = new Set<string>();
  readonly bridges = new Set<number>();
  readonly abfPolicies = new Set<number>();
  readonly memifSockets = new Set<number>();
  readonly memifs = new Map<string, string>();
  readonly assigned = new Map<string, string>();
  lbConf: DesiredLbConf | undefined;
  readonly accepted = new Map<string, string>();
  readonly pacing = new Set<string>();
  drains: readonly DrainRecord[] = [];

  /** What a state file has of it. @returns also why it begins anew, where it does */
  static of(sections: JournalSections): { journal: Journal; warning?: string } {
    const journal = new Journal();
    const parsed = fileSchema.safeParse(fromSections(sections));
    if (!parsed.success) return { journal, warning: "the journal could not be understood and begins anew" };
    journal.#assign(parsed.data);
    return { journal };
  }

  /** One that nothing is in yet. */
  static empty(): Journal {
    return new Journal();
  }

  /** For the state file. */
  toSections(): JournalSections {
    return toSections(this.#toFile());
  }

  get owned(): OwnedObjects {
    const { vips, routes, neighbors, pendingInterfaces, bridges, abfPolicies, assigned, lbConf } = this;
    const { memifSockets, memifs } = this;
    const sets = { vips, routes, neighbors, pendingInterfaces, bridges, abfPolicies, assigned, memifSockets, memifs };
    return { ...sets, ...(lbConf === undefined ? {} : { lbConf }) };
  }

  /** Whether this VPP is the one of the journal; if not, nothing in it is ours yet. */
  meet(vpp: Incarnation): boolean {
    if (this.vpp !== undefined && isSame(this.vpp, vpp)) {
      if (this.vpp.boot === undefined) this.vpp = vpp;
      return true;
    }
    this.vpp = vpp;
    for (const set of [this.vips, this.routes, this.neighbors, this.pendingInterfaces, this.bridges, this.abfPolicies])
      set.clear();
    this.memifSockets.clear();
    this.memifs.clear();
    this.lbConf = undefined;
    return false;
  }

  /** Notes what the operations will make, before they do. */
  begin(operations: readonly Operation[]): void {
    for (const { action, kind, verb, object } of operations) {
      // What is created and what is changed: both are ours from here on.
      if (action.type === "interface-create") {
        this.pendingInterfaces.add(action.interface.name);
        if (action.interface.kind === "memif") this.memifs.set(action.interface.name, UNKNOWN_MEMIF);
      } else if (action.type === "memif-socket") this.memifSockets.add(action.socket.id);
      else if (action.type === "bridge-create") this.bridges.add(action.bridge.id);
      else if (action.type === "abf-policy-create") this.abfPolicies.add(action.id);
      if (verb === "delete") continue;
      if (action.type === "vip-create") this.vips.add(vipKey(action.vip));
      else if (action.type === "route") this.routes.add(routeKey(action.route));
      else if (kind === "neighbor") this.neighbors.add(object);
    }
  }

  /** Notes what operations have done. */
  done(operation: Operation): void {
    const { action, kind, verb, object } = operation;
    if (action.type === "interface-create") {
      this.pendingInterfaces.delete(action.interface.name);
      if (action.interface.kind === "memif") this.memifs.set(action.interface.name, memifNote(action.interface.memif));
    } else if (action.type === "interface-delete") {
      if (!this.pendingInterfaces.has(action.name)) this.memifs.delete(action.name);
    } else if (action.type === "memif-socket" && !action.add && verb === "delete")
      this.memifSockets.delete(action.socket.id);
    else if (action.type === "interface-tag") this.pendingInterfaces.delete(action.name);
    else if (action.type === "bridge-delete") this.bridges.delete(action.id);
    else if (action.type === "abf-policy-delete") this.abfPolicies.delete(action.id);
    else if (action.type === "lb-conf") this.lbConf = action.conf;
    if (verb !== "delete") return;
    if (action.type === "vip-delete") this.vips.delete(vipKey(action.vip));
    else if (action.type === "route") this.routes.delete(routeKey(action.route));
    else if (kind === "neighbor") this.neighbors.delete(object);
  }

  #assign(file: JournalFile): void {
    const { owned } = file;
    this.vpp = file.vpp && kept(file.vpp);
    owned.vips.forEach((key) => this.vips.add(key));
    owned.routes.forEach((key) => this.routes.add(key));
    owned.neighbors.forEach((key) => this.neighbors.add(key));
    owned.pendingInterfaces.forEach((name) => this.pendingInterfaces.add(name));
    owned.bridges.forEach((id) => this.bridges.add(id));
    owned.abfPolicies.forEach((id) => this.abfPolicies.add(id));
    owned.memifSockets.forEach((id) => this.memifSockets.add(id));
    owned.memifs.forEach(([name, note]) => this.memifs.set(name, note));
    for (const [key, address] of Object.entries(file.assigned)) this.assigned.set(key, address);
    this.lbConf = owned.lbConf;
    for (const [key, digest] of Object.entries(file.accepted)) this.accepted.set(key, digest);
    file.pacing.forEach((key) => this.pacing.add(key));
    this.drains = file.drains;
  }

  #toFile(): JournalFile {
    return {
      version: 1,
      ...(this.vpp === undefined ? {} : { vpp: kept(this.vpp) }),
      owned: {
        vips: [...this.vips].sort(),
        routes: [...this.routes].sort(),
        neighbors: [...this.neighbors].sort(),
        pendingInterfaces: [...this.pendingInterfaces].sort(),
        bridges: [...this.bridges].sort((a, b) => a - b),
        abfPolicies: [...this.abfPolicies].sort((a, b) => a - b),
        memifSockets: [...this.memifSockets].sort((a, b) => a - b),
        memifs: [...this.memifs].sort(),
        ...(this.lbConf === undefined ? {} : { lbConf: this.lbConf }),
      },
      assigned: Object.fromEntries([...this.assigned].sort()),
      accepted: Object.fromEntries([...this.accepted].sort()),
      pacing: [...this.pacing].sort(),
      drains: [...this.drains],
    };
  }
}

/** Wall clocks are set now and then, so they decide only where there is no better. */
function isSame(a: Incarnation, b: Incarnation): boolean {
  if (a.pid !== b.pid) return false;
  const toleranceMs = SAME_START_MS + DRIFT * (b.uptimeMs ?? 0);
  const near = (one = 0, other = 0) => Math.abs(one - other) <= toleranceMs;
  if (a.boot !== undefined && b.boot !== undefined)
    return a.boot === b.boot && near(a.startedAfterBootMs, b.startedAfterBootMs);
  return near(a.startedAtMs, b.startedAtMs);
}

/** What the file has of it. */
function kept(vpp: NonNullable<JournalFile["vpp"]> | Incarnation): Incarnation {
  return {
    pid: vpp.pid,
    ...(vpp.startedAtMs === undefined ? {} : { startedAtMs: vpp.startedAtMs }),
    ...(vpp.boot === undefined ? {} : { boot: vpp.boot }),
    ...(vpp.startedAfterBootMs === undefined ? {} : { startedAfterBootMs: vpp.startedAfterBootMs }),
  };
}

/** An old journal's text, one of JSON, as sections; undefined where it is none. */
export function readOldJournal(text: string): JournalSections | undefined {
  try {
    return toSections(fileSchema.parse(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
