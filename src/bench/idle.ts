import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchError } from "./errors.ts";
import type { Figure } from "./figure.ts";
import type { BenchContext } from "./section.ts";
import { end, serve } from "./target.ts";

/** Until what starting left behind is collected, and the first repair is over. */
const SETTLE_MS = 5000;
const WATCH_MS = 10_000;
const READY_DEADLINE_MS = 15_000;
/** USER_HZ: what /proc counts CPU time in. */
const TICKS_PER_S = 100;

/** What a controller and its embedded dataplane take while nothing happens. */
export async function benchIdle({ say }: BenchContext): Promise<Figure[]> {
  if (!existsSync("/proc/self/smaps_rollup")) throw new BenchError("SKIP", "needs /proc/PID/smaps_rollup (Linux 4.14)");
  const directory = mkdtempSync(join(tmpdir(), "vpplb-bench-"));
  const dataplane = await serve(process.execPath, (at) => roleArgs("dataplane", at), "the embedded dataplane");
  const file = join(directory, "lb.yaml");
  const control = join(directory, "control.sock");
  writeFileSync(file, lbYaml(dataplane.socket, control, join(directory, "journal.json")));
  const controller = spawn(process.execPath, [...roleArgs("lb", file)], { stdio: "ignore" });
  try {
    await appears(control, () => controller.exitCode === null);
    say(`idle: watching for ${(SETTLE_MS + WATCH_MS) / 1000} s`);
    return await watch(dataplane.pid, controller.pid!);
  } finally {
    await end(controller);
    await dataplane.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function roleArgs(role: string, where: string): string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return [...process.execArgv, fileURLToPath(new URL(`./role.${extension}`, import.meta.url)), role, where];
}

/** The demo's kind of setting: a bridge domain with its loopback, and a VIP with ten servers. */
function lbYaml(api: string, control: string, journal: string): string {
  const servers = Array.from({ length: 10 }, (_, i) => `10.60.1.${i + 2}`);
  return JSON.stringify({
    vpp: { api },
    control: { socket: control },
    state: { journal },
    lb: { ip4Source: "10.60.1.1" },
    bridges: [{ id: 1 }],
    interfaces: [{ loopback: 0, addresses: ["10.60.1.1/24"], bridge: { id: 1, bvi: true } }],
    vips: [{ prefix: "10.2.2.0/24", encap: "gre4", tableSize: 1024, servers }],
  });
}

async function appears(path: string, alive: () => boolean): Promise<void> {
  const endMs = performance.now() + READY_DEADLINE_MS;
  while (!existsSync(path)) {
    if (!alive() || performance.now() > endMs) throw new BenchError("PEER", "the controller did not start");
    await sleep(50);
  }
}

interface Usage {
  readonly residentMb: number;
  /** What no other process has mapped. */
  readonly privateMb: number;
  readonly cpuTicks: number;
}

async function watch(dataplanePid: number, controllerPid: number): Promise<Figure[]> {
  await sleep(SETTLE_MS);
  const before = [usage(dataplanePid), usage(controllerPid)] as const;
  const startedMs = performance.now();
  await sleep(WATCH_MS);
  const elapsedS = (performance.now() - startedMs) / 1000;
  const [dataplane, controller] = [usage(dataplanePid), usage(controllerPid)] as const;
  const cpu = (now: Usage, then: Usage): number => ((now.cpuTicks - then.cpuTicks) / TICKS_PER_S / elapsedS) * 100;
  // The program's text and read-only data are the same pages in both.
  const shared = Math.max(dataplane.residentMb - dataplane.privateMb, controller.residentMb - controller.privateMb);
  return [
    { name: "dataplane, resident", unit: "MB", ours: dataplane.residentMb },
    { name: "controller, resident", unit: "MB", ours: controller.residentMb },
    {
      name: "both, resident, shared pages once",
      unit: "MB",
      ours: dataplane.privateMb + controller.privateMb + shared,
      goal: "<= 90 MB",
    },
    { name: "dataplane, CPU", unit: "%", ours: cpu(dataplane, before[0]), goal: "< 1 %" },
    { name: "controller, CPU", unit: "%", ours: cpu(controller, before[1]), goal: "< 1 %" },
  ];
}

function usage(pid: number): Usage {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    residentMb: kb("Rss") / 1024,
    privateMb: (kb("Private_Clean") + kb("Private_Dirty")) / 1024,
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
