import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Call,
  expiringEndpoints,
  memoryRegistries,
  newEndpoint,
  NsmError,
  refresh,
  refreshDelayMs,
  registrationTime,
  timeout,
  toTimestamp,
} from "@networkservicemesh/sdk-ts";
import { callWith, connectionAt, FakeClock, inChain, Recorder, settle } from "./fake.ts";

const HOUR_MS = 3_600_000;

describe("nsm: timers", () => {
  let clock: FakeClock;
  let abort: AbortController;

  beforeEach(() => {
    clock = new FakeClock();
    abort = new AbortController();
  });

  const two = (lifetimeMs: number) =>
    connectionAt(1, [{ name: "client", expiresMs: clock.now() + lifetimeMs }, { name: "server" }]);
  const ask = (connection: ReturnType<typeof two>) => ({ connection, mechanismPreferences: [] });

  describe("timeout", () => {
    it("closes what is not refreshed while its token still lives, once", async () => {
      const { service } = inChain(timeout(abort.signal, clock));
      let closed = 0;
      const call = callWith({ close: () => Promise.resolve(void (closed += 1)) });
      await service.request(ask(two(10_000)), call);
      await clock.pass(8_999);
      assert.equal(closed, 0);
      await clock.pass(1);
      assert.equal(closed, 1);
      await clock.pass(HOUR_MS);
      assert.equal(closed, 1);
    });

    it("a refresh begins the time again; a Close and the end of the chain end it", async () => {
      const { service } = inChain(timeout(abort.signal, clock));
      let closed = 0;
      const call = callWith({ close: () => Promise.resolve(void (closed += 1)) });
      await service.request(ask(two(10_000)), call);
      await clock.pass(8000);
      await service.request(ask(two(10_000)), call);
      assert.equal(clock.due.length, 1);
      await clock.pass(8000);
      assert.equal(closed, 0);
      await service.close(two(10_000), call);
      assert.deepEqual(clock.due, []);
      await service.request(ask(two(10_000)), call);
      abort.abort();
      assert.deepEqual(clock.due, []);
    });

    it("refuses what has no expiration, or a past one, before anything is made", async () => {
      const { service, recorder } = inChain(timeout(abort.signal, clock));
      const none = connectionAt(1, [{ name: "client" }, { name: "server" }]);
      await assert.rejects(service.request(ask(none), callWith({})), (error) => NsmError.is(error, "INVALID"));
      await assert.rejects(service.request(ask(two(-1)), callWith({})), (error) => NsmError.is(error, "DENIED"));
      assert.equal(recorder.requests.length, 0);
      assert.deepEqual(clock.due, []);
    });
  });

  describe("refresh", () => {
    it("asks again in the first third of the shortest lifetime on the path, whatever the path", () => {
      const lifetimes = fc.array(fc.integer({ min: 1000, max: HOUR_MS }), { minLength: 1, maxLength: 8 });
      fc.assert(
        fc.property(lifetimes, fc.nat(7), (each, at) => {
          const hops = each.map((lifetimeMs, i) => ({ name: `hop${i}`, expiresMs: clock.now() + lifetimeMs }));
          const delayMs = refreshDelayMs(connectionAt(at % hops.length, hops), clock.now());
          const shortest = Math.min(...each);
          assert.ok(delayMs >= 200 || delayMs >= shortest * 0.2);
          assert.ok(delayMs <= Math.max(200, shortest * 0.4 + 1), `${delayMs} of ${shortest}`);
        }),
      );
      const mine = [
        { name: "a", expiresMs: clock.now() + 10_000 },
        { name: "b", expiresMs: clock.now() + HOUR_MS },
      ];
      assert.equal(refreshDelayMs(connectionAt(0, mine), clock.now()), 2000);
      assert.equal(Math.round(refreshDelayMs(connectionAt(0, mine.slice(0, 1)), clock.now())), 3333);
    });

    it("tries again each 200 ms until it succeeds; a Close ends it", async () => {
      const failures: unknown[] = [];
      const { service } = inChain(refresh(abort.signal, { clock, onError: (error) => failures.push(error) }));
      let asked = 0;
      const call = callWith({
        request: () => {
          asked += 1;
          return asked < 3 ? Promise.reject(new NsmError("UNAVAILABLE", "down")) : Promise.resolve(undefined);
        },
      });
      const made = connectionAt(0, [{ name: "client", expiresMs: clock.now() + 3000 }, { name: "next" }]);
      await service.request(ask(made), call);
      assert.deepEqual(clock.due, [600]);
      await clock.pass(599);
      assert.equal(asked, 0);
      await clock.pass(401);
      assert.equal(asked, 3);
      assert.equal(failures.length, 2);
      assert.deepEqual(clock.due, []);
      await service.request(ask(made), call);
      await service.close(made, call);
      assert.deepEqual(clock.due, []);
    });

    it("a Request that fails leaves the refresh as it was", async () => {
      const recorder = new Recorder();
      const { service } = inChain(refresh(abort.signal, { clock }), recorder);
      const made = connectionAt(0, [{ name: "client", expiresMs: clock.now() + 3000 }]);
      await service.request(ask(made), callWith({}));
      recorder.onRequest = () => Promise.reject(new NsmError("UNAVAILABLE", "down"));
      await assert.rejects(service.request(ask(made), callWith({})));
      assert.equal(clock.due.length, 1);
    });
  });

  describe("registrations", () => {
    const endpoint = newEndpoint({ name: "e", url: "tcp://127.0.0.1:1" });

    it("expire when the least of registry's, endpoint's and token's time is over; renewing begins it again", async () => {
      const { endpoints } = memoryRegistries();
      const expiring = expiringEndpoints(endpoints, abort.signal, { maxLifetimeMs: 60_000, clock });
      const token = (lifetimeMs: number) =>
        new Map([
          ["nsm-client-token", ["a.b.c"]],
          ["nsm-client-token-expires", [new Date(clock.now() + lifetimeMs).toISOString()]],
        ]);
      await expiring.register(endpoint, new Call());
      assert.deepEqual(clock.due, [60_000]);
      await expiring.register(endpoint, new Call({ metadata: token(5000) }));
      assert.deepEqual(clock.due, [5000]);
      const own = { ...endpoint, expirationTime: toTimestamp(clock.now() + 1000) };
      await expiring.register(own, new Call({ metadata: token(5000) }));
      assert.deepEqual(clock.due, [1000]);
      await expiring.register(endpoint, new Call());
      await clock.pass(59_999);
      assert.equal(endpoints.size, 1);
      await clock.pass(1);
      await settle();
      assert.equal(endpoints.size, 0);
    });

    it("keep the time of the first, also one that comes from a registry before", async () => {
      const { endpoints } = memoryRegistries();
      const kept = registrationTime(endpoints, clock);
      const first = (await kept.register(endpoint, new Call())).initialRegistrationTime;
      await clock.pass(5000);
      const brought = { ...endpoint, initialRegistrationTime: toTimestamp(5000) };
      assert.deepEqual((await kept.register(brought, new Call())).initialRegistrationTime, first);
      await kept.unregister(endpoint, new Call());
      assert.deepEqual((await kept.register(brought, new Call())).initialRegistrationTime, toTimestamp(5000));
    });
  });
});
