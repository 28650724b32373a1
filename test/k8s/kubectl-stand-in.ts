/** A `kubectl` for scripts, in front of pods that run here: wait, get pods, exec. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "./pod.ts";

const PROGRAM = `#!/usr/bin/env node
const pods = require("./pods.json");
const { spawnSync } = require("node:child_process");
const words = process.argv.slice(2);
const end = words.indexOf("--");
const args = end < 0 ? words : words.slice(0, end);
const after = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
const chosen = pods.filter((pod) => pod.app === after("-l")?.split("=")[1]);
if (args[0] === "wait") process.exit(chosen.length > 0 ? 0 : 1);
if (args[0] === "get") for (const pod of chosen) console.log(after("-o") === "name" ? "pod/" + pod.name : pod.name);
else if (args[0] === "exec") {
  const pod = pods.find((one) => "pod/" + one.name === args[1]);
  const { pid, env } = pod.containers[after("-c") ?? pod.app];
  const enter = ["-t", String(pid), "--mount", "--net", "--pid", "--uts", "--ipc", "--root", "--wd=/"];
  process.exit(spawnSync("nsenter", [...enter, ...words.slice(end + 1)], { env, stdio: "inherit" }).status ?? 1);
} else process.exit(64);
`;

/** @returns a directory for PATH */
export function kubectlStandIn(folder: string, pods: readonly { readonly app: string; readonly pod: Pod }[]): string {
  const place = join(folder, "kubectl");
  mkdirSync(place, { recursive: true });
  const list = pods.map(({ app, pod }) => {
    const running = [...pod.containers.values()].filter((one) => one.pid !== undefined);
    const containers = running.map((one) => [one.name, { pid: one.pid, env: pod.env(one.name) }] as const);
    return { app, name: pod.options.name, containers: Object.fromEntries(containers) };
  });
  writeFileSync(join(place, "pods.json"), JSON.stringify(list));
  writeFileSync(join(place, "kubectl"), PROGRAM);
  chmodSync(join(place, "kubectl"), 0o755);
  return place;
}
