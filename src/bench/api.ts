import { fileURLToPath } from "node:url";
import { VppClient } from "vpp-api-ts";
import { rateFigure, type Figure } from "./figure.ts";
import { Govpp } from "./govpp.ts";
import { median, perSecond, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";
import { connectToRealVpp, serve } from "./target.ts";

const PINGS = 3000;
const PIPELINED = 10_000;
/** The client's default: so many requests are with VPP at once; govpp gets channels of the same length. */
const WINDOW = 1000;
const DUMPS = 60;
const INTERFACES = 300;
const ALL = 0xffff_ffff;

/** Our client beside govpp, on one VPP; the embedded dataplane's own figures come without a ratio. */
export async function benchApi(context: BenchContext): Promise<Figure[]> {
  const client = await connectToRealVpp(context.vpp, "bench");
  try {
    const govpp = await Govpp.start(context.vpp!);
    try {
      context.say(`api: VPP ${client.version}, govpp ${govpp.version}`);
      return await withInterfaces(client, (count) => compare(client, govpp, count, context.rounds));
    } finally {
      await govpp.close();
    }
  } finally {
    client.close();
  }
}

async function compare(client: VppClient, govpp: Govpp, interfaces: number, rounds: number): Promise<Figure[]> {
  const theirs =
    (op: string, count: number, items = count) =>
    () =>
      govpp.rate({ op, count, window: WINDOW }, items);
  const details = DUMPS * interfaces;
  const ping = await takeTurns(rounds, {
    ours: () => pings(client),
    channel: theirs("ping.channel", PINGS),
    stream: theirs("ping.stream", PINGS),
  });
  const pipelined = await takeTurns(rounds, {
    ours: () => pipelinedPings(client),
    channel: theirs("pipelined.channel", PIPELINED),
    stream: theirs("pipelined.stream", PIPELINED),
  });
  const dump = await takeTurns(rounds, {
    ours: () => dumps(client, interfaces),
    iterated: () => iteratedDumps(client, interfaces),
    channel: theirs("interfaces.channel", DUMPS, details),
    stream: theirs("interfaces.stream", DUMPS, details),
  });
  const title = `dumps of ${interfaces} interfaces`;
  return [
    rateFigure("control_ping, one at a time", ping.ours, faster(ping), "1.0x"),
    rateFigure("control_ping, pipelined", pipelined.ours, faster(pipelined), "2.0x"),
    rateFigure(`${title}, dumpAll`, dump.ours, faster(dump), "2.0x"),
    rateFigure(`${title}, for await`, dump.iterated, faster(dump)),
  ];
}

/** Of govpp's two ways the one that is faster here. */
function faster(results: { readonly channel: readonly number[]; readonly stream: readonly number[] }): {
  name: string;
  values: readonly number[];
} {
  const [name, values] =
    median(results.channel) > median(results.stream) ? ["channel", results.channel] : ["stream", results.stream];
  return { name: `govpp (${name as string})`, values: values as readonly number[] };
}

function pings(client: VppClient): Promise<number> {
  return perSecond(PINGS, async () => {
    for (let i = 0; i < PINGS; i++) await client.request("control_ping");
  });
}

function pipelinedPings(client: VppClient): Promise<number> {
  return perSecond(PIPELINED, () =>
    Promise.all(Array.from({ length: PIPELINED }, () => client.request("control_ping"))),
  );
}

function dumps(client: VppClient, expected: number): Promise<number> {
  return perSecond(DUMPS, async () => {
    for (let i = 0; i < DUMPS; i++) {
      const rows = await client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
      checkCount(rows.length, expected);
    }
  });
}

function iteratedDumps(client: VppClient, expected: number): Promise<number> {
  return perSecond(DUMPS, async () => {
    for (let i = 0; i < DUMPS; i++) {
      let rows = 0;
      for await (const row of client.dump("sw_interface_dump", { sw_if_index: ALL })) rows += row.type >= 0 ? 1 : 0;
      checkCount(rows, expected);
    }
  });
}

function checkCount(rows: number, expected: number): void {
  if (rows !== expected)
    throw new Error(`${rows} interfaces dumped, ${expected} are there: does somebody change them?`);
}

/** Lends loopbacks, so that a dump has some hundred details, and takes them back. */
async function withInterfaces<T>(client: VppClient, run: (count: number) => Promise<T>): Promise<T> {
  const before = await client.dumpAll("sw_interface_dump", { sw_if_index: ALL });
  const made: number[] = [];
  try {
    for (let i = before.length; i < INTERFACES; i++) {
      made.push((await client.request("create_loopback", {})).sw_if_index);
    }
    return await run(before.length + made.length);
  } finally {
    for (const index of made) await client.request("delete_loopback", { sw_if_index: index });
  }
}

/** The same on the embedded dataplane, without a ratio: it is not what govpp's figures are of. */
export async function benchEmbeddedApi(context: BenchContext): Promise<Figure[]> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const role = fileURLToPath(new URL(`./role.${extension}`, import.meta.url));
  const server = await serve(
    process.execPath,
    (directory) => [...process.execArgv, role, "dataplane", directory],
    "the embedded dataplane",
  );
  const client = new VppClient({ socket: server.socket, name: "bench", probe: false, queue: 100_000 });
  try {
    await client.connect({ deadlineMs: 5000 });
    return await withInterfaces(client, async (count) => {
      const rates = await takeTurns(context.rounds, {
        ping: () => pings(client),
        pipelined: () => pipelinedPings(client),
        dump: () => dumps(client, count),
      });
      return [
        { name: "control_ping, one at a time", unit: "/s", ours: median(rates.ping) },
        { name: "control_ping, pipelined", unit: "/s", ours: median(rates.pipelined) },
        { name: `dumps of ${count} interfaces`, unit: "/s", ours: median(rates.dump) },
      ];
    });
  } finally {
    client.close();
    await server.stop();
  }
}
