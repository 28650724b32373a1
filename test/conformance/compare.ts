/** What of two servers' answers must be equal, and what may differ: ids of the process, times, orders of hash tables. */
import type { Fields, Message } from "./client.ts";

/** Fields that hold a time or name the process. */
const MASKED: Readonly<Record<string, readonly string[]>> = {
  show_version_reply: ["build_date"],
  control_ping_reply: ["vpe_pid"],
  show_threads_reply: ["thread_data"],
  show_vpe_system_time_reply: ["vpe_system_time"],
  ip_neighbor_details: ["age"],
  lb_as_details: ["in_use_since"],
  sw_interface_event: ["client_index"],
};

/** Dumps whose order is that of a hash table in VPP. */
const UNORDERED = new Set([
  "ip_route_details",
  "ip_neighbor_details",
  "l2_fib_table_details",
  "bd_ip_mac_details",
  "memif_socket_filename_details",
]);

export interface CompareOptions {
  /** Load-balance and adjacency indexes count too (`stats_index`). Default false: they are ids. */
  readonly withStatsIndex?: boolean;
}

/** The messages in a form in which equal behaviour is equal JSON. */
export function comparable(messages: readonly Message[], options: CompareOptions = {}): unknown[] {
  const plain = messages
    .filter((message) => !isOwnFrame(message))
    .map(({ name, fields }) => ({ name, fields: plainFields(name, fields, options) }));
  const unordered = plain.filter(({ name }) => UNORDERED.has(name)).sort(byJson);
  return plain.map((message) => (UNORDERED.has(message.name) ? unordered.shift()! : message));
}

/** A bridged loopback learns its own address of what it sends (ARP, ND), whenever that gets round. */
function isOwnFrame({ name, fields }: Message): boolean {
  const isLearned = name === "l2_fib_table_details" && fields["static_mac"] === false && fields["filter_mac"] === false;
  return (
    isLearned &&
    Buffer.from(fields["mac"] as Uint8Array)
      .toString("hex")
      .startsWith("dead000000")
  );
}

function byJson(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function plainFields(name: string, fields: Fields, options: CompareOptions): unknown {
  const plain = plainValue(fields, options) as Record<string, unknown>;
  for (const field of MASKED[name] ?? []) plain[field] = "*";
  if (name === "cli_inband_reply") plain["reply"] = plainText(String(plain["reply"]));
  return plain;
}

function plainValue(value: unknown, options: CompareOptions): unknown {
  if (typeof value === "string") return plainDirectory(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map((each) => plainValue(each, options));
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => {
    if (key === "stats_index" && each !== 0xffffffff && options.withStatsIndex !== true) return [key, "*"];
    return [key, plainValue(each, options)];
  });
  return Object.fromEntries(entries);
}

/** A line of `show bridge-domain` up to the count of learned addresses, which isOwnFrame's are among. */
const BRIDGE_DOMAIN = /^((?: +\d+){3} +(?:off|\d+)(?: +[\w/.-]+){6}) +\d+ +(?=\d+ )/gm;

/** `dpo:17` in `show lb vips verbose` is an index of VPP's load-balances: an id, as are descriptors in `show memif`. */
export function plainText(text: string): string {
  const plain = text
    .replace(/dpo:\d+/g, "dpo:*")
    .replace(/fd \d+/g, "fd *")
    .replace(BRIDGE_DOMAIN, "$1 * ");
  return plainDirectory(plain).replace(/(?: {2}\d+ +(?:no|yes).*\n)+/, (sockets) =>
    sockets.split("\n").sort().join("\n"),
  );
}

/** Where a subject's own sockets are. */
function plainDirectory(text: string): string {
  return text.replace(/\/[\w/-]*\/vpplb-conformance-\w+/g, "RUN");
}
