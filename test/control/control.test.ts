import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import fc from "fast-check";
import { Subject } from "rxjs";
import { ControlClient, ControlError, startControlServer } from "../../src/control/index.ts";
import type { ControlErrorCode } from "../../src/control/index.ts";
import { fromStruct, toStruct } from "../../src/control/struct.ts";
import { ControllerError } from "../../src/controller/errors.ts";
import type {
  Actor,
  ApplyResult,
  ControllerApi,
  ControllerEvent,
  ControllerStatus,
  HistoryEntry,
  PastExplanation,
  PlanResult,
  Row,
} from "../../src/controller/types.ts";

const status: ControllerStatus = {
  startedAt: "2026-01-01T00:00:00.000Z",
  uptimeS: 0,
  vpp: {
    state: "ready",
    socket: "/x",
    version: "26.06",
    pid: 7,
    since: "2026-01-01T00:00:00.000Z",
    connects: 1,
    warnings: ["open"],
  },
  config: { warnings: [] },
  sync: {
    state: "in-sync",
    pending: [],
    failed: [{ id: "a", sentence: "b", error: "c", attempts: 2 }],
    problems: [],
    foreign: ["vip 1"],
    warnings: ["kept on purpose"],
  },
  tables: [
    {
      vip: "10.2.2.0/24",
      size: 64,
      srcIpSticky: false,
      algorithm: "plain",
      servers: [{ address: "10.60.1.2", weight: 1 }],
      digest: "0123456789abcdef",
    },
  ],
  replicas: [
    { url: "http://a/digests", state: "differs", askedAt: "t", disagreements: [{ vip: "v", reasons: ["size"] }] },
  ],
  drains: [{ server: "10.60.1.2", since: "2026-01-01T00:00:00.000Z", flush: false }],
  counts: {
    vips: 1,
    streams: 2,
    flowRules: 5,
    servers: 3,
    interfaces: 4,
    bridges: 1,
    routes: 0,
    flows: 0,
    operations: 12,
  },
};

const row: Row = {
  key: "10.2.2.0/24",
  owner: "ours",
  state: "ok",
  desired: { prefix: "10.2.2.0/24", nested: { list: [1, "two", false, null, []], none: null }, zero: 0, empty: "" },
  columns: { encap: "gre4", servers: 3, sticky: false },
};

const plan: PlanResult = {
  operations: [
    {
      id: "vip 10.2.2.0/24 delete",
      kind: "vip",
      object: "10.2.2.0/24",
      verb: "delete",
      action: { type: "vip-delete", vip: { prefix: "10.2.2.0/24" } },
      sentence: "Delete it",
      dependsOn: [],
      stage: 3,
    },
  ],
  disruption: [{ vip: "10.2.2.0/24", moved: 0.25, least: 0, flowsLost: 0 }],
  problems: [],
  warnings: ["w"],
  foreign: [],
  diagnostics: [{ severity: "warning", message: "m", path: "", line: 3, column: 1 }],
};

const entry: HistoryEntry = {
  id: 7,
  at: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:00:01.000Z",
  cause: "operator",
  reason: "apply",
  by: { uid: 0, user: "root" },
  result: "ok",
  done: 1,
  failed: 0,
  moved: 0.25,
  vips: ["10.2.2.0/24"],
  servers: [],
  vpp: { incarnation: 1, version: "26.06", pid: 7 },
  operations: [],
  desired: { vips: [{ prefix: "10.2.2.0/24", srcIpSticky: false }] },
};

const past: PastExplanation = {
  flow: { src: "", dst: "", protocol: "tcp", srcPort: 0, dstPort: 0 },
  at: "",
  certainty: "new-flows",
  server: "10.60.1.2",
  hash: 0xffffffff,
  candidates: [{ from: "2026-01-01T00:00:00.000Z", server: "10.60.1.2" }],
  flowTimeoutS: 40,
  steps: ["one"],
};

const applied: ApplyResult = {
  ok: true,
  applied: ["one"],
  failed: [],
  problems: [],
  disruption: [],
  diagnostics: [],
};

/** The controller's side of the interface, with what it was asked. */
class Controller implements ControllerApi {
  readonly events$ = new Subject<ControllerEvent>();
  readonly asked: unknown[] = [];
  by: Actor | undefined;
  status = () => status;
  get = async (kind: string) => (this.asked.push(kind), [row, { ...row, desired: {}, observed: {} }]);
  plan = async (yaml?: string) => (this.asked.push(yaml), plan);
  apply = async (yaml?: string, opts?: unknown): Promise<ApplyResult> => {
    this.asked.push([yaml, opts]);
    this.by = (opts as { by?: Actor } | undefined)?.by;
    return applied;
  };
  drain = async (server: string): Promise<never> => {
    throw new ControllerError("NOT_FOUND", `no server ${server} ✓`);
  };
  vppctl = async (command: string) => ({ retval: -1, output: `${command}\n`.repeat(3) });
  history: ControllerApi["history"] = async (query) => (this.asked.push(query), [entry]);
  explainAt: ControllerApi["explainAt"] = async (flow, at) => ({ ...past, flow, at });
  explain: ControllerApi["explain"] = async (flow) => ({ flow, hash: 0xffffffff, slot: 0, checked: false, steps: [] });
}

describe("control API", () => {
  let folder: string;
  let socket: string;
  let controller: Controller;
  const cleanup: (() => unknown)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-control-"));
    socket = join(folder, "deep", "control.sock");
    controller = new Controller();
  });
  afterEach(async () => {
    for (const action of cleanup.splice(0).reverse()) await action();
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(): Promise<() => Promise<void>> {
    const server = await startControlServer(controller, { socket });
    cleanup.push(() => server.close());
    return () => server.close();
  }

  function client(timeoutMs?: number): ControlClient {
    const made = new ControlClient({ socket, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
    cleanup.push(() => made.close());
    return made;
  }

  async function rejects(promise: Promise<unknown>, code: ControlErrorCode, message: RegExp): Promise<ControlError> {
    const error = await promise.then(
      () => assert.fail("should reject"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ControlError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return error;
  }

  it("carries everything without loss or addition", async () => {
    await serve();
    const one = client();
    assert.deepEqual(await one.status(), status);
    assert.deepEqual(await one.get("vips"), [row, { ...row, desired: {}, observed: {} }]);
    assert.deepEqual(await one.plan("vips: []"), plan);
    assert.deepEqual(await one.plan(), plan);
    // eslint-disable-next-line prefer-spread -- our own apply, not Function.prototype.apply
    const made = await one.apply(undefined, { force: true, timeoutMs: 5 });
    assert.deepEqual(made, applied);
    assert.deepEqual(controller.asked.slice(0, 4), [
      "vips",
      "vips: []",
      undefined,
      [undefined, { force: true, timeoutMs: 5, by: controller.by }],
    ]);
    assert.deepEqual(controller.by, { uid: process.getuid?.(), pid: process.pid, user: userInfo().username });
    const query = { vip: "10.2.2.0/24", limit: 7 };
    assert.deepEqual(await one.history(query), [entry]);
    assert.deepEqual(controller.asked.at(-1), query);
    assert.deepEqual(await one.vppctl("show version"), { retval: -1, output: "show version\n".repeat(3) });
    for (const protocol of ["tcp", "icmp", 132] as const) {
      const flow = { src: "1.1.1.1", dst: "2.2.2.2", protocol, srcPort: 0, dstPort: 65_535 };
      assert.deepEqual(await one.explain(flow), { flow, hash: 0xffffffff, slot: 0, checked: false, steps: [] });
      const at = "2026-01-01T14:03:00.000Z";
      assert.deepEqual(await one.explainAt(flow, at), { ...past, flow, at });
    }
  });

  it("keeps the controller's errors", async () => {
    await serve();
    const error = await rejects(client().drain("10.0.0.9"), "CONTROLLER", /^no server 10\.0\.0\.9 ✓$/);
    assert.equal(error.reason, "NOT_FOUND");
    await rejects(client().get("nothing" as never), "INPUT", /vips, streams, flows, servers/);
    await rejects(client().drain(""), "INPUT", /no server/);
  });

  it("runs lines of VPP's CLI that only look, written out; others only where it is allowed to and they are meant", async () => {
    await serve();
    await rejects(client().vppctl("lb vip 10.0.0.0/24 del"), "READ_ONLY", /--write/);
    await rejects(client().vppctl("lb vip 10.0.0.0/24 del", { write: true }), "READ_ONLY", /vppctl: write/);
    await rejects(client().vppctl("show version verbose lb conf timeout 3"), "READ_ONLY", /may change/);
    await rejects(client().vppctl("show version\nlb conf", { write: true }), "INPUT", /newline/);
    await rejects(client().vppctl(" "), "INPUT", /empty/);
    assert.equal((await client().vppctl("sh  lb v")).output, "show lb vips\n".repeat(3));
    for (const action of cleanup.splice(0).reverse()) await action();
    const writing = await startControlServer(controller, { socket, vppctl: "write" });
    cleanup.push(() => writing.close());
    await rejects(client().vppctl("lb vip 10.0.0.0/24 del"), "READ_ONLY", /--write/);
    assert.equal((await client().vppctl("lb vip 10.0.0.0/24 del", { write: true })).retval, -1);
  });

  it("ends what is too large with the reason, whichever way it goes, and serves on", async function () {
    this.timeout(20_000);
    await serve();
    const large = "x".repeat(48 << 20);
    await rejects(client().plan(large), "INPUT", /20 MiB/);
    await rejects(client().plan("x".repeat(25 << 20)), "INPUT", /20 MiB/);
    controller.vppctl = async () => ({ retval: 0, output: large });
    const error = await rejects(client().vppctl("show version"), "CONTROLLER", /larger than 32 MiB/);
    assert.equal(error.reason, "TOO_LARGE");
    const event = { type: "state", at: "", ok: true, message: large } as const;
    const events = client().watch(undefined, () => setImmediate(() => controller.events$.next(event)));
    await rejects(events.next(), "CONTROLLER", /larger than 32 MiB/);
    assert.equal(controller.events$.observed, false);
    assert.deepEqual(await client().status(), status);
  });

  it("streams events to every watcher until it closes", async () => {
    await serve();
    const events: ControllerEvent[][] = [[], []];
    const done = events.map(async (seen) => {
      let ready: () => void = () => undefined;
      const isReady = new Promise<void>((resolve) => (ready = resolve));
      const reading = (async () => {
        for await (const event of client().watch(undefined, ready)) if (seen.push(event) === 200) return;
      })();
      await isReady;
      return { reading };
    });
    const readings = await Promise.all(done);
    const sent = Array.from({ length: 200 }, (_, i): ControllerEvent => ({
      type: "operation",
      at: "2026-01-01T00:00:00.000Z",
      id: `op ${i}`,
      ok: i % 2 === 0,
      message: "",
    }));
    for (const event of sent) controller.events$.next(event);
    await Promise.all(readings.map(({ reading }) => reading));
    assert.deepEqual(events, [sent, sent]);
    for (let i = 0; i < 500 && controller.events$.observed; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(!controller.events$.observed, "a watcher that left is forgotten");
  });

  it("says that no controller runs, also where a dead one left its socket", async () => {
    await rejects(client().status(), "NO_CONTROLLER", /vpplb lb -f/);
    const stop = await serve();
    await client().status();
    await stop();
    assert.equal(statSync(socket, { throwIfNoEntry: false }), undefined, "the socket goes with its server");
    const code = `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 9))`;
    await new Promise((resolve) => spawn(process.execPath, ["-e", code]).on("exit", resolve));
    assert.ok(statSync(socket).isSocket());
    await rejects(client().status(), "NO_CONTROLLER", /no controller runs/);
    await serve();
    assert.deepEqual(await client().status(), status);
  });

  it("never takes a socket from a running controller, nor replaces a file", async () => {
    await serve();
    await rejects(startControlServer(controller, { socket }), "IN_USE", /already serves/);
    const file = join(folder, "file");
    writeFileSync(file, "");
    await rejects(startControlServer(controller, { socket: file }), "SOCKET", /no socket/);
    await rejects(startControlServer(controller, { socket: join(file, "x") }), "SOCKET", /cannot make/);
    await rejects(startControlServer(controller, { socket: `/tmp/${"x".repeat(200)}/c` }), "SOCKET", /at most 107/);
  });

  it("is for its own user alone", async () => {
    await serve();
    assert.equal(statSync(socket).mode & 0o777, 0o660);
  });

  it("has a deadline on every call and survives garbage", async () => {
    const stuck = createServer(() => undefined);
    socket = join(folder, "stuck.sock");
    await new Promise<void>((resolve) => stuck.listen(socket, resolve));
    cleanup.push(() => stuck.close());
    await rejects(client(200).status(), "DEADLINE", /in time/);
    socket = join(folder, "real.sock");
    await serve();
    const garbage = createConnection(socket, () => garbage.end(Buffer.alloc(5000, 0xab)));
    garbage.on("error", () => undefined);
    await Promise.race([once(garbage, "close"), new Promise((resolve) => setTimeout(resolve, 300))]);
    garbage.destroy();
    assert.deepEqual(await client().status(), status);
  });

  it("is not shut out by connections that begin and stop", async () => {
    const path = `${socket}2`;
    const server = await startControlServer(controller, { socket: path, maxConnections: 4, keepaliveMs: 100 });
    const silent = Array.from({ length: 4 }, (_, i) => {
      const one = createConnection(path);
      one.on("error", () => undefined);
      one.on("data", () => undefined);
      if (i % 2 === 0) one.write("PRI * HTTP");
      return one;
    });
    const gone = Promise.all(silent.map((one) => once(one, "close")));
    const waiting = new ControlClient({ socket: path });
    await gone;
    assert.equal((await waiting.status()).vpp.pid, 7);
    waiting.close();
    await server.close();
  });

  it("offers reflection", async () => {
    await serve();
    const grpc = await import("@grpc/grpc-js");
    const { loadSync } = await import("@grpc/proto-loader");
    const { createRequire } = await import("node:module");
    const { dirname } = await import("node:path");
    const base = dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"));
    const proto = loadSync(join(base, "build/proto/grpc/reflection/v1/reflection.proto"), { defaults: true });
    const root = grpc.loadPackageDefinition(proto) as unknown as {
      grpc: { reflection: { v1: { ServerReflection: typeof grpc.Client } } };
    };
    const reflection = new root.grpc.reflection.v1.ServerReflection(
      `unix:${socket}`,
      grpc.credentials.createInsecure(),
    ) as unknown as InstanceType<typeof grpc.Client> & {
      ServerReflectionInfo(): ClientDuplexStream<object, Record<string, never>>;
    };
    cleanup.push(() => reflection.close());
    const call = reflection.ServerReflectionInfo();
    const answer = new Promise<{ listServicesResponse: { service: { name: string }[] } }>((resolve, reject) => {
      call.on("data", resolve);
      call.on("error", reject);
    });
    call.write({ listServices: "" });
    const names = (await answer).listServicesResponse.service.map(({ name }) => name);
    call.end();
    assert.ok(names.includes("vpplb.control.v1.Control"), names.join());
  });

  it("turns any JSON object into a Struct and back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        delete json["__proto__"];
        assert.deepEqual(fromStruct(toStruct(json)), json);
      }),
    );
  });
});
