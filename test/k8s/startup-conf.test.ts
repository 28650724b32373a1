/** vpp/startup.conf, which a ConfigMap brings into the pod, in a real VPP. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VppClient } from "vpp-api-ts";
import { startVpp, type TestVpp } from "../controller/vpp.ts";
import { readProjectFile } from "./configmaps.ts";

const CONF = readProjectFile("vpp/startup.conf");
const command = process.env["VPPLB_VPP_COMMAND"];

/** A command as `startVpp` wants it, that gives VPPLB_VPP_COMMAND the file, for its directory, as second argument. */
function withConfiguration(folder: string, text: string): string {
  const conf = text
    .replace(/#.*/g, "")
    .replaceAll("/run/vpp", "DIRECTORY")
    .replaceAll("/var/log/vpp", "DIRECTORY")
    .replace(/gid vpp/g, `gid ${process.getgid?.() ?? 0}`); // the group comes with VPP's packages
  writeFileSync(join(folder, "startup.conf"), conf);
  const script = join(folder, "vpp");
  const given = `"$(sed "s#DIRECTORY#$1#g" ${join(folder, "startup.conf")})"`;
  writeFileSync(script, `#!/bin/sh\nexec ${command} "$1" ${given}\n`);
  chmodSync(script, 0o755);
  return script;
}

describe("k8s: vpp/startup.conf in a real VPP", function () {
  this.timeout(60_000);
  let folder: string;

  before(function () {
    if (command === undefined) {
      console.log("      skipped: VPPLB_VPP_COMMAND names no VPP to start");
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "vpplb-startup-"));
  });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it("VPP starts with it, has the plugins that it names and no other, and the memory that it gives", async () => {
    const vpp: TestVpp = await startVpp(withConfiguration(folder, CONF));
    const client = new VppClient({ socket: vpp.socket, reconnect: false, probe: false });
    try {
      await client.connect();
      const loaded = [...(await client.cli("show plugins")).matchAll(/\b(\w+_plugin\.so)\b/g)].map(
        (match) => match[1]!,
      );
      const named = [...CONF.matchAll(/^ *plugin (\w+_plugin\.so) \{ enable \}/gm)].map((match) => match[1]!);
      assert.deepEqual(loaded.sort(), named.sort());
      for (const name of ["lb", "memif", "af_packet"]) assert.ok(loaded.includes(`${name}_plugin.so`), name);
      assert.match(CONF, /main-heap-size 1G/);
      assert.match(await client.cli("show memory main-heap"), /size 1g/);
      assert.match(await client.cli("create memif socket id 7 filename /no/such/m.sock"), /^\s*$/);
    } finally {
      client.close();
      await vpp.close();
    }
  });

  it("and does not start with a word that it does not know", async () => {
    const broken = CONF.replace("poll-sleep-usec", "pole-sleep-usec");
    assert.notEqual(broken, CONF);
    await assert.rejects(startVpp(withConfiguration(folder, broken)), /ended with/);
  });
});
