/** What a recorded session and ours may differ in: counters, times, and where it says so pool indexes. */

/**
 * Indexes of path-lists, paths and RPF lists: VPP takes some for its multicast FIB. Those of entries, load-balances and
 * adjacencies are compared.
 */
const POOLS: readonly (readonly [RegExp, string])[] = [
  [/uRPF:\d+/g, "uRPF:N"],
  [/path-list:\[\d+\]/g, "path-list:[N]"],
  [/uPRF-list:\d+/g, "uPRF-list:N"],
  [/path:\[\d+\] pl-index:\d+/g, "path:[N] pl-index:N"],
  [/path:\d+ adj-flags/g, "path:N adj-flags"],
];

/** Indexes of entries, load-balances and adjacencies, which drift apart where a session has many failed attempts. */
export function maskIndexes(text: string): string {
  return text
    .replace(/index:\d+ (locks|buckets)/g, "index:N $1")
    .replace(/cover:\d+/g, "cover:N")
    .replace(/dpo:\d+/g, "dpo:N")
    .replace(/via-fib:\d+ via-dpo:\[dpo-load-balance:\d+\]/g, "via-fib:N via-dpo:[dpo-load-balance:N]");
}

const COUNTERS: readonly (readonly [RegExp, string])[] = [
  [/to:\[\d+:\d+\]/g, "to:[N:N]"],
  [/^ +\d*\.\d{4} {6,}/gm, "AGE "],
  [/time=\S+ ms/g, "time=T ms"],
  [/Last scan time: \S+sec/g, "Last scan time: T"],
  [/^\d\d:\d\d:\d\d:\d{6}: /gm, "TIME: "],
  [/sec 0x[0-9a-f]+ nsec 0x[0-9a-f]+/g, "sec T nsec T"],
  [/block \d+:/g, "block N:"],
  [/address 0x[0-9a-f]+ version 2 seq_num \d+ pkt_num/g, "address A version 2 seq_num N pkt_num"],
  [/buffer 0x[0-9a-f]+:/g, "buffer B:"],
  [/current data -?\d+,/g, "current data N,"],
  [/built by \S+ on \S+ at \S+/g, "built by B on H at T"],
  [/routes\/sec/g, "routes/sec"],
];

/** Counters of `show interface` go, with the lines that only have them. */
function withoutInterfaceCounters(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^ {60,}(rx|tx|drops|punt|ip4|ip6)/.test(line))
    .map((line) => line.replace(/ +(rx|tx|drops|punt|ip4|ip6)( packets| bytes)? +\d+$/, "").trimEnd())
    .join("\n");
}

export function mask(text: string): string {
  let masked = text.replaceAll("\r", "");
  if (/State {2,}MTU/.test(masked)) masked = withoutInterfaceCounters(masked);
  for (const [pattern, replacement] of [...POOLS, ...COUNTERS]) masked = masked.replace(pattern, replacement);
  return masked.replace(/\n+$/, "");
}

/** A session as blocks of command and output; lines after a `# ` that is no vppctl belong to another program. */
export function blocks(session: string): { command: string; output: string }[] {
  const found: { command: string; lines: string[] }[] = [];
  for (const line of session.split("\n")) {
    if (line.startsWith("# ")) found.push({ command: line.slice(2), lines: [] });
    else found.at(-1)?.lines.push(line);
  }
  return found
    .filter(({ command }) => command.startsWith("vppctl "))
    .map(({ command, lines }) => ({ command: command.slice(7), output: lines.join("\n") }));
}
