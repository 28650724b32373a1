import { STAGES, type DiffInput, type ExecuteContext, type Kind } from "./kind.ts";
import { indexOf, interfaceOperationId } from "./interface.ts";
import { routeKey } from "./keys.ts";
import type { VppPort } from "./port.ts";
import type { Action, DesiredRoute, ObservedRoute, RoutePath } from "./types.ts";
import { ALL, familyOf, ip4Text, ip6Text, number, prefixText } from "./wire.ts";

export const routeOperationId = (route: Pick<DesiredRoute, "prefix" | "table">, what: "add" | "delete"): string =>
  `route ${routeKey(route)} ${what}`;

/** Routes carry no tag: ours are those of the file and of the journal. */
export const routeKind: Kind = {
  kind: "route",
  diff(input, plan) {
    const { desired, observed, owned } = input;
    const there = new Map(observed.routes.map((found) => [routeKey(found), found]));
    const wanted = new Set(desired.routes.map(routeKey));
    for (const route of desired.routes) {
      const key = routeKey(route);
      const found = there.get(key);
      if (found !== undefined && samePaths(found.via, route.via)) continue;
      plan.add({
        id: routeOperationId(route, "add"),
        kind: "route",
        object: key,
        verb: found === undefined ? "create" : "update",
        stage: stageOfRoute(route, input),
        action: { type: "route", route, add: true },
        inverse:
          found === undefined ? { type: "route", route, add: false } : { type: "route", route: found, add: true },
        sentence: `route ${key} via ${route.via.map(pathText).join(" and ")}${found === undefined ? "" : ` (was ${found.via.map(pathText).join(" and ")})`}`,
        dependsOn: route.via.flatMap((path) =>
          path.interface === undefined ? [] : [interfaceOperationId(path.interface, "create")],
        ),
      });
    }
    for (const [key, found] of there) {
      if (wanted.has(key) || !owned.routes.has(key)) continue;
      plan.add({
        id: routeOperationId(found, "delete"),
        kind: "route",
        object: key,
        verb: "delete",
        stage: STAGES.dropRoutes,
        action: { type: "route", route: found, add: false },
        inverse: { type: "route", route: found, add: true },
        sentence: `remove route ${key} via ${found.via.map(pathText).join(" and ")}`,
      });
    }
  },
};

/** A route out belongs to the outside interface: before it is up, after its address. */
function stageOfRoute(route: DesiredRoute, { desired }: DiffInput): number {
  const outside = new Set(desired.interfaces.filter((wanted) => wanted.outside).map((wanted) => wanted.name));
  return route.via.some((path) => path.interface !== undefined && outside.has(path.interface))
    ? STAGES.outside
    : STAGES.inside;
}

function pathText(path: RoutePath): string {
  const parts = [path.address, path.interface].filter((part) => part !== undefined);
  return `${parts.join(" ")}${path.weight === 1 ? "" : ` weight ${path.weight}`}`;
}

function samePaths(a: readonly RoutePath[], b: readonly RoutePath[]): boolean {
  const texts = (paths: readonly RoutePath[]) =>
    paths.map((path) => `${path.address ?? ""} ${path.interface ?? ""} ${path.weight} ${path.table}`).sort();
  return texts(a).join() === texts(b).join();
}

/** Replaces all paths of the prefix; adding again and deleting what is not there are 0 in VPP. */
export async function runRoute(action: Extract<Action, { type: "route" }>, context: ExecuteContext): Promise<void> {
  const { route } = action;
  await context.port.request("ip_route_add_del", {
    is_add: action.add,
    is_multipath: false,
    route: {
      table_id: route.table,
      stats_index: 0,
      prefix: route.prefix,
      n_paths: route.via.length,
      // Deleting goes by the prefix alone; an interface that is gone must not be named (-54).
      paths: route.via.map((path) => encodePath(action.add ? path : withoutInterface(path), route, context)),
    },
  });
}

function withoutInterface({ interface: _, ...path }: RoutePath): RoutePath {
  return path;
}

const NO_LABELS = Array.from({ length: 16 }, () => ({ is_uniform: 0, label: 0, ttl: 0, exp: 0 }));

export function encodePath(
  path: RoutePath,
  route: { readonly prefix: string },
  context: ExecuteContext,
): Record<string, unknown> {
  const family = familyOf(path.address ?? route.prefix);
  return {
    sw_if_index: path.interface === undefined ? ALL : indexOf(path.interface, context),
    table_id: path.table,
    rpf_id: 0,
    weight: path.weight,
    preference: 0,
    type: 0,
    flags: 0,
    proto: family === 4 ? 0 : 1,
    nh: {
      address: family === 4 ? { ip4: path.address ?? "0.0.0.0" } : { ip6: path.address ?? "::" },
      via_label: 0,
      obj_id: 0,
      classify_table_index: 0,
    },
    n_labels: 0,
    label_stack: NO_LABELS,
  };
}

const NORMAL = 0;

/** Routes of the tables named, without VPP's own (drop, local, receive…). */
export async function observeRoutes(
  port: VppPort,
  tables: readonly number[],
  nameOf: (index: number) => string,
): Promise<ObservedRoute[]> {
  const asked = tables.flatMap((table) => [false, true].map((isIp6) => ({ table_id: table, is_ip6: isIp6, name: "" })));
  const dumps = await Promise.all(asked.map((table) => port.dump("ip_route_dump", { table })));
  return dumps.flat().flatMap((detail) => {
    const route = detail["route"] as Record<string, unknown>;
    const paths = route["paths"] as Record<string, unknown>[];
    if (paths.length === 0 || paths.some((path) => path["type"] !== NORMAL)) return [];
    return [
      {
        prefix: prefixText(route["prefix"]),
        table: number(route["table_id"]),
        via: paths.map((path) => decodePath(path, nameOf)),
      },
    ];
  });
}

function decodePath(path: Record<string, unknown>, nameOf: (index: number) => string): RoutePath {
  const index = number(path["sw_if_index"]);
  const { address } = path["nh"] as { address: { ip4: unknown; ip6: unknown } };
  const hop = path["proto"] === 1 ? ip6Text(address.ip6) : ip4Text(address.ip4);
  const unspecified = hop === "0.0.0.0" || hop === "::";
  return {
    ...(unspecified ? {} : { address: hop }),
    ...(index === ALL ? {} : { interface: nameOf(index) }),
    weight: number(path["weight"]),
    table: number(path["table_id"]),
  };
}
