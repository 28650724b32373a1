import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
const COMPILER_OPTIONS = {
  module: "nodenext",
  target: "es2023",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
};

const VPP = `
import { VppClient, VppError } from "vpp-api-ts";
import { builtinSchema, type ApiSchema } from "vpp-api-ts/codec";
const schema: ApiSchema = builtinSchema();
const vpp = new VppClient({ socket: "/nowhere/api.sock", name: "packed" });
await vpp.connect().catch((error: unknown) => console.log(error instanceof VppError && error.code));
vpp.close();
console.log(schema.messages.has("lb_conf_56cd3261"));
`;

/** An empty project with what `npm pack` makes of our packages; their dependencies are those of the repository. */
describe("packages as others install them", function () {
  this.timeout(180_000);

  let folder = "";

  before(async () => {
    mkdirSync(`${root}.cache`, { recursive: true });
    folder = mkdtempSync(`${root}.cache/packed-`);
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
    await install("src/nsm", "@networkservicemesh/sdk-ts");
    await install("src/vppapi", "vpp-api-ts");
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  async function install(source: string, name: string): Promise<void> {
    const to = `${folder}/node_modules/${name}`;
    mkdirSync(`${to}/packed`, { recursive: true });
    await run("npm", ["pack", "--pack-destination", `${to}/packed`], { cwd: `${root}${source}` });
    const [file = ""] = readdirSync(`${to}/packed`);
    await run("tar", ["-xzf", `${to}/packed/${file}`, "-C", to, "--strip-components=1"]);
  }

  /** Without any option of ours. @returns standard output */
  async function start(name: string, ...args: readonly string[]): Promise<string> {
    return (await run(process.execPath, [name, ...args], { cwd: folder, timeout: 60_000 })).stdout;
  }

  it("their types resolve, also for the README's examples, without any setting of ours", async () => {
    const readme = readFileSync(`${folder}/node_modules/@networkservicemesh/sdk-ts/README.md`, "utf8");
    const [client, mesh] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");
    writeFileSync(`${folder}/client.ts`, client!);
    writeFileSync(`${folder}/mesh.ts`, mesh!);
    writeFileSync(`${folder}/vpp.ts`, VPP);
    const files = ["client.ts", "mesh.ts", "vpp.ts"];
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }));
    await run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", "."], { cwd: folder }).catch(
      (error: unknown) => assert.fail((error as { stdout: string }).stdout),
    );
  });

  it("@networkservicemesh/sdk-ts: the README's mesh runs", async () => {
    const lines = /^endpoint: serves .*\nclient: by web > nsmgr > forwarder > lb\nendpoint: lets go of .*\n$/;
    assert.match(await start("mesh.js"), lines);
  });

  it("vpp-api-ts: both entries load; its program says what it takes", async () => {
    assert.equal(await start("vpp.js"), "CONNECT\ntrue\n");
    const program = "node_modules/vpp-api-ts/bin/vpp-api-gen.js";
    assert.match(await start(program, "--help"), /^Usage: vpp-api-gen/);
    await assert.rejects(start(program, "--nonsense"), { code: 2 });
  });
});
