import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Hooks, type HookCall, type HookOptions, type HookOutcome } from "../../src/hooks/hooks.ts";
import { until } from "../sys/support.ts";

/** Programs that do what no hook should. */
describe("hooks: hostile programs", function () {
  this.timeout(30_000);
  let folder: string;
  let made: Hooks[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-hooks-"));
    made = [];
  });
  afterEach(async () => {
    for (const hooks of made) await hooks.close();
    for (const pid of pids()) if (alive(pid)) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  function hooks(script: string, options: HookOptions = {}): Hooks {
    const program = join(folder, "hook.sh");
    writeFileSync(program, `#!/bin/sh\ncd ${folder}\n${script}\n`);
    chmodSync(program, 0o755);
    const one = new Hooks({ program, ...options });
    made.push(one);
    return one;
  }

  /** What scripts wrote with `echo $$ > NAME.pid`. */
  const pids = () =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".pid"))
      .map((name) => Number(readFileSync(join(folder, name), "utf8")));
  function alive(pid: number): boolean {
    return existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
  }
  const event = "new_connection" as const;

  it("a child that keeps standard error open does not hold up the call; it goes on, as after a shell's &", async () => {
    const lines: string[] = [];
    const made = hooks("echo first >&2; (echo $$ >/dev/null; exec sleep 1000) & echo $! > child.pid; echo last >&2", {
      onLine: (line) => lines.push(line),
      timeoutMs: 20_000,
    });
    const outcome = await made.run({ event });
    assert.equal(outcome.result, "ok");
    assert.ok(outcome.durationMs < 10_000);
    assert.deepEqual(lines, ["first", "last"]);
    assert.ok(alive(pids()[0]!), "it goes on");
  });

  it("what left the process group holds nothing up at the deadline either", async () => {
    const made = hooks("setsid sleep 1000 & echo $! > child.pid; sleep 1000", { timeoutMs: 200 });
    assert.equal((await made.run({ event })).result, "timeout");
  });

  it("a group whose leader obeys SIGTERM and whose child does not is gone at the deadline", async () => {
    const made = hooks(`sh -c 'trap "" TERM; echo $$ > child.pid; while :; do sleep 1; done' & wait`, {
      timeoutMs: 500,
    });
    assert.equal((await made.run({ event })).result, "timeout");
    const [child] = pids();
    await until("the child is gone", () => !alive(child!));
  });

  it("a flood on standard error is cut, takes little of the loop and does not end the hook", async () => {
    const lines: string[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const made = hooks("yes 0123456789abcdef | head -c 8000000 >&2; head -c 1000000 /dev/zero >&2; exit 7", {
      onLine: (line) => lines.push(line),
    });
    const outcome = await made.run({ event });
    clearInterval(timer);
    assert.equal(outcome.exitCode, 7);
    assert.equal(lines.length, 1001);
    assert.match(lines.at(-1)!, /more than 1000 lines/);
    // 9 MB at 64 KiB in 10 ms take more than a second; the loop ran all along.
    assert.ok(turns > 50, `${turns} turns`);
  });

  it("a line without an end is cut, and memory stays", async () => {
    const lines: string[] = [];
    const made = hooks("head -c 2000000 /dev/zero | tr '\\0' x >&2; echo >&2; printf 'no newline' >&2", {
      onLine: (line) => lines.push(line),
    });
    assert.equal((await made.run({ event })).result, "ok");
    assert.deepEqual(
      lines.map((line) => line.length),
      [4096, "no newline".length],
    );
  });

  it("does not read its input, or closes it at once", async () => {
    const input = { text: "x".repeat(2_000_000) };
    assert.equal((await hooks("exit 0").run({ event, input })).result, "ok");
    assert.equal((await hooks("exec <&-; sleep 0.1").run({ event, input })).result, "ok");
    const before = readdirSync("/proc/self/fd").length;
    const made = hooks("true");
    for (let i = 0; i < 20; i++) await made.run({ event, input });
    await until("no descriptor is left", () => readdirSync("/proc/self/fd").length <= before);
  });

  it("cannot be started: no interpreter, no format, a directory, a bad argument, an input that is no JSON", async () => {
    const program = join(folder, "odd");
    for (const content of ["#!/nowhere/sh\n", "\x7fELF rubbish"]) {
      writeFileSync(program, content);
      chmodSync(program, 0o755);
      const outcome = await new Hooks({ program }).run({ event });
      assert.notEqual(outcome.result, "ok");
    }
    assert.equal((await new Hooks({ program: folder }).run({ event })).result, "missing");
    assert.equal((await hooks("true").run({ event, args: ["a\0b"] })).result, "missing");
    assert.equal((await hooks("true").run({ event, input: 1n })).result, "missing");
    assert.equal((await hooks("true").run({ event })).result, "ok");
  });

  it("listeners that throw break nothing", async () => {
    const broken = () => {
      throw new Error("broken");
    };
    const made = hooks("echo line >&2", { onLine: broken, onOutcome: broken });
    assert.equal((await made.run({ event })).result, "ok");
    assert.equal((await made.run({ event })).result, "ok");
  });

  it("killed from outside, it failed; its siblings go on", async () => {
    const made = hooks('[ "$2" = good ] || kill -9 $$');
    const [bad, good] = await Promise.all([
      made.run({ event, args: ["bad"], key: "1" }),
      made.run({ event, args: ["good"], key: "2" }),
    ]);
    assert.deepEqual([bad.result, bad.signal, good.result], ["failed", "SIGKILL", "ok"]);
  });

  it("has the environment that it inherits, and what is added for the call", async () => {
    const made = hooks('echo "$A $B $C" > env', { env: { PATH: process.env["PATH"], A: "1", B: "2" } });
    await made.run({ event, env: { B: "3", C: "4" } });
    assert.equal(readFileSync(join(folder, "env"), "utf8"), "1 3 4\n");
  });

  it("close gives what is there some time, takes nothing new, and leaves nobody", async () => {
    const made = hooks("while [ ! -e go ]; do sleep 0.01; done; echo $2 >> done", { parallel: 1 });
    const runs = ["1", "2"].map((n) => made.run({ event, args: [n], key: n }));
    await until("it runs", () => made.running === 1);
    const closing = made.close(20_000);
    assert.equal((await made.run({ event })).result, "dropped");
    writeFileSync(join(folder, "go"), "");
    await closing;
    assert.deepEqual(
      (await Promise.all(runs)).map((run) => run.result),
      ["ok", "ok"],
    );
    const hanging = hooks("echo $$ > hanging.pid; sleep 1000");
    const run = hanging.run({ event });
    await until("it runs", () => existsSync(join(folder, "hanging.pid")) && pids().length === 1);
    await hanging.close(50);
    assert.equal((await run).result, "failed");
    assert.ok(!alive(pids()[0]!));
  });

  it("any sequence of calls: bounded parallelism, order by key, exclusive ones alone", async function () {
    const call = fc.record({
      key: fc.integer({ min: 0, max: 3 }),
      exclusive: fc.boolean(),
    });
    const sequences = fc.array(call, { minLength: 1, maxLength: 12 });
    const property = fc.asyncProperty(sequences, fc.integer({ min: 1, max: 3 }), async (calls, parallel) => {
      rmSync(join(folder, "log"), { force: true });
      const made = hooks("echo + $2 >> log; sleep 0.00$(($$ % 10)); echo - $2 >> log", { parallel });
      const runs = calls.map(({ key, exclusive }, n): Promise<HookOutcome> => {
        const one: HookCall = { event, args: [String(n)], key: String(key), exclusive };
        return made.run(one);
      });
      assert.ok(made.running <= parallel);
      for (const { result } of await Promise.all(runs)) assert.equal(result, "ok");
      const running = new Set<number>();
      const ended = new Set<number>();
      for (const line of readFileSync(join(folder, "log"), "utf8").trim().split("\n")) {
        const [sign, n] = [line[0], Number(line.slice(2))];
        if (sign === "-") {
          running.delete(n);
          ended.add(n);
          continue;
        }
        running.add(n);
        assert.ok(running.size <= parallel, "parallel");
        for (const [other, { key, exclusive }] of calls.entries()) {
          if (other >= n) continue;
          if (key === calls[n]!.key || exclusive || calls[n]!.exclusive)
            assert.ok(ended.has(other), `${other} before ${n}`);
        }
      }
      assert.equal(ended.size, calls.length);
    });
    await fc.assert(property, { numRuns: 12 });
  });
});
