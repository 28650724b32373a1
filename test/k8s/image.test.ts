/**
 * The Dockerfile without an engine: its steps are followed into directories, with what a fresh checkout has, and the
 * program runs there. VPPLB_IMAGE=full also runs the build stage's commands (npm ci, tsc), which otherwise are what this
 * checkout has already; what Debian's packages do is not tried.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../src/bench/go.ts";
import { readProjectFile } from "./configmaps.ts";
import { makeIgnore, parseDockerfile, type Instruction } from "./dockerfile.ts";
import { assembleImage, assembleStage, FULL, withoutImage } from "./image.ts";

const stages = parseDockerfile(readProjectFile("Dockerfile"));

describe("k8s: the image", function () {
  this.timeout(FULL ? 600_000 : 60_000);
  const root = mkdtempSync(join(tmpdir(), "vpplb-image-"));
  let places: ReadonlyMap<string, string>;
  let image: string;

  before(function () {
    const reason = withoutImage();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    places = assembleImage(root);
    image = join(places.get("vpplb")!, "vpplb");
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const last = stages.at(-1)!;
  const said = (word: string): Instruction[] => last.steps.filter((step) => step.word === word);
  const vpplb = (args: readonly string[], input = "") => {
    const env = { PATH: "/usr/bin:/bin", NODE_ENV: "production" };
    return spawnSync(process.execPath, [join(image, "bin/vpplb.js"), ...args], {
      encoding: "utf8",
      input,
      env,
      cwd: "/",
    });
  };

  it("ends as a small stage of Debian's, not as root, with a first process that passes signals on", () => {
    assert.equal(last.name, "vpplb");
    for (const { base } of stages) assert.match(base, /^node:20-slim$/);
    assert.equal(said("USER").at(-1)?.rest, "node");
    assert.deepEqual(JSON.parse(said("ENTRYPOINT")[0]!.rest), ["tini", "--", "vpplb"]);
    assert.match(said("RUN")[0]!.rest, /--no-install-recommends .*\btini\b.*rm -rf \/var\/lib\/apt\/lists/);
  });

  it("has what runs, and neither sources nor what builds and tests", () => {
    for (const name of ["typescript", "mocha", "tsx", "eslint"]) {
      assert.ok(!existsSync(join(image, "node_modules", name)), name);
      assert.ok(existsSync(`${projectRoot}node_modules/${name}`), "npm prune reached the checkout's own modules");
    }
    for (const name of ["test", ".git", "src/cli", "k8s"]) assert.ok(!existsSync(join(image, name)), name);
    for (const name of ["vpp-api-ts", "@networkservicemesh/sdk-ts"]) {
      assert.ok(lstatSync(join(image, "node_modules", name)).isSymbolicLink());
      assert.ok(existsSync(join(image, "node_modules", name, "package.json")), `${name} leads nowhere`);
    }
    const { dependencies } = JSON.parse(readFileSync(join(image, "package.json"), "utf8")) as { dependencies: object };
    for (const name of Object.keys(dependencies)) assert.ok(existsSync(join(image, "node_modules", name)), name);
  });

  it("has vpplb and vppctl in the path", () => {
    const wrapper = join(places.get("vpplb")!, "usr/local/bin/vppctl");
    assert.ok(lstatSync(wrapper).mode & 0o100);
    const link = /ln -s (\S+) \/usr\/local\/bin\/vpplb/.exec(
      said("RUN")
        .map((step) => step.rest)
        .join(" "),
    );
    assert.ok(lstatSync(join(places.get("vpplb")!, link![1]!)).mode & 0o100, "vpplb.js is not executable");
  });

  it("runs every command, and checks a file", () => {
    const commands = readdirSync(join(image, "dist/cli")).length;
    assert.ok(commands > 10);
    const help = vpplb(["--help"]);
    assert.equal(help.status, 0, help.stderr);
    for (const name of ["nse", "nsc", "nsm", "lb", "dataplane", "target", "traffic"]) {
      if (!help.stdout.includes(`\n  ${name} `)) continue;
      const { status, stderr } = vpplb([name, "--help"]);
      assert.equal(status, 0, `${name}: ${stderr}`);
    }
    const { status, stderr } = vpplb(["check", "-f", `${projectRoot}k8s/config/lb.yaml`]);
    assert.equal(status, 0, stderr);
    assert.equal(vpplb(["check", "-f", "/no/such"]).status, 2);
  });

  it("runs a mesh, whose messages and system calls are all there, and ends it on SIGTERM", async () => {
    const socket = join(root, "nsm.sock");
    const args = ["--json", "nsm", "--insecure", "--listen", `unix://${socket}`];
    const child = spawn(process.execPath, [join(image, "bin/vpplb.js"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    const exited = once(child, "exit");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    while (!existsSync(socket) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGTERM");
    const [code] = (await exited) as [number | null];
    clearTimeout(timer);
    assert.equal(code, 0, output);
  });

  it("is not put together from what is not there", () => {
    const broken = parseDockerfile(
      readProjectFile("Dockerfile").replace("COPY proto/ proto/", "COPY protocol/ proto/"),
    );
    assert.throws(
      () => assembleStage({ ...broken[0]!, name: "broken" }, join(root, "broken"), join(root, "context"), new Map()),
      /protocol\/ is not there/,
    );
    assert.ok(makeIgnore("*\n!src\n**/dist\n")("src/nsm/dist/index.js"));
    assert.ok(!makeIgnore("*\n!src\n**/dist\n")("src/nsm/index.ts"));
  });
});
