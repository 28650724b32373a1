import type { VppCounters } from "../../controller/counters.ts";
import type { MetricSet } from "../metric-set.ts";
import type { ControllerSource } from "../sources.ts";

/** VPP's own counters and gauges: totals begin anew with VPP, and with the object that is counted. */
export function vppCounterMetrics(metrics: MetricSet, source: ControllerSource): void {
  const counters = () => source.counters();
  metrics.gauge("vpplb_vpp_start_time_seconds", "When VPP started, Unix time", [], (tell) => {
    const startedAtS = counters()?.startedAtS;
    if (startedAtS !== undefined) tell({}, startedAtS);
  });
  metrics.gauge("vpplb_vpp_workers", "Worker threads of VPP", [], (tell) => {
    const workers = counters()?.workers;
    if (workers !== undefined) tell({}, workers);
  });
  metrics.gauge(
    "vpplb_vpp_counters_timestamp_seconds",
    "When VPP's counters were read, Unix time; source: its statistics segment or its CLI",
    ["source"],
    (tell) => {
      const found = counters();
      if (found !== undefined) tell({ source: found.source }, found.atMs / 1000);
    },
  );
  memoryMetrics(metrics, counters);
  interfaceMetrics(metrics, source, counters);
}

function memoryMetrics(metrics: MetricSet, counters: () => VppCounters | undefined): void {
  metrics.gauge("vpplb_vpp_buffers", "Packet buffers of VPP", ["pool", "state"], (tell) => {
    for (const [pool, { used, available }] of counters()?.buffers ?? []) {
      tell({ pool, state: "used" }, used);
      tell({ pool, state: "available" }, available);
    }
  });
  metrics.gauge("vpplb_vpp_heap_bytes", "VPP's main heap", ["state"], (tell) => {
    const heap = counters()?.heap;
    if (heap === undefined) return;
    tell({ state: "used" }, heap.used);
    tell({ state: "total" }, heap.total);
  });
}

type Field = keyof (VppCounters["interfaces"] extends ReadonlyMap<string, infer I> ? I : never);

function interfaceMetrics(metrics: MetricSet, source: ControllerSource, counters: () => VppCounters | undefined): void {
  const totals = (name: string, help: string, field: Field) =>
    metrics.totals(`vpplb_interface_${name}_total`, help, ["interface"], (tell) => {
      for (const [iface, values] of counters()?.interfaces ?? []) tell({ interface: iface }, values[field]);
    });
  totals("receive_packets", "Packets that came in", "rxPackets");
  totals("receive_bytes", "Bytes that came in", "rxBytes");
  totals("transmit_packets", "Packets that went out", "txPackets");
  totals("transmit_bytes", "Bytes that went out", "txBytes");
  totals("drops", "Packets that came in here and were dropped", "drops");
  totals("punts", "Packets that were handed to the host", "punts");
  totals("receive_errors", "Packets that came in with an error", "rxErrors");
  totals("transmit_errors", "Packets that could not be sent", "txErrors");
  totals("receive_misses", "Packets that were not taken from the device in time", "rxMisses");
  totals("receive_no_buffer", "Packets for which VPP had no buffer", "rxNoBuffer");
  metrics.gauge(
    "vpplb_interface_up",
    "1 while the interface is up and has a link, as last seen",
    ["interface"],
    (tell) => {
      for (const { name, up, linkUp } of source.snapshot().observed?.interfaces ?? []) {
        tell({ interface: name }, up && linkUp ? 1 : 0);
      }
    },
  );
}
