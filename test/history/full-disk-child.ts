import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StateFile } from "../../src/history/index.ts";

/** Runs in a mount namespace of its own: a file system of 512 KiB at the directory that is named. */
const [directory = ""] = process.argv.slice(2);
const path = join(directory, "state.sqlite");
const filler = join(directory, "filler");

try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k,nr_inodes=8", "tmpfs", directory], { stdio: "pipe" });
} catch (error) {
  process.stderr.write(String(error));
  process.exit(77);
}

const big = (mark: string) => ({
  all: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, mark.repeat(50)])),
});

function fill(): void {
  for (let size = 1 << 19; size >= 1024; size /= 2) {
    try {
      writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
    } catch {
      // So much does not go in any more.
    }
  }
}

let opened = StateFile.open(path);
assert.ok(opened.state.saveJournal({ all: { small: 1 } }));
fill();
assert.equal(opened.state.saveJournal(big("a")), false);
assert.match(opened.state.problem ?? "", /cannot write/);
assert.ok(opened.state.journalDiffers(big("a")), "it is still to be written");
rmSync(filler);
assert.ok(opened.state.saveJournal(big("b")), opened.state.problem ?? "");
assert.equal(opened.state.problem, undefined);
opened.state.close();

// Begun on a disk on which not even a directory can be made any more.
fill();
const inodes: string[] = [];
for (let i = 0; i < 8; i++) {
  const name = join(directory, `inode-${i}`);
  try {
    writeFileSync(name, "");
    inodes.push(name);
  } catch {
    // None are left.
  }
}
opened = StateFile.open(path);
assert.match(opened.state.problem ?? "", /cannot open/);
assert.deepEqual(opened.journal, big("b"), "what is in the file is known all the same");
assert.equal(opened.state.saveJournal(big("c")), false);
for (const name of [filler, ...inodes]) rmSync(name);
assert.ok(opened.state.saveJournal(big("c")), opened.state.problem ?? "");
opened.state.close();
assert.deepEqual(StateFile.open(path).journal, big("c"));
assert.match(readFileSync(path).subarray(0, 15).toString(), /SQLite format/);
console.log("wrote after the disk was full");
