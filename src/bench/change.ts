import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filter, firstValueFrom, take, toArray } from "rxjs";
import { parseLbYaml } from "../config/index.ts";
import { Controller } from "../controller/index.ts";
import { BenchError } from "./errors.ts";
import type { Figure } from "./figure.ts";
import { median, milliseconds } from "./rounds.ts";
import type { BenchContext } from "./section.ts";
import { serve, type Served } from "./target.ts";

const VIPS = 50;
const SERVERS = 1000;
const TABLE_SIZE = 65_536;
const MOST_ROUNDS = 7;
const FIRST_DEADLINE_MS = 120_000;
const LOOK_MS = 1000;
const LOOKS = 5;

/** A controller of many VIPs: how long one server's change takes, and what a look costs where nothing changes. */
export async function benchChange(context: BenchContext): Promise<Figure[]> {
  const { vppCommand } = context;
  const vpp = await (vppCommand === undefined
    ? serve(process.execPath, (at) => roleArgs(at), "the embedded dataplane")
    : serve(vppCommand, (at) => [at], vppCommand));
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  try {
    return await measure(vpp, join(directory, "state.sqlite"), context);
  } finally {
    await vpp.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function roleArgs(where: string): string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return [
    ...process.execArgv.filter((one) => !one.startsWith("--cpu-prof")),
    fileURLToPath(new URL(`./role.${extension}`, import.meta.url)),
    "dataplane",
    where,
  ];
}

async function measure(vpp: Served, journal: string, { rounds, say }: BenchContext): Promise<Figure[]> {
  const controller = await Controller.start({
    socket: vpp.socket,
    journal,
    parse: parseLbYaml,
    repairPeriodMs: LOOK_MS,
    requestTimeoutMs: 60_000,
  });
  try {
    await controller.load(lbYaml(0));
    await synced(controller);
    say(`change: ${VIPS} VIPs with ${SERVERS} servers each are there`);
    const [wall, cpu]: [number[], number[]] = [[], []];
    for (let round = 1; round <= Math.min(rounds, MOST_ROUNDS); round++) {
      const text = lbYaml(round);
      const before = process.cpuUsage();
      wall.push(await milliseconds(() => controller.load(text)));
      cpu.push(sinceMs(before));
      await synced(controller);
    }
    const look = await lookMs(controller);
    const title = `${VIPS} VIPs x ${SERVERS} servers`;
    return [
      { name: `${title}, one server changed`, unit: "ms", ours: median(wall), goal: "<= 700 ms" },
      { name: `${title}, one server changed, CPU`, unit: "ms", ours: median(cpu) },
      { name: `${title}, a look where nothing changed, CPU`, unit: "ms", ours: look, goal: "<= 100 ms" },
    ];
  } finally {
    await controller.close();
  }
}

function sinceMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function synced(controller: Controller): Promise<void> {
  const endMs = performance.now() + FIRST_DEADLINE_MS;
  for (;;) {
    const { state } = controller.status().sync;
    if (state === "in-sync") return;
    if (performance.now() > endMs) throw new BenchError("PEER", `the controller did not get there: ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function lookMs(controller: Controller): Promise<number> {
  const runs$ = controller.measurements$.pipe(filter((one) => one.type === "run"));
  await firstValueFrom(runs$);
  const before = process.cpuUsage();
  await firstValueFrom(runs$.pipe(take(LOOKS), toArray()));
  return sinceMs(before) / LOOKS;
}

/** @param version of the last server of the last VIP */
function lbYaml(version: number): string {
  const address = (vip: number, server: number) => `10.${64 + vip}.${server >> 8}.${server & 255}`;
  const vips = Array.from({ length: VIPS }, (_, vip) => {
    const last = vip === VIPS - 1 ? SERVERS + version : SERVERS;
    const servers = Array.from({ length: SERVERS }, (_, at) => address(vip, at === SERVERS - 1 ? last : at + 1));
    const lines = servers.map((server) => `      - ${server}`).join("\n");
    return `  - prefix: 192.0.2.${vip + 1}/32\n    encap: gre4\n    tableSize: ${TABLE_SIZE}\n    servers:\n${lines}`;
  });
  return `lb:\n  ip4Source: 198.18.0.1\nvips:\n${vips.join("\n")}\n`;
}
