import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { eventTable, insert } from "../../src/observe/docs.ts";
import { EVENTS, type LogEntry } from "../../src/observe/events.ts";
import { EventLog, type LogOptions } from "../../src/observe/log.ts";
import { redact, redactText } from "../../src/observe/redact.ts";
import { cells } from "./exposition.ts";

const AT = "2026-01-02T03:04:05.678Z";

describe("observe: log", () => {
  let lines: string[];
  let nowMs: number;
  beforeEach(() => {
    lines = [];
    nowMs = Date.parse(AT);
  });

  function log(options: Partial<LogOptions> = {}): EventLog {
    return new EventLog({ json: true, colors: false, now: () => nowMs, write: (line) => lines.push(line), ...options });
  }
  const written = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

  it("writes an object a line with all fields, or a line for people", () => {
    const entry: LogEntry = { event: "plan", message: "repair: add a VIP", reason: "repair", operations: 1 };
    log().log(entry);
    log().log({ ...entry, at: "2026-05-05T05:05:05.000Z" });
    assert.deepEqual(written(), [
      { at: AT, level: "info", event: "plan", message: "repair: add a VIP", reason: "repair", operations: 1 },
      {
        at: "2026-05-05T05:05:05.000Z",
        level: "info",
        event: "plan",
        message: "repair: add a VIP",
        reason: "repair",
        operations: 1,
      },
    ]);
    lines = [];
    log({ json: false }).log({ event: "vpp-failed", message: "one\ntwo\u001b[31m three" });
    assert.deepEqual(lines, [`${AT} warn vpp-failed        one two [31m three`]);
  });

  it("writes no more than its level asks for", () => {
    const quiet = log({ level: "warn" });
    quiet.log({ event: "operation-done", message: "m", id: "i" });
    quiet.log({ event: "config-loaded", message: "m" });
    quiet.log({ event: "config-refused", message: "m" });
    quiet.log({ event: "dataplane-fault", message: "m", request: "r" });
    assert.deepEqual(
      written().map(({ event }) => event),
      ["config-refused", "dataplane-fault"],
    );
  });

  it("writes the same text ten times a minute, and tells how often it came", () => {
    const one = log();
    for (let i = 0; i < 100; i++) {
      one.log({ event: "vpp-failed", message: "no such socket" });
      nowMs += 500;
    }
    assert.equal(lines.length, 10);
    lines = lines.slice(-1);
    nowMs += 60_000;
    one.log({ event: "vpp-failed", message: "no such socket" });
    assert.deepEqual(
      written().map(({ event, level, of, times, seconds }) => [event, level, of, times, seconds]),
      [
        ["vpp-failed", "warn", undefined, undefined, undefined],
        ["log-repeated", "warn", "vpp-failed", 90, 110],
        ["vpp-failed", "warn", undefined, undefined, undefined],
      ],
    );
  });

  it("bounds one event's different texts, and leaves the others alone", () => {
    const one = log({ repeats: { perEvent: 10 } });
    for (let i = 0; i < 10_000; i++) one.log({ event: "operation-failed", message: `no ${i}`, id: `${i}` });
    one.log({ event: "config-loaded", message: "m" });
    assert.equal(lines.length, 11);
    nowMs += 61_000;
    one.log({ event: "operation-failed", message: "again", id: "x" });
    assert.deepEqual(
      written()
        .slice(-2)
        .map(({ event, times, seconds }) => [event, times, seconds]),
      [
        ["log-repeated", 9990, 61],
        ["operation-failed", undefined, undefined],
      ],
    );
  });

  it("goes on where the clock is set back", () => {
    const one = log();
    one.log({ event: "vpp-failed", message: "m" });
    nowMs -= 3_600_000;
    one.log({ event: "vpp-failed", message: "m" });
    assert.equal(lines.length, 2);
  });

  it("writes no secrets", () => {
    const secrets = [
      "memif secret hunter2",
      "password: hunter2",
      'token="hunter2"',
      "{ secret: 'hunter2' }",
      "Secret=hunter2;",
    ];
    for (const text of secrets) {
      assert.ok(!redactText(text).includes("hunter2"), text);
      log().log({ event: "operation-failed", message: text, id: text });
    }
    assert.ok(lines.length > 0 && !lines.join().includes("hunter2"));
    assert.deepEqual(redact({ secret: "x", a: [{ authToken: 1, passwd: "y", b: "fine" }] }), {
      secret: "[redacted]",
      a: [{ authToken: "[redacted]", passwd: "[redacted]", b: "fine" }],
    });
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/secret|passw|token|private/i.test(text)) assert.equal(redactText(text), text);
      }),
    );
  });

  it("cuts what is too long", () => {
    log().log({ event: "config-refused", message: "x".repeat(100_000) });
    assert.ok((lines[0]?.length ?? 0) < 5000);
  });

  it("docs/events.md lists every event with its level and fields", () => {
    const doc = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8");
    const inside = doc.slice(doc.indexOf("<!-- events -->"), doc.indexOf("<!-- /events -->"));
    assert.deepEqual(cells(inside), cells(eventTable()), "run `npm run docs`");
    assert.equal(cells(inside).length, Object.keys(EVENTS).length + 1);
    assert.throws(() => insert("no place", "events", ""), RangeError);
  });

  it("nothing but the log writes to the console", () => {
    const root = new URL("../../src/", import.meta.url);
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && !/(^|\/)dist\//.test(file),
    );
    const found = files.filter((file) =>
      /console\.\w+\(|process\.std(out|err)\.write/.test(readFileSync(new URL(file, root), "utf8")),
    );
    // Commands print their answers; a fatal error in the namespace hop has no other way; tools for developers.
    const allowed = /^(cli|bench|vppapi\/generate)\/|^sys\/netns\.ts$|^dataplane\/api\/server\.ts$/;
    assert.deepEqual(
      found.filter((file) => !allowed.test(file)),
      [],
    );
  });
});
