import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Call,
  chain,
  excludePrefixes,
  formatIp,
  IpPool,
  newConnection,
  newContext,
  newIpContext,
  NsmError,
  parseIp,
  parseRange,
  pointToPointIpam,
  sharedNetworkIpam,
  type Connection,
  type Ipam,
  type NetworkService,
} from "@networkservicemesh/sdk-ts";
import { Recorder } from "./fake.ts";

function serve(ipam: Ipam, recorder = new Recorder()): NetworkService {
  return chain(ipam, recorder.element);
}

async function ask(service: NetworkService, id: string, fields: Partial<Connection> = {}): Promise<Connection> {
  return service.request({ connection: newConnection({ id, ...fields }), mechanismPreferences: [] }, new Call());
}

const context = (fields: Parameters<typeof newIpContext>[0]) => newContext({ ipContext: newIpContext(fields) });
const sources = (connection: Connection) => connection.context?.ipContext?.srcIpAddrs;

describe("nsm: addresses", () => {
  it("a pool hands out each address once, never its edges, and takes each back: whatever is taken, claimed and released", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("take", "claim", "release"), fc.nat(20)), { maxLength: 60 });
    const prefix = fc.constantFrom("10.0.0.0/28", "10.0.0.8/29", "2001:db8::/124");
    fc.assert(
      fc.property(prefix, steps, (text, all) => {
        const pool = new IpPool(text);
        const { family, first, last } = parseRange(text);
        const taken = new Set<bigint>();
        for (const [step, n] of all) {
          const value = first + BigInt(n);
          const free = value > first && value < last && !taken.has(value);
          if (step === "claim") {
            assert.equal(pool.claim(formatIp(family, value)), free);
            if (free) taken.add(value);
          } else if (step === "release") {
            pool.release(formatIp(family, value));
            taken.delete(value);
          } else if (BigInt(taken.size) < last - first - 1n) {
            const got = parseIp(pool.take()).value;
            assert.ok(got > first && got < last && !taken.has(got));
            taken.add(got);
          } else
            assert.throws(
              () => pool.take(),
              (error) => NsmError.is(error, "EXHAUSTED"),
            );
          assert.equal(pool.taken, taken.size);
        }
      }),
    );
  });

  it("gives a client one of each family, the endpoint .1, and the same over refreshes", async () => {
    const service = serve(sharedNetworkIpam({ prefix: "10.60.1.0/24" }, { prefix: "2001:db8::/64" }));
    const made = await ask(service, "a");
    assert.deepEqual(sources(made), ["10.60.1.2/24", "2001:db8::2/64"]);
    assert.deepEqual(made.context?.ipContext?.dstIpAddrs, ["10.60.1.1/24", "2001:db8::1/64"]);
    assert.deepEqual(sources(await ask(service, "a", structuredClone(made))), sources(made));
    assert.deepEqual(sources(await ask(service, "b")), ["10.60.1.3/24", "2001:db8::3/64"]);
    await service.close(made, new Call());
    assert.deepEqual(sources(await ask(service, "c")), ["10.60.1.2/24", "2001:db8::2/64"]);
  });

  it("one family without an address takes none of the other", async () => {
    const ipam = sharedNetworkIpam({ prefix: "10.60.1.0/24" }, { prefix: "2001:db8::/126" });
    const service = serve(ipam);
    await ask(service, "a");
    await assert.rejects(ask(service, "b"), (error) => NsmError.is(error, "EXHAUSTED"));
    assert.equal(ipam.size, 1);
    await service.close(newConnection({ id: "a" }), new Call());
    assert.deepEqual(sources(await ask(service, "b")), ["10.60.1.2/24", "2001:db8::2/126"]);
  });

  it("a Request that fails behind it leaves no address taken", async () => {
    const recorder = new Recorder();
    recorder.onRequest = () => Promise.reject(new NsmError("UNAVAILABLE", "as asked"));
    const ipam = sharedNetworkIpam({ prefix: "10.60.1.0/24" });
    const service = serve(ipam, recorder);
    await assert.rejects(ask(service, "a"));
    assert.equal(ipam.size, 0);
    recorder.onRequest = () => undefined;
    assert.deepEqual(sources(await ask(service, "b")), ["10.60.1.2/24"]);
  });

  it("after a restart: what a Request brings is kept where it is free, and restored assignments go to nobody else", async () => {
    const ipam = sharedNetworkIpam({ prefix: "10.60.1.0/24" });
    const had = { srcIpAddrs: ["10.60.1.2/24"], dstIpAddrs: ["10.60.1.1/24"] };
    assert.equal(ipam.restore("a", had), true);
    assert.equal(ipam.restore("b", had), false, "another's");
    assert.equal(ipam.restore("b", { ...had, srcIpAddrs: ["10.60.2.2/24"] }), false, "of another prefix");
    const service = serve(ipam);
    assert.deepEqual(sources(await ask(service, "new")), ["10.60.1.3/24"]);
    assert.deepEqual(sources(await ask(service, "thief", { context: context(had) })), ["10.60.1.4/24"]);
    assert.deepEqual(sources(await ask(service, "a")), ["10.60.1.2/24"]);
    const recovered = context({ srcIpAddrs: ["10.60.1.77/24"] });
    assert.deepEqual(sources(await ask(service, "back", { context: recovered })), ["10.60.1.77/24"]);
    assert.equal(ipam.restore("late", { ...had, srcIpAddrs: ["10.60.1.99/24"] }), true);
    ipam.release("late");
    assert.equal(ipam.size, 4);
  });

  it("who comes from another endpoint leaves its addresses behind; who just names foreign ones is refused", async () => {
    const service = serve(sharedNetworkIpam({ prefix: "10.60.1.0/24" }));
    const foreign = () => context({ srcIpAddrs: ["10.99.1.2/24"], dstIpAddrs: ["10.99.1.1/24"] });
    await assert.rejects(ask(service, "a", { context: foreign() }), (error) => NsmError.is(error, "INVALID"));
    const moved = await ask(service, "a", { context: foreign(), state: "RESELECT_REQUESTED" });
    assert.deepEqual(sources(moved), ["10.60.1.2/24"]);
    assert.deepEqual(moved.context?.ipContext?.dstIpAddrs, ["10.60.1.1/24"]);
  });

  it("excluded addresses are not given, and what is excluded later is changed", async () => {
    const service = serve(sharedNetworkIpam({ prefix: "10.60.1.0/24" }));
    const excludedPrefixes = ["10.60.1.2/31"];
    const made = await ask(service, "a", { context: context({ excludedPrefixes }) });
    assert.deepEqual(sources(made), ["10.60.1.4/24"]);
    made.context!.ipContext!.excludedPrefixes = ["10.60.1.0/29"];
    assert.deepEqual(sources(await ask(service, "a", made)), ["10.60.1.8/24"]);
  });

  it("point to point: two addresses of a prefix with routes to each other, from the first prefix that has them", async () => {
    const service = serve(pointToPointIpam("172.16.0.0/31", "172.16.1.0/31"));
    const made = await ask(service, "a");
    const { srcIpAddrs, dstIpAddrs, srcRoutes, dstRoutes } = made.context!.ipContext!;
    assert.deepEqual([srcIpAddrs, dstIpAddrs], [["172.16.0.1/32"], ["172.16.0.0/32"]]);
    assert.deepEqual(srcRoutes, [{ prefix: "172.16.0.0/32", nextHop: "" }]);
    assert.deepEqual(dstRoutes, [{ prefix: "172.16.0.1/32", nextHop: "" }]);
    assert.deepEqual(sources(await ask(service, "b")), ["172.16.1.1/32"]);
    await assert.rejects(ask(service, "c"), (error) => NsmError.is(error, "EXHAUSTED"));
  });

  it("a manager excludes its prefixes, and takes no address in them from an endpoint that ignores it", async () => {
    const recorder = new Recorder();
    const service = chain(
      excludePrefixes(() => ["10.96.0.0/12"]),
      recorder.element,
    );
    const made = await ask(service, "a", { context: context({ excludedPrefixes: ["10.0.0.0/16"] }) });
    assert.deepEqual(made.context?.ipContext?.excludedPrefixes, ["10.0.0.0/16", "10.96.0.0/12"]);
    recorder.onRequest = ({ context: given }) => void (given!.ipContext!.srcIpAddrs = ["10.96.0.1/32"]);
    await assert.rejects(ask(service, "b"), (error) => NsmError.is(error, "CONFLICT"));
    assert.deepEqual(
      recorder.closes.map(({ id }) => id),
      ["b"],
    );
  });
});
