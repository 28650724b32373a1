import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../src/config/index.ts";
import type { ControllerApi, ControllerEvent, ControllerStatus } from "../../src/controller/index.ts";
import { runController } from "../../src/roles/controller.ts";
import { LB_YAML, NOTHING_YAML, until } from "./support.ts";
import { startVpp, type TestVpp } from "./vpp.ts";

/** Sections of the file of which the status says that they count at the next start only. */
function staleIn(status: ControllerStatus | undefined): string[] {
  const warnings = status?.config.warnings ?? [];
  return warnings.flatMap((one) => /^(\w+): has changed since this controller started/.exec(one)?.[1] ?? []);
}

describe("roles: the controller of a file", function () {
  this.timeout(60_000);
  let vpp: TestVpp;
  before(async () => {
    vpp = await startVpp();
  });
  after(() => vpp.close());

  it("follows its file and SIGHUP, keeps the old state over a bad one, and ends with its signal", async () => {
    const file = join(vpp.directory, "lb.yaml");
    writeFileSync(file, LB_YAML);
    const stop = new AbortController();
    const events: ControllerEvent[] = [];
    let api: ControllerApi | undefined;
    const running = runController(
      {
        file,
        api: vpp.socket,
        control: join(vpp.directory, "control.sock"),
        journal: join(vpp.directory, "journal.json"),
        onEvent: (event) => events.push(event),
        ready: (controller) => (api = controller),
      },
      stop.signal,
    );
    const status = () => api?.status();
    await until("in sync", () => status()?.sync.state === "in-sync" && status()?.counts.vips === 3, status);

    writeFileSync(file, "vips: [");
    await until("the bad file is noticed", () => status()?.config.error !== undefined, status);
    assert.equal(status()?.counts.vips, 3);
    assert.equal(status()?.sync.state, "in-sync");

    const without = LB_YAML.replace(/ {2}- \{ prefix: 10\.2\.3.*\n/, "");
    writeFileSync(file, without);
    await until(
      "the good file is applied",
      () => status()?.counts.vips === 2 && status()?.sync.state === "in-sync",
      status,
    );
    assert.equal(status()?.config.error, undefined);

    assert.deepEqual(staleIn(status()), []);
    writeFileSync(file, `${without}\nhttp: { listen: "127.0.0.1:9101" }\nrepair: { periodMs: 9000 }\n`);
    await until("what only a start takes is told", () => staleIn(status()).length > 0, status);
    assert.deepEqual(staleIn(status()), ["http", "repair"]);

    const loads = () => events.filter((event) => event.type === "config" && event.ok).length;
    const before = loads();
    process.kill(process.pid, "SIGHUP");
    await until(
      "SIGHUP reads it again",
      () => loads() > before,
      () => events,
    );

    writeFileSync(file, NOTHING_YAML);
    await until(
      "everything is taken away",
      () => status()?.counts.vips === 0 && status()?.sync.state === "in-sync",
      status,
    );
    stop.abort();
    await running;
    assert.equal(process.listenerCount("SIGHUP"), 0);
  });

  it("does not begin with a file that is wrong, and says where", async () => {
    const file = join(vpp.directory, "wrong.yaml");
    writeFileSync(file, "vips:\n  - { prefix: 10.2.2.0/24 }\n");
    const running = runController({ file, api: vpp.socket, control: false }, new AbortController().signal);
    await assert.rejects(running, (error: ConfigError) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.code, "INVALID");
      assert.equal(error.diagnostics[0]?.line, 2);
      return true;
    });
  });
});
