import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("nsm: the example of the README", () => {
  it("runs as it stands, ends by itself, and says what it says there", async function () {
    this.timeout(60_000);
    const readme = readFileSync(`${root}src/nsm/README.md`, "utf8");
    const example = /```ts\n(\/\/ mesh\.ts\n[\s\S]*?)```/.exec(readme)?.[1];
    assert.ok(example !== undefined);
    // Where its imports are found.
    mkdirSync(`${root}.cache`, { recursive: true });
    const folder = mkdtempSync(`${root}.cache/readme-`);
    try {
      writeFileSync(`${folder}/mesh.ts`, example);
      const said = await new Promise<string>((resolve, reject) => {
        execFile(
          process.execPath,
          [...process.execArgv, `${folder}/mesh.ts`],
          { timeout: 50_000 },
          (error, stdout, stderr) => {
            if (error === null) resolve(stdout);
            else reject(new Error(`${error.message}\n${stderr}`));
          },
        );
      });
      const addresses = '[ "10.60.1.2/24", "2001:db8:60::2/64" ]'.replaceAll('"', "'");
      assert.equal(
        said,
        `endpoint: serves ${addresses}\nclient: by web > nsmgr > forwarder > lb\nendpoint: lets go of ${addresses}\n`,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
