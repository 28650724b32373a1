import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import {
  Call,
  chain,
  CHANNEL,
  connectionStore,
  memifMechanism,
  newConnection,
  passDescriptors,
  storeOf,
  type Channel,
  type ChainElement,
} from "@networkservicemesh/sdk-ts";
import { settle } from "./fake.ts";

const INODE = "inode://1/2";

/** A next hop whose answer names a descriptor that comes when the test says so. */
function hop(): { elements: ChainElement[]; come: (fd: number) => void } {
  let come: (fd: number) => void = () => undefined;
  const arrival = new Promise<number>((resolve) => (come = resolve));
  const channel = { ready: () => Promise.resolve(), descriptors: { receive: () => arrival } } as unknown as Channel;
  const dialled: ChainElement = (next) => ({
    request(request, call) {
      storeOf(call).set(CHANNEL, channel);
      return next.request(request, call);
    },
    close: (connection, call) => next.close(connection, call),
  });
  const answer: ChainElement = () => ({
    request: ({ connection }) =>
      Promise.resolve({ ...connection!, mechanism: { ...memifMechanism(), parameters: { inodeURL: INODE } } }),
    close: () => Promise.resolve(),
  });
  return { elements: [dialled, answer], come: (fd) => come(fd) };
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

describe("nsm: descriptors of answers", () => {
  for (const late of [false, true]) {
    it(`are closed when the client lets go ${late ? "while one is on its way" : "after one has come"}`, async () => {
      const client = new AbortController();
      const { elements, come } = hop();
      const service = chain(connectionStore(), elements[0], passDescriptors(client.signal), elements[1]);
      const request = { connection: newConnection({ id: "a" }), mechanismPreferences: [] };
      const answer = service.request(request, new Call()).then(
        ({ mechanism }) => mechanism!.parameters["inodeURL"],
        (error: Error) => error,
      );
      await settle();
      const fd = openSync("/dev/null", "r");
      if (late) client.abort();
      come(fd);
      const outcome = await answer;
      if (late) assert.match((outcome as Error).message, /let go/);
      else {
        assert.equal(outcome, `file:///proc/${process.pid}/fd/${fd}`);
        assert.ok(isOpen(fd));
        client.abort();
      }
      const left = isOpen(fd);
      if (left) closeSync(fd);
      assert.ok(!left, "the descriptor is still open");
    });
  }
});
