import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bufferCount, firstValueFrom, ReplaySubject, Subject, filter, take, timeout } from "rxjs";
import { watchConfigFile, type FileReading } from "../../src/config/index.ts";

const DEADLINE_MS = 8000;

describe("config: watching the file", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-watch-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Readings of a watched file, kept; `until` waits for one of them. */
  function follow(file: string, options: Parameters<typeof watchConfigFile>[1] = {}) {
    const readings = new ReplaySubject<FileReading>();
    const subscription = watchConfigFile(file, options).subscribe(readings);
    const until = (matches: (reading: FileReading) => boolean) =>
      firstValueFrom(readings.pipe(filter(matches), take(1), timeout(DEADLINE_MS)));
    return { readings, until, stop: () => subscription.unsubscribe() };
  }
  const hasText = (text: string) => (reading: FileReading) => "text" in reading && reading.text === text;

  it("reads at once, and again when the file is written", async () => {
    const file = join(directory, "lb.yaml");
    writeFileSync(file, "one");
    const followed = follow(file);
    await followed.until(hasText("one"));
    writeFileSync(file, "two");
    await followed.until(hasText("two"));
    followed.stop();
  });

  it("sees a file that is renamed over, and a ConfigMap's link swapped beside it", async () => {
    const generation = (name: string, text: string) => {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, "lb.yaml"), text);
    };
    generation("..1", "first");
    symlinkSync("..1", join(directory, "..data"));
    symlinkSync("..data/lb.yaml", join(directory, "lb.yaml"));
    const followed = follow(join(directory, "lb.yaml"));
    await followed.until(hasText("first"));
    generation("..2", "second");
    symlinkSync("..2", join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
    await followed.until(hasText("second"));
    followed.stop();
  });

  it("says that the file is missing, and reads it when it comes", async () => {
    const file = join(directory, "lb.yaml");
    const followed = follow(file);
    const missing = await followed.until((reading) => "error" in reading);
    assert.match("error" in missing ? missing.error.message : "", /cannot read .*lb\.yaml/);
    writeFileSync(file, "now");
    await followed.until(hasText("now"));
    followed.stop();
  });

  it("reads the same text again on request", async () => {
    const file = join(directory, "lb.yaml");
    writeFileSync(file, "same");
    const reload$ = new Subject<void>();
    const followed = follow(file, { reload$ });
    await followed.until(hasText("same"));
    // The first of the two is the one that was kept.
    const both = firstValueFrom(followed.readings.pipe(filter(hasText("same")), bufferCount(2), timeout(DEADLINE_MS)));
    reload$.next();
    assert.equal((await both).length, 2);
    followed.stop();
  });

  it("takes no part of a file for the whole where the poll comes in the middle of a write", async () => {
    const file = join(directory, "lb.yaml");
    writeFileSync(file, "before");
    const reload$ = new Subject<void>();
    const followed = follow(file, { pollMs: 2, settleMs: 3_600_000, reload$ });
    await followed.until(hasText("before"));
    writeFileSync(file, "half");
    for (let polls = 0; polls < 50; polls++) await new Promise((resolve) => setTimeout(resolve, 2));
    writeFileSync(file, "whole");
    reload$.next();
    await followed.until(hasText("whole"));
    followed.stop();
    const texts: string[] = [];
    followed.readings.subscribe((reading) => texts.push("text" in reading ? reading.text : "?"));
    assert.deepEqual(texts, ["before", "whole"]);
  });

  it("is found by its poll where there are no change events", async () => {
    const file = join(directory, "away", "lb.yaml");
    const followed = follow(file, { pollMs: 50 });
    await followed.until((reading) => "error" in reading);
    mkdirSync(join(directory, "away"));
    writeFileSync(file, "late");
    await followed.until(hasText("late"));
    followed.stop();
  });
});
