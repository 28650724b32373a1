/** Packet trace and error counters (VPP src/vlib/trace.c, src/vlib/error.c). */
import { TRACE_INPUT_NODES } from "../../trace/trace.ts";
import { refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { center, right } from "../format.ts";
import { tracedPacketText } from "../text/trace.ts";
import type { Input, Parser } from "../unformat.ts";

/** Nodes of the graph that exist but from which VPP cannot trace. */
const OTHER_NODES = [
  ...["ethernet-input", "ip4-input", "ip4-lookup", "ip6-input", "ip6-lookup", "ip4-local", "ip6-local"],
  ...["ip4-rewrite", "ip6-rewrite", "arp-input", "l2-input", "l2-fwd", "l2-flood", "l2-output", "ip4-load-balance"],
];
const SHOWN_PACKETS = 50;

const nodeName: Parser<string> = (input) => {
  const [name] = input.read("%s") ?? [];
  return [...TRACE_INPUT_NODES, ...OTHER_NODES].find((one) => one === name);
};

function addTrace({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let wanted: { node: string; count: number } | undefined;
  while (!line.atEnd()) {
    const found = line.read("%U %d", nodeName);
    if (found !== undefined) wanted = { node: found[0], count: found[1] >>> 0 };
    else if (!line.match("verbose") && !line.match("filter")) {
      refuse(`expected NODE COUNT, got \`${line.error()}'`);
    }
  }
  if (wanted === undefined) return;
  if (dp.trace.add(wanted.node, wanted.count)) return;
  refuse(
    `node '${wanted.node}' doesn't support per-node tracing. ` +
      "There may be another way to initiate trace on this node.",
  );
}

function showTrace({ dp, out }: CliContext, input: Input): void {
  let max = SHOWN_PACKETS;
  while (!input.atEnd()) {
    const [count] = input.read("max %d") ?? refuse(`expected 'max COUNT', got \`${input.error()}'`);
    max = count >>> 0;
  }
  const packets = [...dp.trace.packets].sort((a, b) => (a.records[0]?.timeS ?? 0) - (b.records[0]?.timeS ?? 0));
  let text = "------------------- Start of thread 0 vpp_main -------------------\n";
  if (packets.length === 0) text += "No packets in trace buffer\n";
  for (const [i, packet] of packets.entries()) {
    if (i === max) {
      const warning = `Limiting display to ${max} packets. To display more specify max.`;
      out(warning);
      text += warning;
      break;
    }
    text += `Packet ${i + 1}\n${tracedPacketText(dp, packet, i)}\n\n`;
  }
  out(text);
}

function showErrors({ dp, out }: CliContext, input: Input): void {
  const verbose = input.read("verbose %d") !== undefined || input.match("verbose");
  const header = center("Count", 10) + center("Node", 35) + center("Reason", 35) + center("Severity", 10);
  out(verbose ? header + center("Index", 6) : header);
  if (verbose) out("Thread 0 (vpp_main):");
  const counters = dp.errors.all();
  for (const [i, { node, reason, severity, count }] of counters.entries()) {
    if (count === 0) continue;
    const row = right(count, 10) + center(node, 35) + center(reason, 35) + center(severity, 10);
    out(verbose ? row + center(i, 6) : row);
  }
  if (!verbose) return;
  out("Total:");
  for (const [i, { node, reason, count }] of counters.entries()) {
    if (count > 0) out(right(count, 10) + center(node, 40) + center(reason, 20) + center(i, 10));
  }
}

export const traceCommands: readonly CliCommand[] = [
  { path: "trace", help: "Packet tracer commands" },
  {
    path: "trace add",
    help: "trace add <input-graph-node> <add'l-pkts-for-node-> [filter] [verbose]",
    run: addTrace,
  },
  { path: "show trace", help: "Show trace buffer [max COUNT]", run: showTrace },
  { path: "clear trace", help: "Clear trace buffer and free memory", run: ({ dp }) => dp.trace.clear() },
  { path: "show errors", help: "Show error counts", run: showErrors },
  { path: "show node counters", help: "Show node counters", run: showErrors },
  { path: "clear errors", help: "Clear error counters", run: ({ dp }) => dp.errors.clear() },
];
