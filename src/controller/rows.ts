import {
  isOurInterface,
  isOurVip,
  routeKey,
  vipId,
  vipKey,
  type ObservedServer,
  type ObservedVip,
} from "../bridge/index.ts";
import { ControllerError } from "./errors.ts";
import { aclRows, memifRows, tableRows } from "./link-rows.ts";
import { join, row, touched, type Columns, type RowInput as Input } from "./row.ts";
import { flowRows, streamRows, streamVipRows } from "./steering-rows.ts";
import type { Row, RowKind } from "./types.ts";

const KINDS: readonly RowKind[] = [
  "vips",
  "streams",
  "flows",
  "servers",
  "interfaces",
  "bridges",
  "routes",
  "memifs",
  "tables",
  "acls",
];

/** Rows of a kind: all that is desired of it and all that VPP holds. @throws ControllerError NOT_FOUND */
export function rowsOf(kind: RowKind, input: Input): Row[] {
  switch (kind) {
    case "vips":
      return vipRows(input);
    case "streams":
      return streamRows(input);
    case "flows":
      return flowRows(input);
    case "servers":
      return serverRows(input);
    case "interfaces":
      return interfaceRows(input);
    case "bridges":
      return bridgeRows(input);
    case "memifs":
      return memifRows(input);
    case "tables":
      return tableRows(input);
    case "acls":
      return aclRows(input);
    case "routes":
      return routeRows(input);
    default:
      throw new ControllerError("NOT_FOUND", `no kind "${String(kind)}": ${KINDS.join(", ")}`);
  }
}

/** VIPs; the lb VIPs that streams are made of are told only where internals are asked for. */
function vipRows(input: Input): Row[] {
  const changed = touched(input, "vip", "server");
  const shown = <T extends { title?: string }>(vips: readonly T[]) =>
    vips.filter((vip) => input.internals === true || vip.title === undefined);
  const rows = join(shown(input.desired.vips), shown(input.observed.vips), vipKey).map(({ key, desired, observed }) => {
    const shown = observed ?? desired!;
    const servers = observed?.servers ?? [];
    const name = desired?.name ?? desired?.title ?? observed?.title;
    const columns: Columns = {
      vip: key,
      ...(name === undefined ? {} : { name }),
      ...(desired?.stream === undefined ? {} : { stream: desired.stream }),
      encap: shown.encap,
      tableSize: shown.tableSize,
      srcIpSticky: shown.srcIpSticky,
      servers: servers.filter((server) => server.used).length,
      flows: servers.reduce((sum, server) => sum + server.flows, 0),
      ...counterColumns(observed),
    };
    const ours = observed === undefined || isOurVip(observed, input);
    return row(key, ours, desired, observed, columns, changed.has(vipId(shown)));
  });
  return [...rows, ...streamVipRows(input)];
}

function counterColumns(observed: ObservedVip | undefined): Columns {
  if (observed === undefined) return {};
  const { firstPacket, existingSession, untracked, noServer } = observed.counters;
  return { newSessions: firstPacket, knownSessions: existingSession, untracked, noServer };
}

function serverRows(input: Input): Row[] {
  return join(input.desired.vips, input.observed.vips, vipKey).flatMap(({ desired, observed }) => {
    const ours = observed === undefined || isOurVip(observed, input);
    const id = vipId(observed ?? desired!);
    const gone = (server: ObservedServer) => !server.used && server.flows === 0;
    const there = (observed?.servers ?? []).filter((server) => !gone(server));
    return join(desired?.servers ?? [], there, (server) => server.address).map((pair) => {
      const special = specialState(pair.desired?.state, pair.observed, ours);
      const columns: Columns = {
        vip: id,
        server: pair.key,
        used: pair.observed?.used ?? false,
        buckets: pair.observed?.buckets ?? 0,
        flows: pair.observed?.flows ?? 0,
        weight: pair.observed?.weight ?? pair.desired?.weight ?? 100,
      };
      return row(`${id} ${pair.key}`, ours, pair.desired, pair.observed, columns, false, special);
    });
  });
}

/** A server's states are finer than there and not there. */
function specialState(
  wanted: string | undefined,
  found: ObservedServer | undefined,
  ours: boolean,
): string | undefined {
  if (!ours) return undefined;
  if (wanted === "drain") return "draining";
  if (wanted === "down") return "down";
  if (wanted === undefined && found?.used === false) return "draining";
  return wanted === "up" && found?.used === false ? "missing" : undefined;
}

function interfaceRows(input: Input): Row[] {
  const changed = touched(input, "interface");
  const { desired, observed } = input;
  return join(desired.interfaces, observed.interfaces, (one) => one.name).map(
    ({ key, desired: wanted, observed: found }) => {
      const shown = found ?? wanted!;
      const columns: Columns = {
        name: key,
        kind: shown.kind,
        up: shown.up,
        link: found?.linkUp ?? false,
        mac: shown.mac ?? "",
        mtu: shown.mtu,
        addresses: shown.addresses.join(" "),
        bridge: shown.bridge === undefined ? "" : `${shown.bridge.id}${shown.bridge.bvi ? " (BVI)" : ""}`,
        outside: wanted?.outside ?? false,
      };
      const ours = found === undefined || isOurInterface(found, input);
      return row(key, ours, wanted, found, columns, changed.has(key));
    },
  );
}

function bridgeRows(input: Input): Row[] {
  const changed = touched(input, "bridge");
  const { desired, observed, owned } = input;
  return join(desired.bridges, observed.bridges, (one) => String(one.id)).map(
    ({ key, desired: wanted, observed: found }) => {
      const shown = found ?? wanted!;
      const columns: Columns = {
        id: shown.id,
        learn: shown.learn,
        flood: shown.flood,
        macAgeMin: shown.macAgeMin,
        members: found?.members.join(" ") ?? "",
      };
      const ours = found === undefined || found.tag === desired.ownership.tag || owned.bridges.has(found.id);
      return row(key, ours, wanted, found, columns, changed.has(key));
    },
  );
}

/** VPP's own and others' routes are many: shown are those that are ours. */
function routeRows(input: Input): Row[] {
  const changed = touched(input, "route");
  const { observed, owned } = input;
  const inner = new Set(input.desired.routes.filter((route) => route.title !== undefined).map(routeKey));
  const desired = {
    routes: input.desired.routes.filter((route) => input.internals === true || !inner.has(routeKey(route))),
  };
  const wanted = new Set(desired.routes.map(routeKey));
  const ours = (key: string) => wanted.has(key) || (owned.routes.has(key) && !inner.has(key));
  const there = observed.routes.filter((route) => ours(routeKey(route)));
  return join(desired.routes, there, routeKey).map(({ key, desired: route, observed: found }) => {
    const shown = found ?? route!;
    const via = shown.via.map((path) =>
      [path.address, path.interface, path.special].filter((part) => part !== undefined).join(" "),
    );
    return row(
      key,
      true,
      route,
      found,
      { prefix: shown.prefix, table: shown.table, via: via.join(", ") },
      changed.has(route?.title ?? key),
    );
  });
}
