import { refuseAbfLine } from "./abf.ts";
import { MAX_STICKY_BUCKETS, MAX_TABLE_SIZE, isPowerOf2, refused } from "./lb-encoding.ts";

/** Does VPP's CLI take `word` for `full`? It takes any beginning that is unambiguous; all beginnings are looked at here. */
function abbreviates(word: string | undefined, full: string): boolean {
  return word !== undefined && word !== "" && full.startsWith(word);
}

function numberAfter(words: readonly string[], name: string): number | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : Number(words[at + 1]);
}

/**
 * Refuses commands that hang or crash VPP; the debug CLI checks no more than the API does. VPP runs what a command
 * leaves of its line as the next one, and blocks in braces too: every word may begin a command.
 * @throws VppError REFUSED
 */
export function refuseCli(command: string): undefined {
  for (const line of command.split("\n")) {
    const all = line.trim().split(/[\s{}]+/);
    for (let at = 0; at < all.length; at++) refuseAt(all.slice(at));
  }
  return undefined;
}

function refuseAt(words: readonly string[]): void {
  bridge(words);
  refuseAbfLine(words);
  showOther(words);
  if (!abbreviates(words[0], "lb")) return;
  if (abbreviates(words[1], "flush")) flush(words.slice(3));
  else if (abbreviates(words[1], "vip")) vip(words.slice(2));
  else if (abbreviates(words[1], "conf")) conf(words.slice(2));
}

/** plugins/memif/cli.c:463, plugins/tap/cli.c:379: the interface's instance is looked up as one of their own, whatever it is. */
function showOther([first, second, ...rest]: readonly string[]): void {
  if (first === undefined || first.length < 2 || !abbreviates(first, "show")) return;
  // The beginnings that are not of another command too.
  for (const [kind, letters] of [
    ["memif", 4],
    ["tap", 2],
  ] as const) {
    if (second === undefined || second.length < letters || !abbreviates(second, kind)) continue;
    const other = rest.find((word) => !abbreviates(word, "descriptors") && !word.startsWith(kind));
    if (other !== undefined) {
      throw refused("cli_inband", `"show ${kind} ${other}": of an interface that is no ${kind} VPP would end`);
    }
  }
}

/** l2_uu_fwd.c:179 and l2_input.c:231: see bridge.ts. */
function bridge(words: readonly string[]): void {
  const [first, second, third] = words;
  const creates = abbreviates(first, "create") && abbreviates(second, "bridge-domain");
  const sets = abbreviates(first, "set") && abbreviates(second, "bridge-domain") && abbreviates(third, "arp-ufwd");
  const on = creates ? (numberAfter(words, "arp-ufwd") ?? 0) !== 0 : sets && !words.includes("disable");
  if (on && !words.includes("del")) {
    throw refused(
      "cli_inband",
      "arp-ufwd in a domain without uu-fwd port: its first ARP broadcast would end VPP; bridge_flags looks for the port",
    );
  }
  if (first === "l2fib" && abbreviates(second, "flush-mac") && abbreviates(third, "interface")) {
    throw refused(
      "cli_inband",
      "of an interface that never was bridged VPP writes beyond its memory; use l2fib_flush_int",
    );
  }
}

/** cli.c:526 (VPP-1778): a word that it does not know is parsed again and again, on the main thread. */
function flush(words: readonly string[]): void {
  const rest = words.slice(1).join(" ");
  if (!/^((protocol (tcp|udp)|port \d+)( |$))*$/.test(rest)) {
    throw refused(
      "cli_inband",
      `"lb flush vip PREFIX ${rest}": a word that VPP does not know would make it loop for ever`,
    );
  }
}

function vip(words: readonly string[]): void {
  const size = numberAfter(words, "new_len");
  if (words.includes("del") || size === undefined) return;
  // Other numbers VPP refuses itself (-70).
  if (size === 0 || (isPowerOf2(size) && size > MAX_TABLE_SIZE)) {
    throw refused("cli_inband", `new_len ${size} would end VPP; use a power of 2 up to ${MAX_TABLE_SIZE}`);
  }
}

function conf(words: readonly string[]): void {
  const log2 = numberAfter(words, "buckets-log2");
  const buckets = log2 === undefined ? numberAfter(words, "buckets") : 2 ** log2;
  if (buckets !== undefined && (buckets === 0 || buckets > MAX_STICKY_BUCKETS)) {
    throw refused(
      "cli_inband",
      `${buckets} sticky buckets would end VPP; use a power of 2 up to ${MAX_STICKY_BUCKETS}`,
    );
  }
}
