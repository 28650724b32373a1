/** memif (VPP src/plugins/memif/cli.c). */
import { memifOf, MODE_ETHERNET, type MemifArguments } from "../../memif/memif.ts";
import type { Refusal } from "../../memif/sockets.ts";
import { NO_INDEX, type Interface } from "../../model.ts";
import { eachOption, interfaceName, refuse } from "../context.ts";
import type { CliCommand, CliContext } from "../context.ts";
import { macAddress } from "../parsers.ts";
import { memifLines, socketLines } from "../text/memif.ts";
import type { Input } from "../unformat.ts";

const MODE_IP = 1;
const MAX_RING_SIZE = 32768;
/** What each return value is called (vnet/error.h); the reason comes in brackets. */
const ERRORS: Readonly<Record<number, string>> = {
  [-9]: "Unimplemented",
  [-11]: "System call error #1",
  [-14]: "System call error #4",
  [-68]: "Subinterface already exists",
  [-73]: "Invalid argument",
  [-74]: "Unexpected interface state",
  [-116]: "Entry already exists",
};

/** VPP names what stands behind the line, which is nothing. */
const UNKNOWN = "unknown input `'";

function refuseWith({ retval, reason }: Refusal): never {
  refuse(`${ERRORS[retval] ?? `error ${retval}`} (${reason})`);
}

function socketId(line: Input, take: (id: number) => void): boolean {
  const [id] = line.read("id %u") ?? [];
  if (id !== undefined) take(id);
  return id !== undefined;
}

function createSocket({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let id = NO_INDEX;
  let filename = "";
  const option = (): boolean => {
    if (socketId(line, (read) => (id = read))) return true;
    const [read] = line.read("filename %s") ?? [];
    filename = read ?? filename;
    return read !== undefined;
  };
  if (!eachOption(line, option)) refuse(UNKNOWN);
  if (id === 0 || id === NO_INDEX) refuse("Invalid socket id");
  if (filename === "") refuse("Invalid socket filename");
  const refusal = memifOf(dp).sockets.add(id, filename);
  if (refusal !== undefined) refuseWith(refusal);
}

function deleteSocket({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let id = NO_INDEX;
  if (!eachOption(line, () => socketId(line, (read) => (id = read)))) refuse(UNKNOWN);
  if (id === 0 || id === NO_INDEX) refuse("Invalid socket id");
  const refusal = memifOf(dp).sockets.delete(id);
  if (refusal !== undefined) refuseWith(refusal);
}

type Wanted = { -readonly [K in keyof MemifArguments]: MemifArguments[K] };

/** Options with a number; `socket-id` before `id` would not matter, as words are read whole. */
const NUMBERS = {
  id: "id",
  "socket-id": "socketId",
  "ring-size": "ringSize",
  "rx-queues": "rxQueues",
  "tx-queues": "txQueues",
  "buffer-size": "bufferSize",
} as const satisfies Record<string, keyof Wanted>;

function memifOption(line: Input, wanted: Wanted): boolean {
  for (const [word, key] of Object.entries(NUMBERS)) {
    const [value] = line.read(`${word} %u`) ?? [];
    if (value === undefined) continue;
    wanted[key as (typeof NUMBERS)[keyof typeof NUMBERS]] = value;
    return true;
  }
  const [secret] = line.read("secret %s") ?? [];
  if (secret !== undefined) wanted.secret = secret.slice(0, 23);
  else if (line.match("master")) wanted.isMaster = true;
  else if (line.match("slave")) wanted.isMaster = false;
  else if (line.match("no-zero-copy")) wanted.zeroCopy = false;
  else if (line.match("mode ip")) wanted.mode = MODE_IP;
  else if (!line.match("use-dma")) return macOption(line, wanted);
  return true;
}

function macOption(line: Input, wanted: Wanted): boolean {
  const [mac] = line.read("hw-addr %U", macAddress) ?? [];
  if (mac !== undefined) wanted.mac = mac;
  return mac !== undefined;
}

function createMemif({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  const wanted: Wanted = {
    ...{ id: 0, socketId: 0, isMaster: false, mode: MODE_ETHERNET, ringSize: 1024, bufferSize: 2048 },
    ...{ rxQueues: 1, txQueues: 1, zeroCopy: true, secret: "" },
  };
  if (!eachOption(line, () => memifOption(line, wanted))) refuse(UNKNOWN);
  const { ringSize, rxQueues, txQueues } = wanted;
  if ((ringSize & (ringSize - 1)) !== 0) refuse("ring size must be power of 2");
  if (ringSize > MAX_RING_SIZE) refuse("maximum ring size is 32768");
  if (rxQueues > 255 || rxQueues < 1) refuse("rx queue must be between 1 - 255");
  if (txQueues > 255 || txQueues < 1) refuse("tx queue must be between 1 - 255");
  const { retval, reason = "" } = memifOf(dp).create(wanted);
  if (retval !== undefined) refuseWith({ retval, reason });
}

function deleteMemif({ dp }: CliContext, input: Input): void {
  const line = input.line();
  if (line === undefined) return;
  let swIfIndex = NO_INDEX;
  const option = (): boolean => {
    const [index] = line.read("sw_if_index %d") ?? [];
    const [named] = index === undefined ? (line.read("%U", interfaceName(dp)) ?? []) : [];
    swIfIndex = index ?? named?.swIfIndex ?? swIfIndex;
    return index !== undefined || named !== undefined;
  };
  if (!eachOption(line, option)) refuse(UNKNOWN);
  if (swIfIndex === NO_INDEX) refuse("please specify interface name or sw_if_index");
  if (memifOf(dp).delete(swIfIndex) !== 0) refuse("not a memif interface");
}

function showMemif({ dp, out }: CliContext, input: Input): void {
  const chosen: Interface[] = [];
  let withDescriptors = false;
  while (!input.atEnd()) {
    const [named] = input.read("%U", interfaceName(dp)) ?? [];
    if (named !== undefined) chosen.push(named);
    else if (input.match("descriptors")) withDescriptors = true;
    else refuse(`unknown input \`${input.error()}'`);
  }
  const main = memifOf(dp);
  out(`${socketLines(main.sockets.all()).join("\n")}\n\n`);
  // VPP takes any other interface's instance for a memif's.
  const memifs = chosen.map(({ swIfIndex }) => main.of(swIfIndex)).filter((one) => one !== undefined);
  for (const memif of chosen.length > 0 ? memifs : main.interfaces) {
    out(memifLines(memif, withDescriptors).join("\n"));
  }
}

export const memifCommands: readonly CliCommand[] = [
  { path: "create memif socket", help: "create memif socket [id <id>] [filename <path>]", run: createSocket },
  { path: "delete memif socket", help: "delete memif socket [id <id>]", run: deleteSocket },
  {
    path: "create interface memif",
    help:
      "create interface memif [id <id>] [socket-id <socket-id>] [ring-size <size>] [buffer-size <size>] " +
      "[hw-addr <mac-address>] <master|slave> [rx-queues <number>] [tx-queues <number>] [mode ip] [secret <string>]",
    run: createMemif,
  },
  {
    path: "delete interface memif",
    help: "delete interface memif {<interface> | sw_if_index <sw_idx>}",
    run: deleteMemif,
  },
  { path: "show memif", help: "show memif [<interface>] [descriptors]", run: showMemif },
];
