/**
 * `npm run peers`: builds the genuine peers that tests compare us with, with as much time as that takes, and gets what
 * they need from Debian where this user may install. What cannot be had is told; the tests then skip and say so too.
 */
import { spawnSync } from "node:child_process";
import { BenchError } from "../../src/bench/errors.ts";
import { buildGo } from "../../src/bench/go.ts";
import { kubernetesPrograms } from "./kubernetes/server.ts";
import { spireProgram } from "./spire/spire.ts";

const HOUR_S = 3600;

function has(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

/** etcd is packaged; nothing else here is. */
function installEtcd(): void {
  if (has("etcd") || process.getuid?.() !== 0 || !has("apt-get")) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    spawnSync("apt-get", ["-q", "-y", ...args], { env, stdio: "inherit" }).status === 0;
  const install = () => apt("--no-install-recommends", "install", "etcd-server");
  if (!install() && apt("update")) install();
}

const PEERS: Readonly<Record<string, () => Promise<unknown>>> = {
  "Network Service Mesh": () => buildGo("test/peers/nsm"),
  govpp: () => buildGo("test/peers/govpp"),
  gomemif: () => buildGo("test/peers/gomemif"),
  SPIRE: () => spireProgram(HOUR_S * 1000),
  "kube-apiserver": () => {
    installEtcd();
    return kubernetesPrograms(HOUR_S);
  },
};

async function main(): Promise<void> {
  for (const [name, build] of Object.entries(PEERS)) {
    const start = Date.now();
    const outcome = await build().then(
      () => "built",
      (error: unknown) => {
        if (!BenchError.is(error, "SKIP")) throw error;
        return `not built: ${error.message}`;
      },
    );
    console.log(`${name}: ${outcome} (${Math.round((Date.now() - start) / 1000)} s)`);
  }
}

await main();
