import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hooks, type HookOptions, type HookOutcome } from "../../src/hooks/hooks.ts";
import { until } from "../sys/support.ts";

describe("hooks", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-hooks-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function hooks(script: string, options: HookOptions = {}): Hooks {
    const program = join(folder, "hook.sh");
    writeFileSync(program, `#!/bin/sh\ncd ${folder}\n${script}\n`);
    chmodSync(program, 0o755);
    return new Hooks({ program, ...options });
  }

  const written = (name: string) => readFileSync(join(folder, name), "utf8");

  it("gets the event and address as arguments, the environment, the connection as JSON; stderr comes line by line", async () => {
    const lines: string[] = [];
    const env = { ...process.env, VIP_ADDRESS: "10.2.2.0/24" };
    const script = 'echo "$@ $VIP_ADDRESS" > args; cat > input; echo not logged; echo one >&2; echo two >&2';
    const made = hooks(script, { env, onLine: (line) => lines.push(line) });
    const outcome = await made.run({ event: "new_connection", args: ["10.60.1.2"], input: { id: "a" } });
    assert.equal(outcome.result, "ok");
    assert.equal(written("args"), "new_connection 10.60.1.2 10.2.2.0/24\n");
    assert.deepEqual(JSON.parse(written("input")), { id: "a" });
    await until("both lines", () => lines.length === 2);
    assert.deepEqual(lines, ["one", "two"]);
  });

  it("keeps the order of one connection, and runs others beside it", async () => {
    const made = hooks('while [ "$1$2" = new_connectiona ] && [ ! -e go ]; do sleep 0.01; done; echo "$1 $2" >> order');
    const first = made.run({ event: "new_connection", args: ["a"], key: "a" });
    const second = made.run({ event: "del_connection", args: ["a"], key: "a" });
    const other = made.run({ event: "new_connection", args: ["b"], key: "b" });
    assert.equal((await other).result, "ok");
    assert.equal(written("order"), "new_connection b\n");
    writeFileSync(join(folder, "go"), "");
    await Promise.all([first, second]);
    assert.equal(written("order"), "new_connection b\nnew_connection a\ndel_connection a\n");
  });

  it("ends a hook that hangs, with what it started, and goes on", async () => {
    const made = hooks(
      '[ "$1" = new_connection ] || exit 0; sleep 1000 & echo $! > child; trap "" TERM; wait; sleep 1000',
      { timeoutMs: 300 },
    );
    const outcome = await made.run({ event: "new_connection", key: "a" });
    assert.equal(outcome.result, "timeout");
    const child = Number(written("child"));
    await until(
      "its child is gone",
      () => !existsSync(`/proc/${child}`) || readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z"),
    );
    assert.equal((await made.run({ event: "del_connection", key: "a" })).result, "ok");
  });

  it("tells failures, a missing program, too many; without a program nothing runs", async () => {
    assert.deepEqual(((await hooks("exit 3").run({ event: "endpoint_started" })) satisfies HookOutcome).exitCode, 3);
    assert.equal((await new Hooks({}).run({ event: "endpoint_started" })).result, "skipped");
    const missing = new Hooks({ program: join(folder, "none") });
    assert.match(missing.problem() ?? "", /none is no executable file/);
    assert.equal((await missing.run({ event: "endpoint_started" })).result, "missing");
    const full = hooks("while [ ! -e go ]; do sleep 0.01; done", { parallel: 1, maxWaiting: 1 });
    const runs = [1, 2, 3].map((n) => full.run({ event: "new_connection", key: String(n) }));
    assert.equal((await runs[2]!).result, "dropped");
    writeFileSync(join(folder, "go"), "");
    assert.deepEqual(
      (await Promise.all(runs)).map((run) => run.result),
      ["ok", "ok", "dropped"],
    );
    const closing = hooks("sleep 1000");
    const run = closing.run({ event: "endpoint_started" });
    await until("it runs", () => closing.running === 1);
    await closing.close();
    assert.equal((await run).result, "failed");
  });
});
