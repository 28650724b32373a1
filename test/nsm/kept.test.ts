import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { inodeUrl } from "@networkservicemesh/sdk-ts";
import { KeptDescriptors, KeptLimit } from "../../src/nsm/fd/kept.ts";
import { inFolder } from "./support.ts";

/** How many descriptors of files of this folder are open. */
function openIn(folder: string): number {
  const target = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // The one of looking.
    }
  };
  return readdirSync("/proc/self/fd").filter((fd) => target(fd).startsWith(folder)).length;
}

/** Descriptors of files of their own, with their URLs. */
function files(folder: string, prefix: string, count: number): { fd: number; url: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const path = join(folder, `${prefix}${i}`);
    writeFileSync(path, "");
    const fd = openSync(path, "r");
    return { fd, url: inodeUrl(fd) };
  });
}

describe("nsm: descriptors that came and were not taken yet", () => {
  it("a flood on one connection costs the others nothing, and has a bound", () =>
    inFolder((folder) => {
      const limit = new KeptLimit(40);
      const crowd = Array.from({ length: 30 }, () => new KeptDescriptors(limit));
      const hostile = new KeptDescriptors(limit);
      const honest = files(folder, "honest", 30);
      honest.forEach(({ fd, url }, i) => crowd[i]!.add(url, fd));
      for (const { fd, url } of files(folder, "hostile", 200)) hostile.add(url, fd);
      assert.equal(limit.count, 40);
      assert.equal(openIn(folder), 40);
      assert.equal(hostile.size, 10);
      for (const [i, { url }] of honest.entries()) {
        const fd = crowd[i]!.take(url);
        assert.ok(fd !== undefined, "it lost what it was sent");
        closeSync(fd);
      }
      for (const one of [...crowd, hostile]) one.close();
      assert.equal(limit.count, 0);
      assert.equal(openIn(folder), 0);
      return Promise.resolve();
    }));

  it("of a flood the latest are there", () =>
    inFolder((folder) => {
      const kept = new KeptDescriptors(new KeptLimit(5));
      const all = files(folder, "f", 8);
      for (const { fd, url } of all) kept.add(url, fd);
      const there = all.map(({ url }) => kept.take(url));
      assert.deepEqual(
        there.map((fd) => fd !== undefined),
        [false, false, false, true, true, true, true, true],
      );
      for (const fd of there) if (fd !== undefined) closeSync(fd);
      return Promise.resolve();
    }));

  it("each can be taken as often as it came, is the file that was sent, and none is left open", () =>
    inFolder((folder) => {
      const paths = files(folder, "g", 4).map(({ fd, url }, i) => {
        closeSync(fd);
        return { path: join(folder, `g${i}`), url };
      });
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 40 }), (steps) => {
          const limit = new KeptLimit(100);
          const kept = new KeptDescriptors(limit);
          const times = [0, 0, 0, 0];
          for (const [which, comes] of steps) {
            const { path, url } = paths[which]!;
            if (comes) {
              kept.add(url, openSync(path, "r"));
              times[which]! += 1;
              continue;
            }
            const fd = kept.take(url);
            assert.equal(fd !== undefined, times[which]! > 0);
            if (fd === undefined) continue;
            times[which]! -= 1;
            assert.equal(fstatSync(fd).ino, statSync(path).ino);
            closeSync(fd);
          }
          assert.equal(limit.count, times.filter((count) => count > 0).length);
          kept.close();
          assert.equal(openIn(folder), 0);
        }),
      );
      return Promise.resolve();
    }));
});
