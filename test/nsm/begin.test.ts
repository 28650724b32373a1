import assert from "node:assert/strict";
import fc from "fast-check";
import {
  begin,
  Call,
  chain,
  CONNECTION_EVENTS,
  IS_NEW,
  newConnection,
  NsmError,
  RefusedError,
  type ChainElement,
  type Connection,
  type ConnectionEvents,
  type NetworkService,
} from "@networkservicemesh/sdk-ts";
import { Recorder, settle } from "./fake.ts";

const ask = (service: NetworkService, fields: Partial<Connection> = {}, call = new Call()) =>
  service.request({ connection: newConnection({ id: "a", ...fields }), mechanismPreferences: [] }, call);

/** What is behind `begin`: waits for the scheduler, counts who is inside, keeps what is open. */
function scheduledEnd(scheduler: fc.Scheduler, failing: readonly boolean[]) {
  const state = { inside: 0, most: 0, open: false, order: [] as string[] };
  let calls = 0;
  const enter = async (what: string): Promise<void> => {
    state.inside += 1;
    state.most = Math.max(state.most, state.inside);
    state.order.push(what);
    await scheduler.schedule(Promise.resolve(), what);
    state.inside -= 1;
  };
  const element: ChainElement = () => ({
    async request({ connection }) {
      const fails = failing[calls++ % failing.length] === true;
      await enter("request");
      if (fails) throw new NsmError("UNAVAILABLE", "as asked");
      state.open = true;
      return connection!;
    },
    async close() {
      await enter("close");
      state.open = false;
    },
  });
  return { element, state };
}

describe("nsm: begin", () => {
  it("however Requests and Closes of a connection race: one at a time, in order, and nothing stays open after a last Close", async () => {
    const steps = fc.array(fc.constantFrom("request", "close"), { minLength: 1, maxLength: 12 });
    const failing = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), steps, failing, async (scheduler, asked, fails) => {
        const { element, state } = scheduledEnd(scheduler, fails);
        const service = chain(begin(), element);
        const calls = [...asked, "close"].map((step) =>
          step === "request"
            ? ask(service).catch((error: unknown) => assert.ok(NsmError.is(error, "UNAVAILABLE")))
            : service.close(newConnection({ id: "a" }), new Call()),
        );
        await scheduler.waitFor(Promise.all(calls));
        assert.equal(state.most <= 1, true, "one at a time");
        assert.equal(state.open, false);
        // A Close is passed on once for each time that it was open.
        for (const [i, what] of state.order.entries())
          if (what === "close") assert.equal(state.order[i - 1], "request", state.order.join(" "));
      }),
      { numRuns: 200 },
    );
  });

  it("connections do not wait for each other", async () => {
    const recorder = new Recorder();
    recorder.onRequest = ({ id }) => (id === "slow" ? new Promise(() => undefined) : undefined);
    const service = chain(begin(), recorder.element);
    void ask(service, { id: "slow" });
    await ask(service, { id: "quick" });
    assert.deepEqual(recorder.requests.map(({ id }) => id).sort(), ["quick", "slow"]);
  });

  it("closes with what it last returned, not with what the caller has; what it does not know, not at all", async () => {
    const recorder = new Recorder();
    recorder.onRequest = (connection) => void (connection.labels["made"] = "here");
    const service = chain(begin(), recorder.element);
    await service.close(newConnection({ id: "a" }), new Call());
    assert.equal(recorder.closes.length, 0);
    await ask(service);
    await service.close(newConnection({ id: "a" }), new Call());
    await service.close(newConnection({ id: "a" }), new Call());
    assert.deepEqual(
      recorder.closes.map(({ labels }) => labels),
      [{ made: "here" }],
    );
  });

  it("tells a Request that makes a connection from one that refreshes it", async () => {
    const seen: boolean[] = [];
    const look: ChainElement = (next) => ({
      request: (request, call) => {
        seen.push(call.get(IS_NEW) === true);
        return next.request(request, call);
      },
      close: (connection, call) => next.close(connection, call),
    });
    const recorder = new Recorder();
    const service = chain(begin(), look, recorder.element);
    await ask(service);
    await ask(service);
    await service.close(newConnection({ id: "a" }), new Call());
    await ask(service);
    assert.deepEqual(seen, [true, false, true]);
  });

  it("undoes a first Request whose caller gave up meanwhile, and no later one", async () => {
    const recorder = new Recorder();
    const service = chain(begin({ undoAbandoned: true }), recorder.element);
    const impatient = () => {
      const abort = new AbortController();
      recorder.onRequest = () => abort.abort();
      return new Call({ signal: abort.signal });
    };
    await assert.rejects(ask(service, {}, impatient()), (error) => NsmError.is(error, "CANCELLED"));
    assert.equal(recorder.closes.length, 1);
    recorder.onRequest = () => undefined;
    await ask(service);
    await ask(service, {}, impatient());
    assert.equal(recorder.closes.length, 1);
  });

  it("a call that nobody waits for any more is not begun, and leaves nothing", async () => {
    const recorder = new Recorder();
    const service = chain(begin({ maxConnections: 1 }), recorder.element);
    const signal = AbortSignal.abort();
    await assert.rejects(ask(service, {}, new Call({ signal })), (error) => NsmError.is(error, "CANCELLED"));
    assert.equal(recorder.requests.length, 0);
    // There is place for one: it is not taken.
    await ask(service, { id: "b" });
  });

  it("bounds connections and who waits for one", async () => {
    const recorder = new Recorder();
    const service = chain(begin({ maxConnections: 2, maxWaiting: 3 }), recorder.element);
    await ask(service, { id: "a" });
    await ask(service, { id: "b" });
    await assert.rejects(ask(service, { id: "c" }), (error) => NsmError.is(error, "EXHAUSTED"));
    recorder.onRequest = () => new Promise(() => undefined);
    for (let i = 0; i < 3; i++) void ask(service, { id: "a" });
    await assert.rejects(ask(service, { id: "a" }), (error) => NsmError.is(error, "EXHAUSTED"));
  });

  it("reselects: closes, and asks for any endpoint and mechanism; in turn behind what is going on", async () => {
    const recorder = new Recorder();
    let events: ConnectionEvents | undefined;
    const look: ChainElement = (next) => ({
      request: (request, call) => {
        events = call.get(CONNECTION_EVENTS);
        return next.request(request, call);
      },
      close: (connection, call) => next.close(connection, call),
    });
    const service = chain(begin({ merge: true }), look, recorder.element);
    const mechanism = { cls: "LOCAL", type: "KERNEL", parameters: {} };
    await ask(service, { networkServiceEndpointName: "e", mechanism });
    const again = await events!.request({ reselect: true });
    assert.equal(again?.state, "UP");
    const { state, networkServiceEndpointName, mechanism: asked } = recorder.requests.at(-1)!;
    assert.deepEqual(
      { state, networkServiceEndpointName, asked },
      { state: "RESELECT_REQUESTED", networkServiceEndpointName: "", asked: null },
    );
    assert.equal(recorder.closes.length, 1);
    await service.close(newConnection({ id: "a" }), new Call());
    assert.equal(await events!.request(), undefined, "closed: there is nothing to ask for");
    await settle();
    assert.equal(recorder.requests.length, 2);
  });

  it("a Close that was refused leaves the connection as it was; one that failed behind is a Close", async () => {
    const recorder = new Recorder();
    const failures: NsmError[] = [new RefusedError("DENIED", "not yours"), new NsmError("UNAVAILABLE", "gone")];
    const fails: ChainElement = (next) => ({
      request: (request, call) => next.request(request, call),
      close: async (connection, call) => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        await next.close(connection, call);
      },
    });
    const service = chain(begin(), fails, recorder.element);
    const close = () => service.close(newConnection({ id: "a" }), new Call());
    await ask(service);
    await assert.rejects(close(), /not yours/);
    await assert.rejects(close(), /gone/);
    await close();
    assert.equal(recorder.closes.length, 0, "it was closed by the second");
    failures.push(new RefusedError("DENIED", "not yours"));
    await ask(service);
    await assert.rejects(close(), /not yours/);
    await close();
    assert.equal(recorder.closes.length, 1);
  });
});
