import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { IdentitySource, SpiffeError, workloadService, type SourceOptions } from "../../src/spiffe/index.ts";
import { until } from "../sys/support.ts";
import { authority, chainOf, issue, keyOf, type Issued } from "./certificates.ts";

const ID = "spiffe://a.test/lb";

type Call = grpc.ServerWritableStream<object, object>;

/** Stands for an agent where SPIRE's own cannot be made to misbehave: streams that break, answers that are wrong. */
class FakeAgent {
  readonly folder = mkdtempSync(join(tmpdir(), "vpplb-workload-"));
  readonly calls: Call[] = [];
  /** What a new stream begins with. */
  answer: (call: Call) => void = () => undefined;
  #server: grpc.Server | undefined;

  get socket(): string {
    return `unix://${this.folder}/agent.sock`;
  }

  async start(): Promise<void> {
    const server = new grpc.Server();
    this.#server = server;
    const fetch = (call: Call) => {
      if (call.metadata.get("workload.spiffe.io")[0] !== "true")
        return void call.emit("error", { code: grpc.status.INVALID_ARGUMENT, details: "security header missing" });
      this.calls.push(call);
      this.answer(call);
    };
    server.addService(workloadService(), { FetchX509SVID: fetch } as unknown as grpc.UntypedServiceImplementation);
    const credentials = grpc.ServerCredentials.createInsecure();
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix:${this.folder}/agent.sock`, credentials, (error) => (error ? reject(error) : resolve())),
    );
  }

  stop(): void {
    this.#server?.forceShutdown();
  }

  end(): void {
    this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("spiffe: the Workload API", () => {
  const root = authority("a.test");
  let agent: FakeAgent;
  let errors: SpiffeError[];
  let open: IdentitySource[];

  beforeEach(async () => {
    [errors, open] = [[], []];
    agent = new FakeAgent();
    await agent.start();
  });

  afterEach(() => {
    open.forEach((source) => source.close());
    agent.end();
  });

  const source = async (options: SourceOptions = {}, signal?: AbortSignal) => {
    const onError = (error: SpiffeError) => errors.push(error);
    const opened = await IdentitySource.open({ socket: agent.socket, timeoutMs: 5000, onError, ...options }, signal);
    open.push(opened);
    return opened;
  };
  const leaf = (id = ID, toMs?: number) => issue({ uris: [id], ...(toMs === undefined ? {} : { toMs }) }, root);
  const svid = (issued: Issued, id = ID) => ({
    ...{ spiffeId: id, x509Svid: chainOf(issued), x509SvidKey: keyOf(issued), bundle: chainOf(root) },
  });
  const send = (call: Call, ...svids: object[]) => call.write({ svids, federatedBundles: {} });
  const failing = (code: grpc.status, details: string) => (call: Call) => void call.emit("error", { code, details });
  const is = (code: string, text: RegExp) => (error: unknown) =>
    SpiffeError.is(error) && error.code === code && text.test(error.message);

  it("takes the first identity, or the one that is asked for, with the bundles of both trust domains", async () => {
    const [one, two, other] = [leaf(), leaf("spiffe://a.test/two"), authority("b.test")];
    agent.answer = (call) =>
      call.write({
        svids: [svid(one), svid(two, "spiffe://a.test/two")],
        federatedBundles: { "spiffe://b.test": chainOf(other), "spiffe://a.test": chainOf(other) },
      });
    const { svid: first, bundles } = (await source()).identity;
    assert.equal(first.id.text, ID);
    assert.deepEqual([...bundles.keys()], ["a.test", "b.test"]);
    assert.ok(bundles.get("a.test")![0]!.raw.equals(root.certificate.raw), "no other speaks for the own trust domain");
    assert.equal((await source({ id: "spiffe://a.test/two" })).identity.svid.id.path, "/two");
    await assert.rejects(
      source({ id: "spiffe://a.test/three", timeoutMs: 200 }),
      is("DENIED", /has for this process: spiffe:\/\/a\.test\/lb, spiffe:\/\/a\.test\/two/),
    );
  });

  it("rotates; the earlier one is known for connections made with it, until it expires", async () => {
    const soonMs = Math.ceil((Date.now() + 1500) / 1000) * 1000;
    const [first, second] = [leaf(ID, soonMs), leaf()];
    agent.answer = (call) => send(call, svid(first));
    const mine = await source();
    send(agent.calls[0]!, svid(second));
    await until("it has rotated", () => mine.identity.svid.certificates[0]!.raw.equals(second.certificate.raw));
    assert.equal(mine.svidOf(first.certificate.raw).expiresMs, soonMs);
    assert.equal(mine.svidOf(undefined), mine.identity.svid);
    await until("the first has expired", () => Date.now() > soonMs, 5000);
    assert.equal(mine.svidOf(first.certificate.raw), mine.identity.svid);
  });

  it("asks again when the stream ends, breaks, or the agent is gone for a while", async () => {
    const made = [leaf(), leaf(), leaf()];
    agent.answer = (call) => send(call, svid(made[agent.calls.length - 1] ?? made[2]!));
    const mine = await source();
    const has = (issued: Issued) => () => mine.identity.svid.certificates[0]!.raw.equals(issued.certificate.raw);
    agent.calls[0]!.end();
    await until("it asked again after the end", has(made[1]!));
    agent.stop();
    await until("it saw the loss", () => errors.length >= 3);
    assert.ok(has(made[1]!)(), "what it has is good meanwhile");
    await agent.start();
    await until("it asked again after the loss", has(made[2]!), 10_000);
    assert.ok(errors.every((error) => error.code === "UNAVAILABLE"));
  });

  it("an answer that cannot be read changes nothing", async () => {
    const first = leaf();
    agent.answer = (call) => send(call, svid(first));
    const mine = await source();
    const stranger = leaf("spiffe://a.test/stranger");
    const cut = { ...svid(leaf()), bundle: chainOf(root).subarray(0, -1) };
    for (const wrong of [cut, { ...svid(leaf()), x509SvidKey: keyOf(root) }, svid(stranger), { ...cut, bundle: "" }])
      send(agent.calls[0]!, wrong);
    send(agent.calls[0]!);
    await until("all were looked at", () => errors.length === 5);
    assert.deepEqual(
      errors.map((error) => error.code),
      ["INVALID", "INVALID", "INVALID", "INVALID", "DENIED"],
    );
    assert.ok(mine.identity.svid.certificates[0]!.raw.equals(first.certificate.raw));
  });

  it("waits for a registration until its time is over, and says what stood in the way", async () => {
    agent.answer = failing(grpc.status.PERMISSION_DENIED, "no identity issued");
    await assert.rejects(source({ timeoutMs: 300 }), is("DENIED", /no registration entry fits/));
    agent.answer = (call) =>
      agent.calls.length < 4 ? failing(grpc.status.PERMISSION_DENIED, "")(call) : send(call, svid(leaf()));
    agent.calls.length = 0;
    assert.equal((await source()).identity.svid.id.text, ID);
    agent.answer = () => undefined;
    await assert.rejects(source({ timeoutMs: 200 }), is("UNAVAILABLE", /no identity within 200 ms/));
    const abort = new AbortController();
    const given = source({}, abort.signal);
    abort.abort();
    await assert.rejects(given, is("CLOSED", /given up/));
  });

  it("says so when its identity has expired or it is closed; addresses and ids that are none are refused", async () => {
    const expired = issue({ uris: [ID], fromMs: Date.now() - 20_000, toMs: Date.now() - 10_000 }, root);
    agent.answer = (call) => send(call, svid(expired));
    const mine = await source();
    assert.throws(() => mine.identity, is("EXPIRED", /has expired at .*no newer one has come/));
    mine.close();
    assert.throws(() => mine.identity, is("CLOSED", /closed/));
    for (const socket of ["/run/agent.sock", "unix:relative", "tcp://localhost:1", "http://127.0.0.1:1", ""])
      await assert.rejects(source({ socket }), is("INPUT", /./), socket);
    await assert.rejects(source({ id: "lb" }), is("INPUT", /is no SPIFFE ID/));
  });
});
