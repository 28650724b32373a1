import { attachOperationId } from "./abf-ids.ts";
import { titleOfAddress } from "./assign.ts";
import { STAGES, type DiffInput, type ExecuteContext, type Kind, type PlanBuilder } from "./kind.ts";
import { interfaceOperationId } from "./interface.ts";
import { indexOf } from "./interface-run.ts";
import { routeKey } from "./keys.ts";
import { serverOperationId } from "./server.ts";
import { vipOperationId } from "./vip.ts";
import type { VppPort } from "./port.ts";
import type { Action, DesiredRoute, ObservedRoute, RoutePath } from "./types.ts";
import { ALL, familyOf, hostPrefix, ip4Text, ip6Text, number, prefixText } from "./wire.ts";

export const routeOperationId = (route: Pick<DesiredRoute, "prefix" | "table">, what: "add" | "delete"): string =>
  `route ${routeKey(route)} ${what}`;

/** Routes carry no tag: ours are those of the file and of the journal. */
export const routeKind: Kind = {
  kind: "route",
  diff(input, plan) {
    const there = visibleRoutes(input);
    const wanted = new Set(input.desired.routes.map(routeKey));
    for (const route of input.desired.routes) {
      const found = there.get(routeKey(route));
      if (found === undefined || !samePaths(found.via, route.via)) addRoute(route, found, input, plan);
    }
    for (const key of input.owned.routes) {
      if (wanted.has(key)) continue;
      const found = there.get(key) ?? hiddenRoute(key, input);
      if (found !== undefined) removeRoute(key, found, input, plan);
    }
  },
};

/**
 * Routes by key without those that VPP made itself (drops of its own) and those that stand for an lb VIP: these hide
 * what else is known of their prefix.
 */
function visibleRoutes({ observed, owned }: DiffInput): Map<string, ObservedRoute> {
  const vips = new Set(observed.vips.map((vip) => vip.prefix));
  const visible = observed.routes.filter((found) => {
    if (found.table === 0 && vips.has(found.prefix)) return false;
    return found.via.every((path) => path.special === undefined) || owned.routes.has(routeKey(found));
  });
  return new Map(visible.map((found) => [routeKey(found), found]));
}

/** A route of ours beneath an lb VIP of the same prefix: not to be seen, and there as soon as the VIP is gone. */
function hiddenRoute(key: string, { observed }: DiffInput): ObservedRoute | undefined {
  const vip = observed.vips.find((one) => one.prefix === key);
  return vip && { prefix: key, table: 0, via: [{ special: "drop", weight: 1, table: 0 }] };
}

function addRoute(route: DesiredRoute, found: ObservedRoute | undefined, input: DiffInput, plan: PlanBuilder): void {
  const key = routeKey(route);
  const was = found === undefined ? "" : ` (was ${wayText(found, input)})`;
  plan.add({
    id: routeOperationId(route, "add"),
    kind: "route",
    object: route.title ?? key,
    verb: found === undefined ? "create" : "update",
    stage: stageOfRoute(route, input),
    action: { type: "route", route, add: true },
    inverse: found === undefined ? { type: "route", route, add: false } : { type: "route", route: found, add: true },
    sentence: `${route.sentence ?? `route ${key} via ${wayText(route, input)}`}${was}`,
    dependsOn: route.via.flatMap((path) => [
      ...(path.interface === undefined ? [] : [interfaceOperationId(path.interface, "create")]),
      ...(path.address === undefined ? [] : vipOperations(hostPrefix(path.address), input)),
    ]),
  });
}

/** What makes the VIP that a route leads to: it has its servers before. */
function vipOperations(prefix: string, { desired }: DiffInput): string[] {
  const vip = desired.vips.find((one) => one.prefix === prefix && one.port === undefined);
  if (vip === undefined) return [];
  const weights = new Set(vip.servers.map((server) => (server.state === "drain" ? 0 : server.weight)));
  return [
    vipOperationId(vip, "create"),
    serverOperationId(vip, "add"),
    ...[...weights].map((weight) => serverOperationId(vip, `add with weight ${weight}`)),
  ];
}

function removeRoute(key: string, found: ObservedRoute, input: DiffInput, plan: PlanBuilder): void {
  const [host] = found.prefix.split("/");
  const title = titleOfAddress(host, input.owned.assigned);
  const steered = found.via.every((path) => path.interface === undefined);
  plan.add({
    id: routeOperationId(found, "delete"),
    kind: "route",
    object: title ?? key,
    verb: "delete",
    stage: steered ? STAGES.dropVips : STAGES.dropRoutes,
    action: { type: "route", route: found, add: false },
    inverse: { type: "route", route: found, add: true },
    sentence:
      title === undefined ? `remove route ${key} via ${wayText(found, input)}` : `${title}: forget where it went`,
    // Nothing is sent to it any more.
    dependsOn: attachedVia(host, input),
  });
}

function attachedVia(hop: string | undefined, { observed }: DiffInput): string[] {
  const policies = observed.abfPolicies?.filter((policy) => policy.via.some((one) => one === hop)) ?? [];
  const ids = new Set(policies.map((policy) => policy.id));
  const attached = observed.abfAttachments?.filter((one) => ids.has(one.policy)) ?? [];
  return attached.map((one) => attachOperationId(one.policy, String(one.interfaceIndex), "detach"));
}

/** A route out belongs to the outside interface: before it is up, after its address. */
function stageOfRoute(route: DesiredRoute, { desired }: DiffInput): number {
  if (route.title !== undefined) return STAGES.steer;
  const outside = new Set(desired.interfaces.filter((wanted) => wanted.outside).map((wanted) => wanted.name));
  return route.via.some((path) => path.interface !== undefined && outside.has(path.interface))
    ? STAGES.outside
    : STAGES.inside;
}

function wayText({ via }: Pick<DesiredRoute, "via">, input: DiffInput): string {
  return via.map((path) => pathText(path, input)).join(" and ");
}

function pathText(path: RoutePath, { observed, owned }: DiffInput): string {
  const title = titleOfAddress(path.address, owned.assigned);
  const vip = path.address && observed.vips.find((one) => one.prefix === hostPrefix(path.address!));
  const known = title ?? (vip === undefined || vip === "" ? undefined : vip.title);
  const parts = [known ?? path.address, path.interface, path.special].filter((part) => part !== undefined);
  return `${parts.join(" ")}${path.weight === 1 ? "" : ` weight ${path.weight}`}`;
}

function samePaths(a: readonly RoutePath[], b: readonly RoutePath[]): boolean {
  const texts = (paths: readonly RoutePath[]) =>
    paths
      .map((path) => `${path.special ?? ""} ${path.address ?? ""} ${path.interface ?? ""} ${path.weight} ${path.table}`)
      .sort();
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
    type: path.special === undefined ? PATH_TYPE.normal : PATH_TYPE[path.special],
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

/** fib_types.api, vl_api_fib_path_type_t */
const PATH_TYPE = { normal: 0, local: 1, drop: 2 } as const;

/** Routes of the tables named, without those of kinds that vpplb never makes. */
export async function observeRoutes(
  port: VppPort,
  tables: readonly number[],
  nameOf: (index: number) => string,
): Promise<ObservedRoute[]> {
  const asked = tables.flatMap((table) => [false, true].map((isIp6) => ({ table_id: table, is_ip6: isIp6, name: "" })));
  const dumps = await Promise.all(asked.map((table) => observeTable(port, table, nameOf)));
  return dumps.flat();
}

/** VPP has a route for each server: with its labels a detail is a hundred times what is kept of it. */
async function observeTable(
  port: VppPort,
  table: Record<string, unknown>,
  nameOf: (index: number) => string,
): Promise<ObservedRoute[]> {
  const routes: ObservedRoute[] = [];
  const take = (detail: Record<string, unknown>) => {
    const route = decodeRoute(detail["route"] as Record<string, unknown>, nameOf);
    if (route !== undefined) routes.push(route);
  };
  if (port.dumpEach !== undefined) await port.dumpEach("ip_route_dump", { table }, take);
  else (await port.dump("ip_route_dump", { table })).forEach(take);
  return routes;
}

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(Object.values(PATH_TYPE));

function decodeRoute(route: Record<string, unknown>, nameOf: (index: number) => string): ObservedRoute | undefined {
  const paths = route["paths"] as Record<string, unknown>[];
  if (paths.length === 0 || paths.some((path) => !KNOWN_TYPES.has(path["type"]))) return undefined;
  return {
    prefix: prefixText(route["prefix"]),
    table: number(route["table_id"]),
    via: paths.map((path) => decodePath(path, nameOf)),
  };
}

function decodePath(path: Record<string, unknown>, nameOf: (index: number) => string): RoutePath {
  const index = number(path["sw_if_index"]);
  const { address } = path["nh"] as { address: { ip4: unknown; ip6: unknown } };
  const special = path["type"] === PATH_TYPE.drop ? "drop" : path["type"] === PATH_TYPE.local ? "local" : undefined;
  if (special !== undefined && index === ALL) return { special, weight: 1, table: 0 };
  const hop = path["proto"] === 1 ? ip6Text(address.ip6) : ip4Text(address.ip4);
  const unspecified = hop === "0.0.0.0" || hop === "::";
  return {
    ...(special === undefined ? {} : { special }),
    ...(unspecified ? {} : { address: hop }),
    ...(index === ALL ? {} : { interface: nameOf(index) }),
    weight: number(path["weight"]),
    table: number(path["table_id"]),
  };
}
