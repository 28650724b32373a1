/** `ping` and `arping` (VPP src/plugins/ping/ping.c, src/plugins/arping/arping.c). */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Dataplane } from "../../dataplane.ts";
import { DpoKind } from "../../fib/types.ts";
import type { Adjacency, Dpo, LoadBalance, SpecialDpo } from "../../fib/types.ts";
import { sourceAddress4 } from "../../graph/arp.ts";
import { sourceAddress6 } from "../../graph/icmp6.ts";
import type { Interface } from "../../model.ts";
import { needInterface, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { addressText, decimal, macText } from "../format.ts";
import { ip4Address, ip6Address, ipAddress } from "../parsers.ts";
import { echoRequest } from "../text/echo.ts";
import type { Input } from "../unformat.ts";

const DATA_BYTES = 60;
const MAX_DATA_BYTES = 32768;
const MAX_BURST = 2560;
const MAX_NESTING = 8;
/** Longest that a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

type Address = number | Uint8Array;

interface PingLine {
  targets: Address[];
  source: Interface | undefined;
  size: number;
  intervalS: number;
  repeat: number;
  burst: number;
  tableId: number;
}

function targets(input: Input): Address[] {
  const [first] = input.read("%U", ipAddress) ?? [];
  const found: Address[] = first === undefined ? [] : [first];
  if (first === undefined && input.match("ipv4")) {
    const [four] = input.read("%U", ip4Address) ?? refuse(`expecting IPv4 address but got \`${input.error()}'`);
    found.push(four);
  } else if (first === undefined && input.match("ipv6")) {
    const [six] = input.read("%U", ip6Address) ?? refuse(`expecting IPv6 address but got \`${input.error()}'`);
    found.push(six);
  } else if (first === undefined) {
    const usage = "Usage: ping <addr> [source <intf>] [size <datasz>] [repeat <count>] [verbose]";
    refuse(`expecting IP4/IP6 address \`${input.error()}'. ${usage}`);
  }
  const [other] = input.read("ipv4 %U", ip4Address) ?? input.read("ipv6 %U", ip6Address) ?? [];
  return other === undefined ? found : [...found, other];
}

function number(input: Input, format: "%u" | "%f", what: string): number {
  const [value] = input.read(format) ?? refuse(`expecting ${what} got \`${input.error()}'`);
  return value;
}

function pingOption(context: CliContext, input: Input, ping: PingLine): boolean {
  if (input.match("source")) ping.source = needInterface(context, input);
  else if (input.match("size")) {
    ping.size = number(input, "%u", "size but");
    if (ping.size > MAX_DATA_BYTES) {
      refuse(`${ping.size} is bigger than maximum allowed payload size ${MAX_DATA_BYTES}`);
    }
  } else if (input.match("table-id")) ping.tableId = number(input, "%u", "table-id but");
  else if (input.match("interval")) ping.intervalS = number(input, "%f", "interval (floating point number)");
  else if (input.match("repeat")) ping.repeat = number(input, "%u", "repeat count but");
  else if (input.match("burst")) ping.burst = number(input, "%u", "burst count but");
  else return input.match("verbose");
  return true;
}

/** Where a packet to the address would leave, as `ping` looks before it sends. */
function egress(dp: Dataplane, fibIndex: number, address: Address): Interface | undefined {
  let dpo: Dpo | undefined = dp.fib.lookup(fibIndex, address)?.loadBalance;
  for (let depth = 0; dpo !== undefined && depth < MAX_NESTING; depth++) {
    if (dpo.kind === DpoKind.receive) return dp.interfaces.get((dpo as SpecialDpo).swIfIndex);
    if (dpo.kind === DpoKind.glean || dpo.kind === DpoKind.incomplete || dpo.kind === DpoKind.rewrite) {
      return (dpo as Adjacency).iface;
    }
    if (dpo.kind !== DpoKind.loadBalance) return undefined;
    dpo = (dpo as LoadBalance).buckets[0];
  }
  return undefined;
}

/** Sends one burst; the reason where it cannot. */
function send(dp: Dataplane, ping: PingLine, target: Address, id: number, sequence: number): string | undefined {
  const family = typeof target === "number" ? 4 : 6;
  const table = dp.fib.tableById(family, ping.tableId);
  if (table === undefined) return "no FIB table for lookup";
  const iface = ping.source ?? egress(dp, table.index, target);
  if (iface === undefined) return "no egress interface";
  const source = typeof target === "number" ? sourceAddress4(iface, target) : sourceAddress6(iface, target);
  if (source === undefined) return "no source address for egress interface";
  for (let n = 0; n < ping.burst; n++) dp.graph.sendIp(iface, echoRequest(source, target, id, sequence, ping.size));
  return undefined;
}

async function ping(context: CliContext, input: Input): Promise<void> {
  const { dp, out, signal } = context;
  const line: PingLine = {
    ...{ targets: targets(input), source: undefined, size: DATA_BYTES, intervalS: 1, repeat: 5, burst: 1, tableId: 0 },
  };
  while (!input.atEnd()) if (!pingOption(context, input, line)) refuse(`unknown input \`${input.error()}'`);
  if (line.burst < 1 || line.burst > MAX_BURST) refuse(`burst size must be between 1 and ${MAX_BURST}`);
  const id = randomInt(1 << 16);
  const sentAtMs = new Map<number, number>();
  let sent = 0;
  let received = 0;
  const stop = dp.graph.onEchoReply(({ ip, icmpOffset }) => {
    const view = new DataView(ip.buffer, ip.byteOffset, ip.byteLength);
    if (view.byteLength < icmpOffset + 8 || view.getUint16(icmpOffset + 4) !== id) return false;
    const sequence = view.getUint16(icmpOffset + 6);
    received += 1;
    out(replyText(view, sequence, performance.now() - (sentAtMs.get(sequence) ?? performance.now())));
    return true;
  });
  try {
    for (let sequence = 1; sequence <= line.repeat && !signal.aborted; sequence++) {
      sentAtMs.set(sequence & 0xffff, performance.now());
      for (const target of line.targets) {
        const failed = send(dp, line, target, id, sequence & 0xffff);
        if (failed === undefined) sent += line.burst;
        else out(`Failed: ${failed}`);
      }
      if (await interrupted(line.intervalS * 1000, signal)) out("Aborted due to a keypress.");
      sentAtMs.delete((sequence - 8) & 0xffff);
    }
  } finally {
    stop();
  }
  out("\n");
  const loss = sent === 0 ? 0 : (100 * (sent - received)) / sent;
  out(`Statistics: ${sent} sent, ${received} received, ${loss.toFixed(0)}% packet loss`);
}

/** Waits; true if the wait was cut short. */
async function interrupted(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(Math.min(Math.max(0, ms), MAX_DELAY_MS), undefined, { signal });
    return false;
  } catch {
    return true;
  }
}

/** VPP counts an IPv4 header twice and an IPv6 header not at all (ping.c:1196). */
function replyText(ip: DataView, sequence: number, rttMs: number): string {
  const bytes = (at: number, length: number): Uint8Array => new Uint8Array(ip.buffer, ip.byteOffset + at, length);
  const four = ip.getUint8(0) >> 4 === 4;
  const length = four ? ip.getUint16(2) + (ip.getUint8(0) & 15) * 4 : ip.getUint16(4);
  const from = four ? ip.getUint32(12) : bytes(8, 16);
  const ttl = ip.getUint8(four ? 8 : 7);
  return `${length} bytes from ${addressText(from)}: icmp_seq=${sequence} ttl=${ttl} time=${decimal(rttMs, 4)} ms`;
}

async function arping(context: CliContext, input: Input): Promise<void> {
  const { dp, out, signal } = context;
  const gratuitous = input.match("gratuitous");
  const usage = "Usage: arping [gratuitous] <addr> <intf> [repeat <count>] [interval <secs>]";
  const [address] = input.read("%U", ipAddress) ?? refuse(`expecting IP4/IP6 address \`${input.error()}'. ${usage}`);
  const iface = needInterface(context, input);
  let repeat = 1;
  let intervalS = 1;
  while (!input.atEnd()) {
    if (input.match("interval")) intervalS = number(input, "%f", "interval (floating point number)");
    else if (input.match("repeat")) repeat = number(input, "%u", "repeat count but");
    else refuse(`unknown input \`${input.error()}'`);
  }
  const four = typeof address === "number";
  let replies = 0;
  for (let n = 1; n <= repeat && !signal.aborted; n++) {
    if (gratuitous) {
      out(`Sending ${n} ${four ? "GARP" : "Neighbor Advertisement"} to ${addressText(address)}`);
      dp.graph.advertise(iface, address);
    } else {
      out(`Sending ${n} ${four ? "ARP Request" : "Neighbor Solicitation "} to ${addressText(address)}`);
      const before = dp.neighbors.find(iface.swIfIndex, address)?.updatedS ?? -1;
      dp.graph.ask(iface, address);
      if (await answered(dp, iface, address, before, intervalS * 1000, signal)) replies += 1;
      continue;
    }
    if (n < repeat) await interrupted(intervalS * 1000, signal);
  }
  if (gratuitous) return;
  const neighbor = dp.neighbors.find(iface.swIfIndex, address);
  if (replies === 0 || neighbor === undefined) return out("Received 0 Reply");
  const what = four ? "ARP Replies" : "ICMP6 neighbor advertisements";
  out(`Received ${replies} ${what} from ${macText(neighbor.mac)} (${addressText(address)})`);
}

/** Waits one interval; true once the neighbour has answered after `before`. */
async function answered(
  dp: Dataplane,
  iface: Interface,
  address: Address,
  before: number,
  intervalMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  await interrupted(intervalMs, signal);
  return (dp.neighbors.find(iface.swIfIndex, address)?.updatedS ?? -1) > before;
}

const PING_HELP =
  "ping {<ip-addr> | ipv4 <ip4-addr> | ipv6 <ip6-addr>} [ipv4 <ip4-addr> | ipv6 <ip6-addr>] [source <interface>] " +
  "[size <pktsize:60>] [interval <sec:1>] [repeat <cnt:5>] [table-id <id:0>] [burst <count:1>] [verbose]";

export const pingCommands: readonly CliCommand[] = [
  { path: "ping", help: PING_HELP, run: ping },
  { path: "arping", help: "arping [gratuitous] {addr} {interface} [interval {sec}] [repeat {cnt}]", run: arping },
];
