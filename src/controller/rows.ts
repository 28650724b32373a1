import {
  isOurInterface,
  isOurVip,
  makePlan,
  routeKey,
  vipKey,
  type DesiredState,
  type ObservedServer,
  type ObservedState,
  type ObservedVip,
  type OwnedObjects,
} from "../bridge/index.ts";
import { ControllerError } from "./errors.ts";
import type { Row, RowKind } from "./types.ts";

interface Input {
  readonly desired: DesiredState;
  readonly observed: ObservedState;
  readonly owned: OwnedObjects;
}

type Columns = Record<string, string | number | boolean>;

/** Rows of a kind: all that is desired of it and all that VPP holds. @throws ControllerError NOT_FOUND */
export function rowsOf(kind: RowKind, input: Input): Row[] {
  switch (kind) {
    case "vips":
      return vipRows(input);
    case "servers":
      return serverRows(input);
    case "interfaces":
      return interfaceRows(input);
    case "bridges":
      return bridgeRows(input);
    case "routes":
      return routeRows(input);
    default:
      throw new ControllerError("NOT_FOUND", `no kind "${String(kind)}": vips, servers, interfaces, bridges, routes`);
  }
}

/** Joins what is wanted and what is there by key, wanted first. */
function join<D, O>(wanted: readonly D[], there: readonly O[], keyOf: (one: D | O) => string) {
  const byKey = new Map(there.map((one) => [keyOf(one), one]));
  const pairs = wanted.map((desired) => ({
    key: keyOf(desired),
    desired: desired as D | undefined,
    observed: byKey.get(keyOf(desired)),
  }));
  const keys = new Set(pairs.map((pair) => pair.key));
  const rest = there.filter((one) => !keys.has(keyOf(one)));
  return [
    ...pairs,
    ...rest.map((observed) => ({ key: keyOf(observed), desired: undefined, observed: observed as O | undefined })),
  ];
}

function row(
  key: string,
  ours: boolean,
  desired: object | undefined,
  observed: object | undefined,
  columns: Columns,
  differs: boolean,
  special?: string,
): Row {
  const state =
    special ??
    (desired === undefined
      ? ours
        ? "extra"
        : "foreign"
      : observed === undefined
        ? "missing"
        : !ours
          ? "foreign"
          : differs
            ? "differs"
            : "ok");
  return {
    key,
    owner: ours ? "ours" : "foreign",
    state,
    ...(desired === undefined ? {} : { desired: desired as Record<string, unknown> }),
    ...(observed === undefined ? {} : { observed: observed as Record<string, unknown> }),
    columns: { ...columns, state },
  };
}

/** Objects that the plan would touch. */
function touched({ desired, observed, owned }: Input, ...kinds: string[]): Set<string> {
  const plan = makePlan(desired, observed, owned, { disruption: false });
  return new Set(
    plan.operations.filter((operation) => kinds.includes(operation.kind)).map((operation) => operation.object),
  );
}

function vipRows(input: Input): Row[] {
  const changed = touched(input, "vip", "server");
  return join(input.desired.vips, input.observed.vips, vipKey).map(({ key, desired, observed }) => {
    const shown = observed ?? desired!;
    const servers = observed?.servers ?? [];
    const columns: Columns = {
      vip: key,
      ...(desired?.name === undefined ? {} : { name: desired.name }),
      encap: shown.encap,
      tableSize: shown.tableSize,
      srcIpSticky: shown.srcIpSticky,
      servers: servers.filter((server) => server.used).length,
      flows: servers.reduce((sum, server) => sum + server.flows, 0),
      ...counterColumns(observed),
    };
    const ours = observed === undefined || isOurVip(observed, input);
    return row(key, ours, desired, observed, columns, changed.has(key));
  });
}

function counterColumns(observed: ObservedVip | undefined): Columns {
  if (observed === undefined) return {};
  const { firstPacket, existingSession, untracked, noServer } = observed.counters;
  return { newSessions: firstPacket, knownSessions: existingSession, untracked, noServer };
}

function serverRows(input: Input): Row[] {
  return join(input.desired.vips, input.observed.vips, vipKey).flatMap(({ key, desired, observed }) => {
    const ours = observed === undefined || isOurVip(observed, input);
    const gone = (server: ObservedServer) => !server.used && server.flows === 0;
    const there = (observed?.servers ?? []).filter((server) => !gone(server));
    return join(desired?.servers ?? [], there, (server) => server.address).map((pair) => {
      const special = specialState(pair.desired?.state, pair.observed, ours);
      const columns: Columns = {
        vip: key,
        server: pair.key,
        used: pair.observed?.used ?? false,
        buckets: pair.observed?.buckets ?? 0,
        flows: pair.observed?.flows ?? 0,
        weight: pair.observed?.weight ?? pair.desired?.weight ?? 100,
      };
      return row(`${key} ${pair.key}`, ours, pair.desired, pair.observed, columns, false, special);
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
  const { desired, observed, owned } = input;
  const wanted = new Set(desired.routes.map(routeKey));
  const there = observed.routes.filter((route) => wanted.has(routeKey(route)) || owned.routes.has(routeKey(route)));
  return join(desired.routes, there, routeKey).map(({ key, desired: route, observed: found }) => {
    const shown = found ?? route!;
    const via = shown.via.map((path) => [path.address, path.interface].filter((part) => part !== undefined).join(" "));
    return row(
      key,
      true,
      route,
      found,
      { prefix: shown.prefix, table: shown.table, via: via.join(", ") },
      changed.has(key),
    );
  });
}
