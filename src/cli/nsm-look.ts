import type { Command } from "commander";
import type { ConnectionRow, EndpointRow, LookEvent, LookOptions, ServiceRow } from "../roles/nsm-look.ts";
import { action, examples, type Context } from "./context.ts";
import type { IdentityFlags } from "./role-options.ts";
import { formatTable } from "./table.ts";

/** Where managers are by default. */
export const DEFAULT_MANAGER = "unix:///var/lib/networkservicemesh/nsm.io.sock";

const CONNECT_TO = [
  "--connect-to <url>",
  `of the manager or registry (NSM_CONNECT_TO; default: ${DEFAULT_MANAGER})`,
] as const;

/** `vpplb nsm services` and the like: a look at any NSM manager. */
export function registerNsmLook(nsm: Command): void {
  const about = "Asks a manager or registry of NSM, ours or another. ";
  const list = nsm
    .command("services")
    .summary("network services that are registered")
    .description(`${about}Lists the network services that are registered, and who serves them.`)
    .option(...CONNECT_TO)
    .action(action(services));
  examples(list, ["vpplb nsm services --insecure", "vpplb --json nsm services | jq -r '.[].name'"]);
  const endpointList = nsm
    .command("endpoints")
    .summary("endpoints that are registered")
    .description(`${about}Lists the endpoints that are registered.`)
    .option(...CONNECT_TO)
    .option("--of <service>", "only those that serve it")
    .action(action(endpoints));
  examples(endpointList, ["vpplb nsm endpoints --insecure", "vpplb nsm endpoints --of load-balancer --insecure"]);
  const connectionList = nsm
    .command("connections")
    .summary("connections of a manager")
    .description(`${about}Lists its connections. With identities, a manager of ours tells them to its observers.`)
    .option(...CONNECT_TO)
    .action(action(connections));
  examples(connectionList, [
    "vpplb nsm connections --insecure",
    "vpplb --json nsm connections --connect-to tcp://127.0.0.1:5001",
  ]);
  const watching = nsm
    .command("watch")
    .summary("what comes and goes in a mesh, as it happens")
    .description(`${about}Shows what is there, then every change of services, endpoints and connections, until ctrl-C.`)
    .option(...CONNECT_TO)
    .action(action(watch, "stop"));
  examples(watching, [
    "vpplb nsm watch --insecure",
    "vpplb --json nsm watch | jq -c 'select(.kind == \"connection\")'",
  ]);
}

interface Options {
  readonly connectTo?: string;
}

function lookOptions({ options }: Context, { connectTo }: Options): LookOptions {
  const { insecure, spiffe } = options as IdentityFlags; // of `nsm` itself
  return {
    url: connectTo ?? (process.env["NSM_CONNECT_TO"]?.trim() || DEFAULT_MANAGER),
    identity: { insecure, spiffeSocket: spiffe },
  };
}

async function services(context: Context, options: Options): Promise<void> {
  const { lookAtServices } = await import("../roles/nsm-look.ts");
  const rows = await lookAtServices(lookOptions(context, options), context.signal);
  show<ServiceRow>(context, rows, "network services", {
    NAME: ({ name }) => name,
    PAYLOAD: ({ payload }) => payload || "IP",
    MATCHES: ({ matches }) => matches.length,
    ENDPOINTS: (row) => row.endpoints.join(", "),
  });
}

async function endpoints(context: Context, options: Options & { readonly of?: string }): Promise<void> {
  const { lookAtEndpoints } = await import("../roles/nsm-look.ts");
  const rows = await lookAtEndpoints(lookOptions(context, options), context.signal, options.of);
  show<EndpointRow>(context, rows, "endpoints", {
    NAME: ({ name }) => name,
    SERVICES: (row) => row.services.join(", "),
    LABELS: labelText,
    URL: ({ url }) => url,
    EXPIRES: ({ expires }) => expires,
  });
}

async function connections(context: Context, options: Options): Promise<void> {
  const { lookAtConnections } = await import("../roles/nsm-look.ts");
  const rows = await lookAtConnections(lookOptions(context, options), context.signal);
  show<ConnectionRow>(context, rows, "connections", {
    CLIENT: ({ client }) => client,
    SERVICE: ({ service }) => service,
    ENDPOINT: ({ endpoint }) => endpoint,
    MECHANISM: ({ mechanism }) => mechanism,
    INTERFACE: (row) => row.interface,
    ADDRESSES: ({ addresses }) => addresses.client.join(", "),
    STATE: ({ state }) => state,
    EXPIRES: ({ expires }) => expires,
  });
}

function labelText({ labels }: EndpointRow): string {
  const pairs = Object.values(labels).flatMap((one) => Object.entries(one));
  return [...new Set(pairs.map(([key, value]) => `${key}=${value}`))].join(", ");
}

/** What others have registered: one line, and nothing that a terminal obeys. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}

function show<T>(
  context: Context,
  rows: readonly T[],
  what: string,
  columns: Readonly<Record<string, (row: T) => string | number | undefined>>,
): void {
  if (context.json) return context.printJson(rows);
  if (rows.length === 0) return context.note(`vpplb: there are no ${what}`);
  const cells = rows.map((row) =>
    Object.values(columns).map((column) => {
      const cell = column(row);
      return typeof cell === "string" ? plain(cell) : cell;
    }),
  );
  const { bold } = context.colors;
  context.print(
    formatTable(Object.keys(columns), cells, (text, _column, row) => (row === undefined ? bold(text) : text)),
  );
}

async function watch(context: Context, options: Options): Promise<void> {
  const { watchMesh } = await import("../roles/nsm-look.ts");
  const look = lookOptions(context, options);
  const print = (event: LookEvent) => {
    const at = new Date().toISOString();
    if (context.json) return context.print(JSON.stringify({ at, ...event }));
    context.print(plain(`${at} ${event.kind.padEnd(10)} ${sentence(event)}`));
  };
  await watchMesh(look, context.signal, print, () => context.note(`vpplb: watching ${look.url}`));
}

function sentence(event: LookEvent): string {
  switch (event.kind) {
    case "service":
      return `${event.service.name}${event.deleted ? " is gone" : `, payload ${event.service.payload || "IP"}`}`;
    case "endpoint":
      return `${event.endpoint.name} ${event.deleted ? "is gone" : `serves ${event.endpoint.services.join(", ")}`}`;
    case "connection": {
      const { client, endpoint, service, mechanism, state } = event.connection;
      return `${client} to ${endpoint} (${service}, ${mechanism}) ${event.deleted ? "is gone" : state}`;
    }
  }
}
