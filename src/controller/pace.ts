import { buildTable, disruption, type MaglevServer, type MaglevTable } from "../maglev/index.ts";
import { vipKey, type ObservedState, type ObservedVip, type Operation } from "../bridge/index.ts";

/**
 * Cuts the changes to the servers of paced VIPs down to what moves at most `step` of the slots (but always to one
 * change at least), servers that come before servers that go. The rest is for the next step. Pure.
 */
export function paceOperations(
  operations: readonly Operation[],
  pacing: ReadonlySet<string>,
  step: number,
  observed: ObservedState,
): { now: Operation[]; later: Operation[] } {
  const now: Operation[] = [];
  const later: Operation[] = [];
  const paced = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.kind !== "server" || !pacing.has(operation.object)) now.push(operation);
    else paced.set(operation.object, [...(paced.get(operation.object) ?? []), operation]);
  }
  for (const changes of paced.values()) {
    const vip = observed.vips.find((one) => vipKey(one) === vipOf(changes));
    if (vip === undefined) now.push(...changes);
    else cut(vip, changes, step, observed.features.weights, now, later);
  }
  return { now, later };
}

function vipOf([first]: readonly Operation[]): string | undefined {
  return first !== undefined && "vip" in first.action ? vipKey(first.action.vip) : undefined;
}

/** One server's change, from which operations are put together again. */
interface Change {
  readonly operation: Operation;
  readonly server: string;
}

function cut(
  vip: ObservedVip,
  operations: readonly Operation[],
  step: number,
  weights: boolean,
  now: Operation[],
  later: Operation[],
): void {
  const changes = operations.flatMap((operation) =>
    serversOf(operation).map((server): Change => ({ operation, server })),
  );
  const count = largestStep(vip, changes, step, weights);
  const mine = changes.slice(0, count);
  for (const operation of operations) {
    const servers = mine.filter((change) => change.operation === operation).map((change) => change.server);
    if (servers.length > 0) now.push(withServers(operation, servers));
    if (servers.length < serversOf(operation).length) later.push(operation);
  }
}

function serversOf({ action }: Operation): readonly string[] {
  if (action.type === "servers-add" || action.type === "servers-delete") return action.servers;
  return action.type === "server-weight" ? [action.server] : [];
}

function withServers(operation: Operation, servers: readonly string[]): Operation {
  const { action } = operation;
  if (action.type !== "servers-add" && action.type !== "servers-delete") return operation;
  if (servers.length === action.servers.length) return operation;
  return {
    ...operation,
    action: { ...action, servers },
    sentence: `${operation.sentence} (this step: ${servers.length} of ${action.servers.length})`,
  };
}

/** The most changes from the front that move at most `step`: by bisection, as more changes move more. */
function largestStep(vip: ObservedVip, changes: readonly Change[], step: number, weights: boolean): number {
  const start = new Map(
    vip.servers.filter((server) => server.used).map((server) => [server.address, server.weight ?? 100]),
  );
  const before = tableFor(start, vip, weights);
  const fits = (count: number) =>
    disruption(before, tableFor(after(start, changes.slice(0, count)), vip, weights)).movedShare <= step;
  let [low, high] = [1, changes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function after(start: ReadonlyMap<string, number>, changes: readonly Change[]): Map<string, number> {
  const servers = new Map(start);
  for (const { operation, server } of changes) {
    const { action } = operation;
    if (action.type === "servers-add") servers.set(server, action.weight ?? 100);
    else if (action.type === "server-weight") servers.set(server, action.weight);
    else servers.delete(server);
  }
  return servers;
}

function tableFor(servers: ReadonlyMap<string, number>, vip: ObservedVip, weights: boolean): MaglevTable {
  const list = [...servers].map(([address, weight]): MaglevServer => (weights ? { address, weight } : { address }));
  return buildTable(list, vip.tableSize, weights ? "weighted" : "plain");
}
