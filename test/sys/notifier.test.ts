import assert from "node:assert/strict";
import { openEventFd } from "../../src/sys/eventfd.ts";
import { checkNotifier, watchReadable, type NotifierKind } from "../../src/sys/notifier.ts";
import { openFds, until } from "./support.ts";

describe("sys: notifier", () => {
  it("proves itself on this Node", async () => {
    assert.equal(await checkNotifier(), "libuv");
  });

  for (const via of ["libuv", "timer"] as NotifierKind[]) {
    it(`${via}: calls while readable, not while paused, never after close`, async () => {
      const event = openEventFd();
      let calls = 0;
      let taken = 0n;
      const watch = watchReadable(
        event.fd,
        () => {
          calls++;
          taken += event.drain();
        },
        { via },
      );
      event.signal();
      await until("the first callback", () => taken === 1n);
      watch.pause();
      event.signal();
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(taken, 1n, "paused");
      watch.resume();
      watch.resume();
      await until("the second callback", () => taken === 2n);
      const before = calls;
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(calls, before, "an idle watch is quiet");
      watch.close();
      watch.close();
      watch.resume();
      event.signal();
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(taken, 2n, "closed");
      event.close();
    });

    it(`${via}: level-triggered, and may be closed in the callback`, async () => {
      const event = openEventFd();
      event.signal();
      let calls = 0;
      await new Promise<void>((resolve) => {
        const watch = watchReadable(
          event.fd,
          () => {
            if (++calls < 3) return;
            watch.close();
            resolve();
          },
          { via },
        );
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(calls, 3);
      event.close();
    });

    it(`${via}: 200 watches leave no descriptor`, async () => {
      const before = openFds();
      for (let i = 0; i < 200; i++) {
        const event = openEventFd();
        watchReadable(event.fd, () => undefined, { via }).close();
        event.close();
      }
      await until("libuv to close its handles", () => openFds() <= before);
    });
  }

  it("a bad descriptor is an error", () => {
    assert.throws(() => watchReadable(987654, () => undefined), { code: "EBADF" });
  });
});
