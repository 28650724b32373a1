import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiServer } from "../../src/dataplane/api/server.ts";
import { runCli } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { BareClient } from "../conformance/client.ts";

const ENDLESS = "ping 10.60.1.9 interval 0.01 repeat 100000000";

/** A command that goes on for ever ends with whoever gave it. */
describe("CLI: commands end with their session", function () {
  this.timeout(20_000);
  let folder: string;
  let dataplane: Dataplane;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-signal-"));
    dataplane = new Dataplane();
    for (const line of ["create loopback interface", "set interface state loop0 up"]) await runCli(dataplane, line);
    await runCli(dataplane, "set interface ip address loop0 10.60.1.1/24");
  });
  afterEach(() => {
    dataplane.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function script(...lines: string[]): string {
    const path = join(folder, "script");
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
  }
  const loopbacks = () => [...dataplane.interfaces].filter((one) => one.kind === "loopback").length;

  it("ping, alone and in a script, whose next lines are not run", async () => {
    for (const line of [ENDLESS, `exec ${script(ENDLESS, "create loopback interface")}`]) {
      const abort = new AbortController();
      const running = runCli(dataplane, line, { signal: abort.signal });
      setTimeout(() => abort.abort(), 50);
      await running;
      assert.equal(loopbacks(), 1, line);
    }
    assert.equal((await runCli(dataplane, `exec ${script("create loopback interface")}`)).retval, 0);
    assert.equal(loopbacks(), 2);
  });

  it("cli_inband: with the client's connection", async () => {
    const server = await ApiServer.listen(dataplane, { path: join(folder, "api.sock") });
    try {
      const client = await BareClient.connect(join(folder, "api.sock"));
      const { id, codec } = client.table.get("cli_inband")!;
      const cmd = `exec ${script(ENDLESS, "create loopback interface")}`;
      client.sendPayload(codec.encode(id, { client_index: client.clientIndex, context: 1, cmd }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      client.close();
      for (const end = Date.now() + 5000; server.clients > 0;) {
        assert.ok(Date.now() < end, "the client is forgotten");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      // Another client's command is served after what was left of the first one's.
      const other = await BareClient.connect(join(folder, "api.sock"));
      assert.equal((await other.request("control_ping"))["retval"], 0);
      assert.equal(loopbacks(), 1);
      other.close();
    } finally {
      await server.close();
    }
  });
});
