import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Subject } from "rxjs";
import type { VppCounters } from "../../src/controller/counters.ts";
import type { Measurement } from "../../src/controller/meter.ts";
import { parseInterfaceCounters } from "../../src/controller/show-interface.ts";
import type { ControllerEvent, ControllerStatus, Row } from "../../src/controller/types.ts";
import {
  allControllerMetrics,
  allDataplaneMetrics,
  allMeshMetrics,
  allNscMetrics,
  allNseMetrics,
} from "../../src/observe/doc-metrics.ts";
import { metricTable } from "../../src/observe/docs.ts";
import {
  CachedCounters,
  controllerHealth,
  controllerMetrics,
  makeMetrics,
  MetricSet,
  type ControllerSource,
} from "../../src/observe/index.ts";
import { cells, lint, parseExposition, type Family } from "./exposition.ts";

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly labelNames: readonly string[];
}

const STATUS: ControllerStatus = {
  startedAt: "2026-01-01T00:00:00.000Z",
  uptimeS: 3,
  vpp: {
    state: "ready",
    socket: "/x",
    version: "26.06",
    pid: 7,
    since: "2026-01-01T00:00:00.000Z",
    connects: 1,
    warnings: [],
  },
  config: { warnings: [], loadedAt: "2026-01-01T00:00:00.000Z" },
  sync: { state: "in-sync", pending: [], failed: [], problems: [], foreign: [], warnings: [] },
  tables: [],
  replicas: [],
  drains: [],
  counts: {} as ControllerStatus["counts"],
};

/** A controller of so many VIPs with so many servers each, as its metrics see it. */
class Source implements ControllerSource {
  readonly events$ = new Subject<ControllerEvent>();
  readonly measurements$ = new Subject<Measurement>();
  value: ControllerStatus = STATUS;
  vpp: VppCounters | undefined;
  readonly #rows: Readonly<Record<string, readonly Row[]>>;

  constructor(vips = 1, servers = 2) {
    const keys = Array.from({ length: vips }, (_, i) => `10.2.${i >> 8}.${i & 255}/32`);
    const row = (key: string, columns: Row["columns"]): Row => ({
      key,
      owner: "ours",
      state: "ok",
      desired: { servers: [] },
      observed: {},
      columns,
    });
    this.#rows = {
      vips: keys.map((key) => row(key, { encap: "gre4", servers, flows: 5, tableSize: 1024 })),
      servers: keys.flatMap((vip) =>
        Array.from({ length: servers }, (_, i) =>
          row(`${vip} ${i}`, {
            vip,
            server: `10.60.${i >> 8}.${i & 255}`,
            used: true,
            buckets: 1,
            flows: 2,
            weight: 100,
          }),
        ),
      ),
    };
    this.vpp = {
      atMs: 1000,
      source: "segment",
      vips: new Map(keys.map((key) => [key, { existingSession: 1, firstPacket: 2, untracked: 3, noServer: 4 }])),
      interfaces: new Map(),
      buffers: new Map(),
    };
  }

  /** So many streams with a flow and a VIP each. */
  withStreams(count: number): this {
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    const row = (key: string, columns: Row["columns"], desired: Row["desired"] = {}): Row => ({
      ...{ key, owner: "ours", state: "ok", observed: {} },
      ...(desired === undefined ? {} : { desired }),
      columns,
    });
    const packets = { newSessions: 1, knownSessions: 2, untracked: 3, noServer: 4 };
    Object.assign(this.#rows, {
      streams: names.map((name) => row(name, { servers: 3, flows: 7, ...packets })),
      flows: names.map((name) => row(`to ${name}`, { packets: 5, bytes: 500 })),
      vips: names.map((name, i) =>
        i % 2 === 0 ? row(`v${i}`, { stream: name, toStream: 6 }) : row(`v${i}`, { stream: "none", dropped: 8 }),
      ),
    });
    return this;
  }

  status = () => this.value;
  snapshot = () => ({ traffic: { pending: 0, late: 0, unknown: 0, undecodable: 0 } });
  known = (kind: string) => this.#rows[kind] ?? [];
  counters = () => this.vpp;
}

async function scrape(source: ControllerSource, perServer = false, maxSeries = 1000): Promise<Map<string, Family>> {
  const metrics = makeMetrics(controllerMetrics(perServer), source, { maxSeries });
  const text = (await metrics.route.answer(new URLSearchParams())).body;
  metrics.close();
  return parseExposition(text);
}

function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const same = (one: Readonly<Record<string, string>>) =>
    Object.entries(labels).every(([key, value]) => one[key] === value);
  return families.get(name)?.samples.find((sample) => same(sample.labels))?.value;
}

const all = () => [allControllerMetrics(), allNseMetrics(), allDataplaneMetrics(), allNscMetrics(), allMeshMetrics()];

describe("observe: metrics", () => {
  it("have names, units and texts as Prometheus wants them", () => {
    for (const { registries } of all()) {
      const ours = registries[0]!.getMetricsAsArray() as unknown as Described[];
      assert.ok(ours.length > 2);
      for (const { name, help, type, labelNames } of ours) {
        assert.match(name, /^vpplb_/);
        assert.deepEqual(lint({ name, help, type: String(type) }, labelNames), []);
      }
    }
  });

  it("the lint sees what is wrong", () => {
    const bad: [string, string, string, string[]][] = [
      ["vpplb_requests", "counter", "Requests that came", []],
      ["vpplb_size_total", "gauge", "Size of something", []],
      ["vpplb_delay_ms", "gauge", "Delay of something", []],
      ["vpplb_delay_milliseconds", "gauge", "Delay of something", []],
      ["vpplb_x_bucket", "gauge", "Something in a bucket", []],
      ["vpplb_Case", "gauge", "Something with a case", []],
      ["vpplb_nothing", "gauge", "", []],
      ["vpplb_a", "gauge", "Something with a label", ["le"]],
      ["vpplb_vip_b", "gauge", "Something with a label", ["Vip"]],
      ["vpplb_last_timestamp", "gauge", "When it was last seen", []],
    ];
    for (const [name, type, help, labels] of bad) assert.notDeepEqual(lint({ name, type, help }, labels), [], name);
  });

  it("docs/metrics.md lists every one", () => {
    const doc = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    for (const [name, { registries }] of [
      ["controller", allControllerMetrics()],
      ["nse", allNseMetrics()],
      ["dataplane", allDataplaneMetrics()],
      ["nsc", allNscMetrics()],
      ["mesh", allMeshMetrics()],
    ] as const) {
      const inside = doc.slice(doc.indexOf(`<!-- ${name} -->`), doc.indexOf(`<!-- /${name} -->`));
      assert.deepEqual(cells(inside), cells(metricTable([registries[0]!])), "run `npm run docs`");
    }
  });

  it("every metric that docs/metrics.md speaks of exists", () => {
    const doc = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    const names = new Set(
      all().flatMap(({ registries }) => registries[0]!.getMetricsAsArray().map(({ name }) => name)),
    );
    for (const [name] of doc.matchAll(/vpplb_[a-z_]+[a-z]/g))
      assert.ok(names.has(name) || name === "vpplb_server", name);
  });

  it("tell what the controller knows and counts", async () => {
    const source = new Source();
    const metrics = makeMetrics(controllerMetrics(), source);
    const read = async () => parseExposition((await metrics.route.answer(new URLSearchParams())).body);
    source.measurements$.next({ type: "request", name: "lb_conf", result: "ok", durationMs: 3 });
    source.measurements$.next({ type: "request", name: "lb_conf", result: "VALUE_EXIST", durationMs: 1 });
    source.measurements$.next({ type: "operation", kind: "vip", verb: "create", ok: false });
    source.measurements$.next({ type: "drift", kind: "server", operations: 3 });
    source.measurements$.next({ type: "repair", kind: "server", operations: 2 });
    source.measurements$.next({ type: "restart" });
    source.measurements$.next({ type: "load", result: "refused" });
    source.measurements$.next({ type: "plan", durationMs: 20 });
    source.measurements$.next({ type: "run", state: "in-sync", durationMs: 100 });
    const one = await read();
    assert.equal(valueOf(one, "vpplb_vpp_connected"), 1);
    assert.equal(valueOf(one, "vpplb_vpp_info", { version: "26.06" }), 1);
    assert.equal(valueOf(one, "vpplb_sync_state", { state: "in-sync" }), 1);
    assert.equal(valueOf(one, "vpplb_sync_state", { state: "error" }), 0);
    assert.equal(valueOf(one, "vpplb_config_current"), 1);
    assert.equal(valueOf(one, "vpplb_vpp_api_requests_total", { message: "lb_conf", result: "VALUE_EXIST" }), 1);
    assert.equal(valueOf(one, "vpplb_vpp_api_request_seconds_total", { message: "lb_conf" }), 0.004);
    assert.equal(valueOf(one, "vpplb_operations_total", { kind: "vip", verb: "create", result: "failed" }), 1);
    assert.equal(valueOf(one, "vpplb_drift_found_total", { kind: "server" }), 3);
    assert.equal(valueOf(one, "vpplb_drift_repaired_total", { kind: "server" }), 2);
    assert.equal(valueOf(one, "vpplb_vpp_restarts_total"), 1);
    assert.equal(valueOf(one, "vpplb_config_loads_total", { result: "refused" }), 1);
    assert.equal(valueOf(one, "vpplb_vip_packets_total", { flow: "untracked" }), 3);
    assert.equal(valueOf(one, "vpplb_objects_healthy", { kind: "server" }), 2);
    assert.ok((valueOf(one, "process_resident_memory_bytes") ?? 0) > 1e6);
    assert.ok((valueOf(one, "process_open_fds") ?? 0) > 2);
    // Totals stay; what is not there any more goes.
    source.value = {
      ...STATUS,
      vpp: { state: "failed", socket: "/x", error: "gone", since: STATUS.vpp.since, connects: 1, warnings: [] },
    };
    const two = await read();
    assert.equal(valueOf(two, "vpplb_vpp_connected"), 0);
    assert.equal(two.get("vpplb_vpp_info")?.samples.length, 0);
    assert.equal(valueOf(two, "vpplb_vpp_restarts_total"), 1);
    metrics.close();
    assert.equal(source.measurements$.observed, false);
  });

  it("shows nothing of what is not known, rather than 0", async () => {
    const metrics = new MetricSet();
    let known: number | undefined;
    const tellIt = (tell: (labels: Record<never, string>, value: number) => void) =>
      known !== undefined && tell({}, known);
    metrics.gauge("vpplb_a", "Something that is known at times", [], tellIt);
    metrics.totals("vpplb_b_total", "Something that is known at times", [], tellIt);
    const read = async () => {
      const families = parseExposition(`${await metrics.registry.metrics()}`);
      return ["vpplb_a", "vpplb_b_total"].map((name) => families.get(name)?.samples.map(({ value }) => value));
    };
    assert.deepEqual(await read(), [[], []]);
    known = 3;
    assert.deepEqual(
      [await read(), await read()],
      [
        [[3], [3]],
        [[3], [3]],
      ],
    );
    known = undefined;
    assert.deepEqual(await read(), [[], []]);
  });

  it("escapes whatever a name holds", async () => {
    const metrics = new MetricSet();
    metrics.gauge("vpplb_a", "Something with a name", ["name"], (tell) => tell({ name: 'a"b\\c\nd' }, 1));
    const families = parseExposition(`${await metrics.registry.metrics()}`);
    assert.deepEqual(families.get("vpplb_a")?.samples[0]?.labels, { name: 'a"b\\c\nd' });
  });

  it("50 VIPs with 1,000 servers each stay few series; all servers only where they are asked for, up to the limit", async function () {
    this.timeout(20_000);
    const source = new Source(50, 1000);
    const count = (families: Map<string, Family>) =>
      [...families.values()].reduce((sum, family) => sum + family.samples.length, 0);
    const few = await scrape(source);
    assert.ok(count(few) < 1500, `${count(few)} series`);
    assert.ok(![...few.keys()].some((name) => name.startsWith("vpplb_server_")));
    const all = await scrape(source, true);
    assert.equal(all.get("vpplb_server_slots")?.samples.length, 1000);
    assert.equal(valueOf(all, "vpplb_metrics_omitted_series", { metric: "vpplb_server_slots" }), 49_000);
    const limited = await scrape(source, false, 10);
    assert.equal(limited.get("vpplb_vip_servers")?.samples.length, 10);
    assert.equal(valueOf(limited, "vpplb_vip_servers", { vip: "10.2.0.0/32" }), 1000);
  });

  it("tell packets by stream and flow, and of a VIP those that no flow took", async () => {
    const found = await scrape(new Source().withStreams(2));
    const packets = ["first", "existing", "untracked", "no_server"].map((flow) =>
      valueOf(found, "vpplb_stream_packets_total", { stream: "s1", flow }),
    );
    assert.deepEqual(packets, [1, 2, 3, 4]);
    assert.equal(valueOf(found, "vpplb_stream_servers", { stream: "s0" }), 3);
    assert.equal(valueOf(found, "vpplb_stream_sticky_flows", { stream: "s0" }), 7);
    assert.equal(valueOf(found, "vpplb_flow_packets_total", { flow: "to s1" }), 5);
    assert.equal(valueOf(found, "vpplb_flow_bytes_total", { flow: "to s1" }), 500);
    const unmatched = found
      .get("vpplb_vip_unmatched_packets_total")
      ?.samples.map(({ labels, value }) => [labels, value]);
    assert.deepEqual(unmatched, [
      [{ vip: "v0", to: "stream" }, 6],
      [{ vip: "v1", to: "dropped" }, 8],
    ]);
    assert.equal(found.get("vpplb_vip_servers_desired")?.samples.length, 0, "servers are the stream's");
  });

  it("1,000 streams and flows stay within the limit of each metric", async () => {
    const found = await scrape(new Source().withStreams(1000), false, 10);
    for (const name of [
      "stream_packets_total",
      "stream_servers",
      "flow_packets_total",
      "vip_unmatched_packets_total",
    ]) {
      assert.equal(found.get(`vpplb_${name}`)?.samples.length, 10, name);
    }
    assert.equal(valueOf(found, "vpplb_metrics_omitted_series", { metric: "vpplb_flow_packets_total" }), 990);
    assert.equal(valueOf(found, "vpplb_metrics_omitted_series", { metric: "vpplb_stream_packets_total" }), 3990);
  });

  it("counts under `other` beyond the limit", async () => {
    const metrics = new MetricSet({ maxSeries: 3 });
    const counter = metrics.counter("vpplb_x_total", "Something that is counted", ["a"]);
    for (let i = 0; i < 10; i++) counter.inc({ a: `${i}` }, 1);
    counter.inc({ a: "1" }, 5);
    const samples = parseExposition(await metrics.registry.metrics()).get("vpplb_x_total")?.samples;
    assert.deepEqual(
      samples?.map(({ labels, value }) => [labels["a"], value]),
      [
        ["0", 1],
        ["1", 6],
        ["2", 1],
        ["other", 7],
      ],
    );
  });

  it("VPP's counters: a read that hangs holds up no scrape and is not repeated; old ones are shown meanwhile", async () => {
    let reads = 0;
    let answer: ((counters: VppCounters) => void) | undefined;
    const cached = new CachedCounters(
      { counters: () => (reads++, new Promise<VppCounters>((resolve) => (answer = resolve))) },
      { maxAgeMs: 0, deadlineMs: 10 },
    );
    await Promise.all([cached.refresh(), cached.refresh()]);
    await cached.refresh();
    assert.deepEqual([reads, cached.latest], [1, undefined]);
    answer?.(new Source().vpp!);
    await cached.refresh();
    assert.equal(cached.latest?.atMs, 1000);
    await cached.refresh();
    assert.deepEqual([reads, cached.latest?.atMs], [2, 1000]);
    assert.equal(cached.reads.ok, 1);
  });

  it("VPP's counters: a read that fails leaves the old ones", async () => {
    let fail = false;
    const cached = new CachedCounters(
      { counters: async () => (fail ? assert.fail("gone") : new Source().vpp) },
      { maxAgeMs: 0 },
    );
    await cached.refresh();
    fail = true;
    await cached.refresh();
    assert.deepEqual([cached.latest?.atMs, cached.reads], [1000, { ok: 1, failed: 1 }]);
  });

  it("reads interface counters from what VPP prints", () => {
    const text = [
      "              Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          Count     ",
      "host-v0                           1      up          1500/0/0/0     rx packets                    12",
      "                                                                    rx bytes                    1100",
      "                                                                    tx packets                     3",
      "                                                                    drops                          2",
      "                                                                    ip4                           12",
      "                                                                    rx-miss                        7",
      "local0                            0     down          0/0/0/0       ",
      "loop0                             2      up          9000/0/0/0     tx-error                      4",
    ].join("\n");
    const found = parseInterfaceCounters(text);
    assert.deepEqual([...found.keys()], ["host-v0", "local0", "loop0"]);
    const { rxPackets, rxBytes, txPackets, drops, rxMisses, txBytes } = found.get("host-v0")!;
    assert.deepEqual([rxPackets, rxBytes, txPackets, drops, rxMisses, txBytes], [12, 1100, 3, 2, 7, 0]);
    assert.deepEqual([found.get("loop0")?.txErrors, found.get("local0")?.drops], [4, 0]);
  });
});

describe("observe: health", () => {
  const codes = (value: ControllerStatus) => {
    const { alive, ready } = controllerHealth({ status: () => value });
    const good = (checks: ReturnType<typeof alive>) => checks.every((check) => check.ok || check.required === false);
    return [good(alive()), good(ready())];
  };
  it("alive is about this process, ready about VPP", () => {
    assert.deepEqual(codes(STATUS), [true, true]);
    assert.deepEqual(codes({ ...STATUS, sync: { ...STATUS.sync, state: "paced" } }), [true, true]);
    assert.deepEqual(codes({ ...STATUS, sync: { ...STATUS.sync, state: "error" } }), [true, false]);
    assert.deepEqual(codes({ ...STATUS, sync: { ...STATUS.sync, state: "waiting" } }), [true, false]);
    assert.deepEqual(codes({ ...STATUS, vpp: { ...STATUS.vpp, state: "failed", error: "silent" } }), [true, false]);
  });
});
