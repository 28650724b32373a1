import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import type { DesiredLbConf, Operation, OwnedObjects } from "../bridge/index.ts";
import { ControllerError, messageOf } from "./errors.ts";

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

const strings = z.array(z.string());
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
    bridges: z.array(z.number()),
    abfPolicies: z.array(z.number()).default([]),
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
 * What of VPP's untagged objects is ours, over restarts of the controller. Written before operations (what they are
 * going to make is ours from then on) and after them, so that at whatever moment we die the next one knows.
 */
export class Journal {
  readonly path: string;
  vpp: Incarnation | undefined;
  readonly vips = new Set<string>();
  readonly routes = new Set<string>();
  readonly neighbors = new Set<string>();
  readonly pendingInterfaces = new Set<string>();
  readonly bridges = new Set<number>();
  readonly abfPolicies = new Set<number>();
  readonly assigned = new Map<string, string>();
  lbConf: DesiredLbConf | undefined;
  readonly accepted = new Map<string, string>();
  readonly pacing = new Set<string>();
  drains: readonly DrainRecord[] = [];
  #written = "";

  private constructor(path: string) {
    this.path = path;
  }

  /** One that nothing is in yet; read no file. */
  static empty(path: string): Journal {
    return new Journal(path);
  }

  /**
   * Reads the journal, or starts an empty one. One that cannot be understood is set aside, not deleted.
   * @throws ControllerError JOURNAL where the directory cannot be made or read
   */
  static async load(path: string): Promise<{ journal: Journal; warning?: string }> {
    const journal = new Journal(path);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const text = await readFile(path, "utf8");
      const parsed = parse(text);
      if (parsed === undefined) {
        const aside = `${path}.unreadable`;
        await rename(path, aside);
        return { journal, warning: `the journal ${path} could not be understood and was moved to ${aside}` };
      }
      journal.#assign(parsed);
      journal.#written = text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        throw new ControllerError(
          "JOURNAL",
          `cannot use the journal ${path}: ${messageOf(error)}. Set state.journal to a file that can be written`,
          { cause: error },
        );
      }
    }
    return { journal };
  }

  get owned(): OwnedObjects {
    const { vips, routes, neighbors, pendingInterfaces, bridges, abfPolicies, assigned, lbConf } = this;
    const sets = { vips, routes, neighbors, pendingInterfaces, bridges, abfPolicies, assigned };
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
    this.lbConf = undefined;
    return false;
  }

  /** Notes what the operations will make, before they do. */
  begin(operations: readonly Operation[]): void {
    for (const { action, kind, verb, object } of operations) {
      if (action.type === "interface-create") this.pendingInterfaces.add(action.interface.name);
      else if (action.type === "bridge-create") this.bridges.add(action.bridge.id);
      else if (action.type === "abf-policy-create") this.abfPolicies.add(action.id);
      if (verb === "delete") continue;
      if (kind === "vip") this.vips.add(object);
      else if (kind === "route") this.routes.add(object);
      else if (kind === "neighbor") this.neighbors.add(object);
    }
  }

  /** Notes what operations have done. */
  done(operation: Operation): void {
    const { action, kind, verb, object } = operation;
    if (action.type === "interface-create") this.pendingInterfaces.delete(action.interface.name);
    else if (action.type === "interface-tag") this.pendingInterfaces.delete(action.name);
    else if (action.type === "bridge-delete") this.bridges.delete(action.id);
    else if (action.type === "abf-policy-delete") this.abfPolicies.delete(action.id);
    else if (action.type === "lb-conf") this.lbConf = action.conf;
    if (verb !== "delete") return;
    if (kind === "vip") this.vips.delete(object);
    else if (kind === "route") this.routes.delete(object);
    else if (kind === "neighbor") this.neighbors.delete(object);
  }

  /** Writes the file if it differs: beside, flushed, then renamed over. @throws ControllerError JOURNAL */
  async save(): Promise<void> {
    const text = `${JSON.stringify(this.#toFile(), null, 1)}\n`;
    if (text === this.#written) return;
    const beside = `${this.path}.new`;
    try {
      const handle = await open(beside, "w", 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(beside, this.path);
      this.#written = text;
    } catch (error) {
      await unlink(beside).catch(() => undefined);
      throw new ControllerError("JOURNAL", `cannot write the journal ${this.path}: ${messageOf(error)}`, {
        cause: error,
      });
    }
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

function parse(text: string): JournalFile | undefined {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
