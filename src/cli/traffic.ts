import { Option, type Command } from "commander";
import type { TrafficReport } from "../traffic/index.ts";
import { action, collect, duration, examples, EXIT, integer, positive, type Context } from "./context.ts";
import { formatTable, plural } from "./table.ts";

export function registerTraffic(program: Command): void {
  const traffic = program
    .command("traffic")
    .summary("servers that answer their name, clients that keep a record")
    .description("The traffic tool: a server that answers its name, and a client that records every connection.");
  registerServer(traffic);
  registerClient(traffic);
}

function registerServer(traffic: Command): void {
  const command = traffic
    .command("server")
    .summary("answer the name over TCP and UDP")
    .description(
      "Writes its name into the first 64 bytes and echoes, as ctraffic; who sends nothing gets the name as a line. UDP " +
        "answers come from the address that was asked.",
    )
    .option("-p, --port <port>", "port", integer(0, 65_535), 5001)
    .option("--listen <address>", "address to bind; may be given several times (default: any)", collect)
    .option("--name <name>", "what to answer (default: the host's name)")
    .addOption(new Option("--protocol <protocol>", "only this one").choices(["tcp", "udp"]))
    .addOption(
      new Option("--mode <mode>", "what TCP connections get").choices(["auto", "echo", "line"]).default("auto"),
    )
    .action(action(server, "stop"));
  examples(command, ["vpplb traffic server --name as1", "vpplb traffic server --listen 127.0.0.1 -p 5003 --mode echo"]);
}

function registerClient(traffic: Command): void {
  const command = traffic
    .command("client")
    .summary("open connections and record what becomes of each")
    .description(
      "Opens connections at a rate, exchanges one packet on each (or, with --hold, keeps them open with traffic) and " +
        "reports per server. Exit code 1 if a connection broke. --json prints every connection, with ctraffic's fields.",
    )
    .argument("<target>", "ADDRESS:PORT")
    .option("-n, --connections <count>", "how many", integer(1, 60_000), 100)
    .option("-r, --rate <per-second>", "new connections per second", positive, 200)
    .option("-s, --size <bytes>", "packet size", integer(64, 65_507), 1024)
    .option("--udp", "UDP instead of TCP")
    .option("--hold <time>", "hold them for so long with traffic on them", duration)
    .option("--packet-rate <per-second>", "packets per second and held connection", positive, 5)
    .option("--source <address>", "source address; may be given several times", collect)
    .option("--first-port <port>", "source ports from here on, for flows that can be predicted", integer(1, 65_535))
    .option("--timeout <time>", "without an answer for so long a connection is broken", duration)
    .action(action(client));
  examples(command, [
    "vpplb traffic client 10.2.2.33:5001 -n 300",
    "vpplb traffic client '[2001:db8:2::33]:5001' --hold 30s --packet-rate 10",
    "vpplb traffic client 10.2.2.33:5001 --first-port 20000 --json | jq '.ConnStats[] | [.Local, .Host]'",
  ]);
}

interface ServerOptions {
  readonly port: number;
  readonly listen?: string[];
  readonly name?: string;
  readonly protocol?: "tcp" | "udp";
  readonly mode: "auto" | "echo" | "line";
}

async function server(context: Context, { port, listen, name, protocol, mode }: ServerOptions): Promise<void> {
  const { runTrafficServer } = await import("../roles/traffic-server.ts");
  await runTrafficServer(
    {
      port,
      mode,
      ...(listen === undefined ? {} : { listen }),
      ...(name === undefined ? {} : { name }),
      ...(protocol === undefined ? {} : { protocols: [protocol] }),
      ready: ({ name: answers, bound }) => {
        const where = bound.map((one) => `${one.protocol} ${one.address} ${one.port}`).join(", ");
        context.print(
          context.json ? JSON.stringify({ ready: true, name: answers, bound }) : `ready: ${answers} on ${where}`,
        );
      },
    },
    context.signal,
  );
}

interface ClientOptions {
  readonly connections: number;
  readonly rate: number;
  readonly size: number;
  readonly udp?: boolean;
  readonly hold?: number;
  readonly packetRate: number;
  readonly source?: string[];
  readonly firstPort?: number;
  readonly timeout?: number;
}

async function client(context: Context, where: string, options: ClientOptions): Promise<number> {
  const { runTrafficClient } = await import("../roles/traffic-client.ts");
  const { parseEndpoint, toCtraffic } = await import("../traffic/index.ts");
  const { connections, rate, size, udp, hold, packetRate, source, firstPort, timeout } = options;
  const report = await runTrafficClient(
    {
      target: parseEndpoint(where),
      protocol: udp === true ? "udp" : "tcp",
      connections,
      rate,
      packetSize: size,
      packetRate,
      ...(hold === undefined ? {} : { holdMs: hold }),
      ...(source === undefined ? {} : { sources: source }),
      ...(firstPort === undefined ? {} : { firstPort }),
      ...(timeout === undefined ? {} : { answerTimeoutMs: timeout, connectTimeoutMs: timeout }),
      progress: (held) => context.note(`${held.alive} alive, ${held.broken} broken`),
    },
    context.signal,
  );
  const { byServer, brokenByServer, errors } = report;
  const rateKBps = hold === undefined ? 0 : (connections * packetRate * size) / 1024;
  if (context.json) {
    context.printJson({
      ...toCtraffic(report, rateKBps),
      Hosts: byServer,
      BrokenHosts: brokenByServer,
      Errors: errors,
    });
  } else print(context, report);
  return report.broken === 0 && report.good > 0 ? EXIT.ok : EXIT.failed;
}

function print({ print, colors }: Context, report: TrafficReport): void {
  const { target, protocol, connections, good, broken, byServer, brokenByServer, errors } = report;
  const names = [...new Set([...Object.keys(byServer), ...Object.keys(brokenByServer)])].sort();
  const rows = names.map((name) => [name === "" ? "(no name)" : name, byServer[name] ?? 0, brokenByServer[name] ?? 0]);
  if (rows.length > 0) print(formatTable(["SERVER", "GOOD", "BROKEN"], rows));
  const why = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  const bad = `${broken} broken${why.length === 0 ? "" : ` (${why.join(", ")})`}`;
  print(
    `${plural(connections, `${protocol} connection`)} to ${target}: ${good} good, ${broken === 0 ? bad : colors.red(bad)}, ` +
      `longest wait ${Math.round(report.longestGapMs)} ms, ${(report.durationMs / 1000).toFixed(1)} s`,
  );
}
