// Brings a fresh clone to a state in which the project's commands run: installs what package-lock.json pins, then
// compiles. Uses Node alone, because nothing else is there yet. Both steps are skipped when they are up to date.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 11)) {
  console.error(`vpplb needs Node 20.11 or newer, this is ${process.version}`);
  process.exit(2);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    console.error(`setup: "${command} ${args.join(" ")}" failed with exit code ${result.status}`);
    process.exit(1);
  }
}

const lock = `${root}/package-lock.json`;
const stamp = `${root}/node_modules/.vpplb-lock-sha256`;
const wanted = createHash("sha256").update(readFileSync(lock)).update(process.version).digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  run("npm", ["ci", "--no-audit", "--no-fund"]);
  writeFileSync(stamp, wanted);
}
if (process.argv.includes("--build")) run(process.execPath, ["node_modules/typescript/bin/tsc", "-b", "src/nsm", "."]);
