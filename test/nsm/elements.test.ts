import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Call,
  chain,
  clone,
  compose,
  connect,
  connectionContext,
  ConnectionMonitor,
  connectionStore,
  expand,
  interfaceNameFor,
  kernelServer,
  matches,
  matchesEndpoint,
  mechanisms,
  newConnection,
  newEndpoint,
  newSegment,
  newService,
  NsmError,
  offerMechanisms,
  selectEndpoints,
  trimPath,
  keepPath,
  updatePath,
  type ChainElement,
  type Connection,
  type ConnectionEvent,
} from "@networkservicemesh/sdk-ts";
import { mergeConnection } from "../../src/nsm/elements/merge.ts";
import { connectionAt, Recorder } from "./fake.ts";

const request = (connection: Connection, types: readonly string[] = []) => ({
  connection,
  mechanismPreferences: types.map((type) => ({ cls: "LOCAL", type, parameters: {} })),
});
const names = ({ path }: Connection) => path?.pathSegments.map(({ name }) => name);

describe("nsm: path", () => {
  const hops = ["client", "nsmgr", "forwarder", "endpoint"];
  const through = (recorder: Recorder, own: readonly string[] = hops) =>
    chain(...own.map((name) => updatePath(name)), recorder.element);

  it("each hop appends itself with an id of its own; back at a hop the connection has its id and index", async () => {
    const recorder = new Recorder();
    const made = await through(recorder).request(request(newConnection({ id: "x" })), new Call());
    assert.deepEqual(names(made), hops);
    assert.deepEqual([made.id, made.path?.index], ["x", 0]);
    const [last] = recorder.requests;
    assert.deepEqual([last?.path?.index, last?.id], [3, last?.path?.pathSegments[3]?.id]);
    assert.equal(new Set(made.path?.pathSegments.map(({ id }) => id)).size, 4);
  });

  it("a refresh keeps every id; another hop in the place of one gets a new one, those behind keep theirs", async () => {
    const recorder = new Recorder();
    const made = await through(recorder).request(request(newConnection()), new Call());
    const again = await through(recorder).request(request(clone(made)), new Call());
    assert.deepEqual(again.path, made.path);
    const other = ["client", "nsmgr", "forwarder2", "endpoint"];
    const moved = await through(recorder, other).request(request(clone(made)), new Call());
    const same = moved.path!.pathSegments.map(({ id }, i) => id === made.path!.pathSegments[i]!.id);
    assert.deepEqual(same, [true, true, false, true]);
  });

  it("an endpoint cuts off what comes after it, a hop that carries on does not", async () => {
    const longer = () => connectionAt(0, [{ name: "client" }, { name: "nsmgr" }, { name: "old" }]);
    const ends = chain(updatePath("nsmgr"), connectionStore(), trimPath());
    assert.deepEqual(names(await ends.request(request(longer()), new Call())), ["client", "nsmgr"]);
    const client = chain(keepPath());
    const carries = chain(updatePath("nsmgr"), connectionStore(), trimPath(), connect(client));
    assert.deepEqual(names(await carries.request(request(longer()), new Call())), ["client", "nsmgr", "old"]);
  });
});

describe("nsm: mechanisms", () => {
  const fails: ChainElement = () => ({
    request: () => Promise.reject(new NsmError("UNAVAILABLE", "broken")),
    close: () => Promise.resolve(),
  });
  const passes: ChainElement = (next) => next;

  for (const [asked, here, chosen] of [
    [["MEMIF", "KERNEL"], { KERNEL: passes, MEMIF: passes }, "MEMIF"],
    [["SRIOV", "KERNEL"], { KERNEL: passes, MEMIF: passes }, "KERNEL"],
    [["MEMIF", "KERNEL"], { KERNEL: passes, MEMIF: fails }, "KERNEL"],
  ] as const)
    it(`of ${asked.join(", ")}: ${chosen}`, async () => {
      const service = chain(mechanisms(here));
      const made = await service.request(request(newConnection(), asked), new Call());
      assert.equal(made.mechanism?.type, chosen);
      const again = await service.request(request(made, ["KERNEL", "MEMIF"]), new Call());
      assert.equal(again.mechanism?.type, chosen, "it stays on a refresh");
    });

  it("none in common, none at all, or one in place that is not here: UNSUPPORTED", async () => {
    const service = chain(mechanisms({ KERNEL: passes }));
    const mechanism = { cls: "LOCAL", type: "SRIOV", parameters: {} };
    for (const one of [
      request(newConnection(), ["SRIOV"]),
      request(newConnection()),
      request(newConnection({ mechanism }), ["KERNEL"]),
    ])
      await assert.rejects(service.request(one, new Call()), (error) => NsmError.is(error, "UNSUPPORTED"));
  });

  it("a client offers its own where the Request names none", async () => {
    const offered = { cls: "LOCAL", type: "MEMIF", parameters: {} };
    const seen: string[][] = [];
    const look: ChainElement = (next) => ({
      request: (one, call) => {
        seen.push(one.mechanismPreferences.map(({ type }) => type));
        return next.request(one, call);
      },
      close: (connection, call) => next.close(connection, call),
    });
    const service = chain(offerMechanisms(offered), look);
    await service.request(request(newConnection()), new Call());
    await service.request(request(newConnection(), ["KERNEL"]), new Call());
    assert.deepEqual(seen, [["MEMIF"], ["KERNEL"]]);
  });

  it("an interface gets a name that the kernel takes, whatever the service is called", async () => {
    fc.assert(
      fc.property(fc.string(), (service) => {
        assert.match(interfaceNameFor(service), /^[A-Za-z0-9-]{1,15}$/);
      }),
    );
    const service = chain(mechanisms({ KERNEL: kernelServer("/ns") }));
    const made = await service.request(request(newConnection({ networkService: "a b/c" }), ["KERNEL"]), new Call());
    assert.equal(made.mechanism?.parameters["inodeURL"], "file:///ns");
    assert.match(made.mechanism.parameters["name"] ?? "", /^abc-[0-9a-f]{6}$/);
  });
});

describe("nsm: context, merge and copies", () => {
  it("routes of an endpoint come once, the smaller MTU stays", async () => {
    const srcRoutes = [{ prefix: "10.2.2.0/24", nextHop: "10.60.1.1" }];
    const service = chain(connectionContext(() => ({ srcRoutes, mtu: 9000, extraContext: { a: "b" } })));
    const made = await service.request(request(newConnection()), new Call());
    const again = await service.request(request(clone(made)), new Call());
    assert.deepEqual(again.context?.ipContext?.srcRoutes, srcRoutes);
    assert.equal(again.context?.MTU, 9000);
    again.context.MTU = 1500;
    assert.equal((await service.request(request(again), new Call())).context?.MTU, 1500);
  });

  it("a repeated Request changes what its caller changed, and undoes nothing that came meanwhile", () => {
    const returned = newConnection({ id: "a", networkServiceEndpointName: "one" });
    const current = newConnection({ id: "a", networkServiceEndpointName: "two", labels: { healed: "yes" } });
    const unchanged = mergeConnection(returned, clone(returned), current);
    assert.deepEqual(unchanged, current);
    const wanted = { ...clone(returned), networkServiceEndpointName: "three" };
    assert.equal(mergeConnection(returned, wanted, current).networkServiceEndpointName, "three");
    assert.equal(mergeConnection(undefined, returned, undefined), returned);
  });

  it("a copy is equal and shares nothing, whatever keys there are", () => {
    const labels = fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), fc.string(), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(labels, (each) => {
        const message = newConnection({ labels: each });
        const copy = clone(message);
        assert.deepEqual(copy, message);
        assert.notEqual(copy.labels, message.labels);
        assert.deepEqual(Object.keys(copy.labels), Object.keys(each));
      }),
    );
  });
});

describe("nsm: monitor", () => {
  const segment = (name: string, id: string) => newSegment({ name, id });
  const at = (id: string, ids: readonly string[]) =>
    newConnection({ id, path: { index: 0, pathSegments: ids.map((each) => segment(`hop-${each}`, each)) } });

  it("a listener by id gets what a listener to all would, of its own: whatever is told", () => {
    const ids = fc.constantFrom("a", "b", "c", "d");
    const paths = fc.uniqueArray(ids, { minLength: 1, maxLength: 4 });
    const steps = fc.array(fc.tuple(fc.boolean(), paths), { maxLength: 30 });
    fc.assert(
      fc.property(ids, fc.nat(30), steps, (wanted, from, all) => {
        const hub = new ConnectionMonitor();
        const selector = { pathSegments: [newSegment({ id: wanted })] };
        const mine: ConnectionEvent[] = [];
        const everything: ConnectionEvent[] = [];
        let end: (() => void) | undefined;
        all.forEach(([deleted, path], i) => {
          if (i === from) {
            end = hub.listen(selector, (event) => mine.push(event));
            hub.listen({ pathSegments: [] }, (event) => everything.push(event));
          }
          if (deleted) hub.delete(at(path[0]!, path));
          else hub.update(at(path[0]!, path));
        });
        const expected = everything.map(({ type, connections }) => ({
          type,
          connections: Object.fromEntries(Object.entries(connections).filter(([, one]) => matches(one, selector))),
        }));
        const told = expected.filter((event, i) => i === 0 || Object.keys(event.connections).length > 0);
        assert.deepEqual(mine, told);
        end?.();
        assert.equal(hub.listeners, end === undefined ? 0 : 1);
      }),
    );
  });

  it("a selector is a contiguous part of the path, empty fields match anything", () => {
    const connection = at("a", ["a", "b", "c"]);
    const select = (...ids: readonly string[]) =>
      matches(connection, { pathSegments: ids.map((id) => newSegment({ id })) });
    assert.deepEqual(
      [select(), select("b"), select("a", "b"), select("", "c"), select("a", "c"), select("", "", "", "")],
      [true, true, true, true, false, false],
    );
    assert.equal(matches(connection, { pathSegments: [newSegment({ name: "hop-b" })] }), true);
  });

  it("refuses more listeners than it has place for, and has place again when one ends", () => {
    const hub = new ConnectionMonitor(1);
    const end = hub.listen({ pathSegments: [] }, () => undefined);
    assert.throws(
      () => hub.listen({ pathSegments: [] }, () => undefined),
      (error) => NsmError.is(error, "EXHAUSTED"),
    );
    end();
    end();
    hub.listen({ pathSegments: [] }, () => undefined);
  });
});

describe("nsm: matching", () => {
  const endpoint = (name: string, labels: Record<string, string>) =>
    newEndpoint({ name, networkServiceNames: ["s"], networkServiceLabels: { s: { labels } } });
  const [web, db] = [endpoint("web", { app: "web", zone: "1" }), endpoint("db", { app: "db" })];
  const match = (sourceSelector: Record<string, string>, ...routes: readonly Record<string, string>[]) => ({
    sourceSelector,
    routes: routes.map((destinationSelector) => ({ destinationSelector, weight: 0 })),
    fallthrough: false,
    metadata: null,
  });
  const select = (labels: Record<string, string>, ...all: readonly ReturnType<typeof match>[]) =>
    selectEndpoints(labels, newService({ name: "s", matches: [...all] }), [web, db]).map(({ name }) => name);

  it("no match: all; else the first whose selector fits, by its routes", () => {
    assert.deepEqual(select({}), ["web", "db"]);
    assert.deepEqual(select({ app: "x" }, match({ app: "x" }, { app: "db" }), match({}, { app: "web" })), ["db"]);
    assert.deepEqual(select({ app: "y" }, match({ app: "x" }, { app: "db" }), match({}, { app: "web" })), ["web"]);
    assert.deepEqual(select({}, match({ app: "x" }, { app: "db" })), []);
  });

  it("falls through where nothing fits and the match says so", () => {
    const through = { ...match({}, { app: "none" }), fallthrough: true };
    assert.deepEqual(select({}, through, match({}, { app: "db" })), ["db"]);
    assert.deepEqual(select({}, match({}, { app: "none" }), match({}, { app: "db" })), []);
  });

  it("selectors are templates over the client's labels", () => {
    assert.equal(expand('{{.zone}}-{{ index . "node-name" }}', { zone: "1", "node-name": "n" }), "1-n");
    assert.equal(expand("{{.constructor}}", {}), "<no value>");
    assert.deepEqual(select({ zone: "1" }, match({}, { zone: "{{.zone}}" })), ["web"]);
  });

  it("a query agrees in every field that it sets, and no field is one of Object's", () => {
    assert.equal(matchesEndpoint(newEndpoint({ networkServiceNames: ["s"] }), web), true);
    assert.equal(matchesEndpoint(newEndpoint({ networkServiceNames: ["t"] }), web), false);
    assert.equal(matchesEndpoint(newEndpoint({ networkServiceLabels: { s: { labels: { zone: "1" } } } }), web), true);
    const odd = newEndpoint({ networkServiceLabels: { constructor: { labels: { a: "b" } } } });
    assert.equal(matchesEndpoint(odd, web), false);
  });
});

describe("nsm: connect", () => {
  it("closes what the client behind it made where what follows fails; a Close reaches both, whichever fails", async () => {
    const behind = new Recorder();
    const after = new Recorder();
    after.onRequest = () => Promise.reject(new NsmError("UNSUPPORTED", "as asked"));
    const service = chain(compose(connect(chain(behind.element)), after.element));
    await assert.rejects(service.request(request(newConnection({ id: "a" })), new Call()), /as asked/);
    assert.equal(behind.closes.length, 1);
    const fails: ChainElement = () => ({
      request: () => Promise.reject(new NsmError("UNAVAILABLE", "gone")),
      close: () => Promise.reject(new NsmError("UNAVAILABLE", "gone")),
    });
    const broken = chain(connect(chain(fails)), after.element);
    await assert.rejects(broken.close(newConnection({ id: "a" }), new Call()), /gone/);
    assert.equal(after.closes.length, 1);
  });
});
