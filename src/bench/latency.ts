import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VppClient } from "vpp-api-ts";
import { ControlClient } from "../control/index.ts";
import { Namespace } from "../kernel/namespace.ts";
import { getAffinity, setAffinity } from "../sys/affinity.ts";
import { BenchError } from "./errors.ts";
import { timeFigure, type Figure } from "./figure.ts";
import { sleep } from "./forwarding.ts";
import { configure, type Program } from "./forwarding-vpp.ts";
import { FreshFlows, type Tally } from "./fresh-flows.ts";
import { takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";
import { end } from "./target.ts";

const VIP = "10.2.2.0/24";
const KEPT = ["10.60.1.1", "10.60.1.2"];
/** A server for each way to change, so that none meets what another one left. */
const CHANGED = { file: "10.60.1.3", apply: "10.60.1.4", cli: "10.60.1.5" } as const;
const SERVERS = 6;
const PACKETS_PER_S = 4000;
/** No packet of a flow that is new for so long: the change is there. */
const QUIET_MS = 400;
const MOST_ROUNDS = 7;

type Way = keyof typeof CHANGED;
type Times = Record<Way, number[]>;
/** Adds a server, lets no new flow to it, or forgets it. Resolves once it is told, or done. */
type Change = (to: "up" | "down" | "gone") => Promise<unknown>;

/** How long one server's change takes to show in the packets, under traffic of new flows; and that it loses none. */
export async function benchLatency(context: BenchContext): Promise<Figure[]> {
  const figures = await oneDataplane("embedded", embedded(), context);
  if (context.vppCommand === undefined) return figures;
  const vpp = { program: context.vppCommand, args: [] };
  return [...figures, ...(await oneDataplane("VPP", vpp, context))];
}

function embedded(): Program {
  return { program: process.execPath, args: roleArgs("dataplane") };
}

function roleArgs(role: string): string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return [...process.execArgv, fileURLToPath(new URL(`./role.${extension}`, import.meta.url)), role];
}

async function oneDataplane(name: string, { program, args }: Program, context: BenchContext): Promise<Figure[]> {
  const spaces = await openSpaces();
  const [generator, middle, sink] = spaces;
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const children: ChildProcess[] = [];
  try {
    await generator.addVeth({ name: "g", peer: { name: "in", namespace: middle } });
    await middle.addVeth({ name: "out", peer: { name: "s", namespace: sink } });
    const cpus = getAffinity();
    // VPP stays on the CPU on which it is started.
    if (cpus.length > 1) setAffinity([cpus[0]!]);
    const dataplane = middle.spawn(program, [...args, directory], { stdio: "ignore" });
    if (cpus.length > 1) setAffinity(cpus);
    dataplane.once("error", () => undefined);
    children.push(dataplane);
    await configure(join(directory, "api.sock"), undefined, { servers: SERVERS });
    const file = join(directory, "lb.yaml");
    writeFileSync(file, lbYaml(directory));
    children.push(spawn(process.execPath, [...roleArgs("lb"), file], { stdio: "ignore" }));
    const flows = new FreshFlows(generator, sink, PACKETS_PER_S);
    try {
      return await measure(name, directory, flows, context);
    } finally {
      flows.close();
    }
  } finally {
    for (const child of children.reverse()) await end(child);
    rmSync(directory, { recursive: true, force: true });
    for (const space of spaces) space.close();
  }
}

/** @throws BenchError SKIP where namespaces are not permitted */
async function openSpaces(): Promise<[Namespace, Namespace, Namespace]> {
  try {
    const [generator, middle, sink] = [
      Namespace.create("generator"),
      Namespace.create("vpp"),
      Namespace.create("sink"),
    ];
    return await Promise.all([generator, middle, sink]);
  } catch (cause) {
    throw new BenchError("SKIP", `needs root, for network namespaces: ${(cause as Error).message}`, { cause });
  }
}

async function measure(name: string, directory: string, flows: FreshFlows, context: BenchContext): Promise<Figure[]> {
  const client = new VppClient({ socket: join(directory, "api.sock"), name: "bench", probe: false });
  const control = new ControlClient({ socket: join(directory, "control.sock") });
  try {
    await client.connect({ deadlineMs: 5000 });
    // The controller takes over the VIP, with the servers of its file.
    await flows.until("traffic to the kept servers alone", () => settled(flows), 60_000);
    context.say(`latency: ${name}: traffic flows`);
    flows.begin();
    const changes = waysToChange(directory, client, control);
    const downs: Times = { file: [], apply: [], cli: [] };
    const turn = (way: Way) => async () => {
      const { upMs, downMs } = await oneChange(flows, CHANGED[way], changes[way]);
      downs[way].push(downMs);
      return upMs;
    };
    const turns = Math.min(context.rounds, MOST_ROUNDS);
    const ups = await takeTurns(turns, { file: turn("file"), apply: turn("apply"), cli: turn("cli") });
    // The first turn, in which things warm up, does not count.
    for (const way of Object.keys(downs) as Way[]) downs[way].shift();
    return [...figuresOf(name, ups, downs), ...lost(name, await flows.finish())];
  } finally {
    client.close();
    control.close();
  }
}

function settled(flows: FreshFlows): boolean {
  const sinceMs = (server: string) => performance.now() - (flows.arrivals(server)?.lastMs ?? 0);
  const others = ["10.60.1.0", ...Object.values(CHANGED)];
  return KEPT.every((one) => sinceMs(one) < QUIET_MS) && others.every((one) => sinceMs(one) > 2 * QUIET_MS);
}

function waysToChange(directory: string, client: VppClient, control: ControlClient): Record<Way, Change> {
  const cli = async (to: "up" | "down" | "gone") => {
    if (to === "gone") return;
    const cmd = `lb as ${VIP} ${CHANGED.cli}${to === "down" ? " del" : ""}`;
    const { reply } = await client.request("cli_inband", { cmd });
    if (reply !== "") throw new BenchError("PEER", `${cmd}: ${reply}`);
  };
  const file = async (to: "up" | "down" | "gone") => {
    writeFileSync(join(directory, "next.yaml"), lbYaml(directory, CHANGED.file, to));
    renameSync(join(directory, "next.yaml"), join(directory, "lb.yaml"));
  };
  return { cli, file, apply: (to) => control.apply(lbYaml(directory, CHANGED.apply, to)) };
}

async function oneChange(flows: FreshFlows, server: string, change: Change): Promise<{ upMs: number; downMs: number }> {
  flows.forget(server);
  const upAtMs = performance.now();
  const told = change("up");
  await Promise.all([told, flows.until(`a packet to ${server}`, () => flows.arrivals(server) !== undefined)]);
  const upMs = flows.arrivals(server)!.firstMs - upAtMs;
  await sleep(QUIET_MS);
  const downAtMs = performance.now();
  await change("down");
  await flows.until(`no packet to ${server}`, () => performance.now() - flows.arrivals(server)!.lastMs > QUIET_MS);
  const downMs = flows.arrivals(server)!.lastMs - downAtMs;
  await change("gone");
  await sleep(QUIET_MS);
  return { upMs, downMs };
}

function figuresOf(name: string, ups: Times, downs: Times): Figure[] {
  const beside = (times: Times) => ({ name: "lb as", values: times.cli });
  return [
    timeFigure(`${name}, server added by apply, its first packet`, ups.apply, beside(ups)),
    timeFigure(`${name}, server down by apply, its last new flow`, downs.apply, beside(downs)),
    timeFigure(`${name}, server added in lb.yaml, its first packet`, ups.file, beside(ups)),
    timeFigure(`${name}, server down in lb.yaml, its last new flow`, downs.file, beside(downs)),
  ];
}

function lost(name: string, { sent, lostBefore, lostSince }: Tally): Figure[] {
  const figure = (title: string, ours: number) => ({ name: `${name}, ${title}`, unit: "packets", ours, goal: "none" });
  return [
    figure(`lost in the changes, of ${sent.toLocaleString("en-US")} sent`, lostSince),
    figure("lost before, while the controller starts", lostBefore),
  ];
}

/** Interfaces are there; the VIP is as `configure` made it. No repair, which would find what the CLI added. */
function lbYaml(directory: string, changed?: string, to: "up" | "down" | "gone" = "gone"): string {
  const more = changed === undefined || to === "gone" ? [] : [to === "up" ? changed : { address: changed, state: to }];
  return JSON.stringify({
    vpp: { api: join(directory, "api.sock") },
    control: { socket: join(directory, "control.sock") },
    state: { journal: join(directory, "state.sqlite") },
    ownership: { prefixes: [VIP] },
    repair: { periodMs: 3_600_000 },
    lb: { manage: false },
    vips: [{ prefix: VIP, encap: "gre4", tableSize: 1024, servers: [...KEPT, ...more] }],
  });
}
