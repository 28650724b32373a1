/** What concerns the process and the session (VPP src/vpp/app/version.c, src/vlib/threads_cli.c, src/vlib/unix/cli.c). */
import { readFileSync, statSync } from "node:fs";
import { arch, getPriority, platform } from "node:os";
import { getHeapStatistics } from "node:v8";
import { refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { decimal, left } from "../format.ts";
import type { Input } from "../unformat.ts";

/** The VPP whose behaviour this dataplane has. */
export const VPP_VERSION = "26.06-release";
const PAGE_BYTES = 4096;
const MAX_SCRIPT_BYTES = 16 << 20;

/** The plugins whose work the embedded dataplane does, in VPP's words. */
const PLUGINS: readonly (readonly [file: string, description: string])[] = [
  ["af_packet_plugin.so", "af-packet"],
  ["arping_plugin.so", "Arping (arping)"],
  ["lb_plugin.so", "Load Balancer (LB)"],
  ["ping_plugin.so", "Ping (ping)"],
];

function startedAt(context: CliContext): string {
  return new Date(context.dp.startedAtMs).toISOString().slice(0, 19);
}

/** The first line of `show version`: who built VPP where is VPP's; ours says what it is and since when it runs. */
export function versionText(context: CliContext): string {
  return `vpp v${VPP_VERSION} built by vpplb on embedded at ${startedAt(context)}`;
}

function showVersion(context: CliContext, input: Input): void {
  const { out } = context;
  let verbose = false;
  let cmdline = false;
  while (!input.atEnd()) {
    if (input.read("verbose %d") !== undefined || input.match("verbose")) verbose = true;
    else if (input.read("cmdline %d") !== undefined || input.match("cmdline")) cmdline = true;
    else break;
  }
  const row = (name: string, value: string | number): void => out(`${left(`${name}:`, 25)} ${value}`);
  if (verbose) {
    row("Version", `v${VPP_VERSION}`);
    row("Compiled by", "vpplb");
    row("Compile host", "embedded");
    row("Compile date", startedAt(context));
    row("Compile location", "");
    row("Compiler", `Node.js ${process.version} ${platform()} ${arch()}`);
    row("Current PID", process.pid);
  }
  if (cmdline) {
    out(left("Command line arguments:", 25));
    for (const argument of process.argv) out(`  ${argument}`);
  }
  if (!verbose && !cmdline) out(versionText(context));
}

function showPlugins({ out }: CliContext): void {
  out(" Plugin path is: (built in), plugins shown in load order\n");
  out(`\n${" ".repeat(5)}${left("Plugin", 41)}${left("Version", 33)}Description`);
  for (const [i, [file, description]] of PLUGINS.entries()) {
    out(`${String(i + 1).padStart(3)}. ${left(file, 40)} ${left(VPP_VERSION, 32)} ${description}`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function showThreads({ out }: CliContext): void {
  // Field 39 of /proc/self/stat is the processor (proc(5)); the command name before it may hold spaces.
  const lcore = Number(
    readText("/proc/self/stat")
      .replace(/^.*\) /s, "")
      .split(" ")[36] ?? 0,
  );
  const topology = `/sys/devices/system/cpu/cpu${lcore}/topology`;
  const cells = (...row: string[]): string =>
    [7, 20, 12, 8, 25, 7, 7, 7, 10].map((width, i) => left(row[i] ?? "", width)).join("");
  out(cells("ID", "Name", "Type", "LWP", "Sched Policy (Priority)", "lcore", "Core", "Socket", "State"));
  const core = readText(`${topology}/core_id`) || "0";
  const socket = readText(`${topology}/physical_package_id`) || "0";
  const policy = `other (${Math.max(0, getPriority())})`;
  out(cells("0", "vpp_main", "", String(process.pid), policy, String(lcore), core, socket, ""));
}

function sizeText(bytes: number): string {
  const units: [number, string][] = [
    [2 ** 30, "g"],
    [2 ** 20, "m"],
    [2 ** 10, "k"],
  ];
  const [unit, letter] = units.find(([size]) => bytes >= size) ?? [1, ""];
  const value = bytes / unit;
  return `${Number.isInteger(value) ? value : value.toFixed(2)}${letter}`;
}

/** JavaScript's heap in the layout of VPP's: sizes are V8's, pages are of 4K. */
function showMemory({ out }: CliContext, input: Input): void {
  let mainHeap = false;
  while (!input.atEnd()) {
    if (input.match("main-heap")) mainHeap = true;
    else if (!input.match("verbose")) refuse(`unknown input \`${input.error()}'`);
  }
  const heap = getHeapStatistics();
  const pages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);
  const [total, populated] = [pages(heap.heap_size_limit), pages(heap.total_physical_size)];
  const m = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)}M`;
  const free = heap.heap_size_limit - heap.used_heap_size;
  const pad = mainHeap ? "  " : "";
  out(
    [
      `${pad}base 0x0, size ${sizeText(heap.heap_size_limit)}, name 'main heap'`,
      `${pad}  page stats: page-size 4K, total ${total}, populated ${populated}, not-populated ${total - populated}`,
      `${pad}    numa 0: ${populated} pages, ${((populated * PAGE_BYTES) / 2 ** 20).toFixed(2)}m bytes`,
      `${pad}  total: ${m(heap.heap_size_limit)}, used: ${m(heap.used_heap_size)}, free: ${m(free)}, ` +
        `trimmable: ${m(heap.total_heap_size - heap.used_heap_size)}`,
    ].join("\n"),
  );
}

function showClock({ dp, out }: CliContext): void {
  const now = dp.now();
  const date = new Date().toUTCString().replace(/^(\w+), (\d+) /, (_, day: string, n: string) => `${day}, ${n} `);
  out(`Time now ${decimal(now, 6)}, ${date}`);
  out("Time last barrier release 0.000000000");
  out(`0: Time now ${decimal(dp.now(), 6)}`);
  out("Thread 0 offset 0.000000000 error 0.000000000");
}

/** Lines of a script: comments from `#`, a backslash joins lines (src/vlib/cli.c:125). */
export function scriptLines(script: string): string[] {
  return script
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** VPP writes what the lines print to its own standard output; here the session gets it. */
async function exec({ out, nested, signal }: CliContext, input: Input): Promise<void> {
  const [path] = input.read("%s") ?? refuse(`expecting file name, got \`${input.error()}'`);
  let script: string;
  try {
    const status = statSync(path);
    if (!status.isFile()) refuse(`not a regular file \`${path}'`);
    if (status.size < 1) refuse(`empty file \`${path}'`);
    if (status.size > MAX_SCRIPT_BYTES) refuse(`file longer than ${MAX_SCRIPT_BYTES} bytes \`${path}'`);
    script = readFileSync(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    const words: Readonly<Record<string, string>> = {
      ENOENT: "No such file or directory",
      EACCES: "Permission denied",
    };
    return refuse(`failed to open \`${path}': ${words[code] ?? code}`);
  }
  for (const line of scriptLines(script)) {
    // Whoever asked for it is gone, or pressed a key.
    if (signal.aborted) refuse(`interrupted before: ${line.slice(0, 30)}`);
    if ((await nested(line)) !== 0) {
      out("");
      refuse(`CLI line error: ${line.slice(0, 30)}`);
    }
  }
}

/** Of the socket; there is no shared-memory API here. The index of a connection stands for its descriptor (vlibmemory/socket_api.c:64). */
function showApiClients({ dp, out }: CliContext): void {
  if (dp.apiClients.size === 0) return;
  const line = (name: string, descriptor: string) => out(`${name.slice(0, 20).padStart(20)} ${descriptor.padStart(8)}`);
  out("Socket clients");
  line("Name", "Fildesc");
  for (const [index, name] of dp.apiClients) line(name, String(index));
}

function quit({ session }: CliContext): void {
  if (session === undefined) refuse("invalid session");
  session.quit();
}

function history({ session, out }: CliContext): void {
  if (session?.interactive !== true) refuse("invalid for non-interactive sessions");
  for (const [i, line] of session.history.entries()) out(`${i + 1}  ${line}`);
}

export const systemCommands: readonly CliCommand[] = [
  { path: "show", help: "Show commands" },
  { path: "set", help: "Set commands" },
  { path: "clear", help: "Clear commands" },
  { path: "test", help: "Test commands" },
  { path: "show version", help: "show version [verbose] [cmdline]", run: showVersion },
  { path: "show plugins", help: "show loaded plugins", run: showPlugins },
  { path: "show threads", help: "Show threads", run: showThreads },
  { path: "show memory", help: "show memory [main-heap] [verbose]", run: showMemory },
  { path: "show clock", help: "Show current clock", run: showClock },
  { path: "show api clients", help: "Client information", run: showApiClients },
  { path: "exec", help: "exec <filename>", run: exec },
  { path: "q", help: "Exit CLI", run: quit },
  { path: "quit", help: "Exit CLI", run: quit },
  { path: "exit", help: "Exit CLI", run: quit },
  { path: "history", help: "Show current session command history", run: history },
];
