import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { onAbort } from "../../src/sys/on-abort.ts";

describe("sys: many who wait for one signal", () => {
  it("are one listener, called once each when it fires, and none when all have gone", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 50 }), (stays) => {
        const controller = new AbortController();
        const { signal } = controller;
        const called = stays.map(() => 0);
        const forgets = stays.map((_, i) => onAbort(signal, () => (called[i]! += 1)));
        assert.equal(getEventListeners(signal, "abort").length, stays.length === 0 ? 0 : 1);
        stays.forEach((stay, i) => {
          if (stay) return;
          forgets[i]!();
          forgets[i]!();
        });
        assert.equal(getEventListeners(signal, "abort").length, stays.includes(true) ? 1 : 0);
        controller.abort();
        assert.deepEqual(called, stays.map(Number));
        for (const forget of forgets) forget();
        assert.equal(getEventListeners(signal, "abort").length, 0);
      }),
    );
  });

  it("who takes another back while the signal fires spares it", () => {
    const controller = new AbortController();
    const called: string[] = [];
    onAbort(controller.signal, () => {
      called.push("first");
      forget();
    });
    const forget = onAbort(controller.signal, () => called.push("second"));
    controller.abort();
    assert.deepEqual(called, ["first"]);
  });

  it("come again after all have gone", () => {
    const controller = new AbortController();
    let called = 0;
    onAbort(controller.signal, () => (called += 1))();
    onAbort(controller.signal, () => (called += 1));
    controller.abort();
    assert.equal(called, 1);
  });
});
