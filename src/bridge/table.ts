import { interfaceOperationId, isOurInterface } from "./interface.ts";
import { STAGES, type DiffInput, type ExecuteContext, type Kind, type PlanBuilder } from "./kind.ts";
import type { VppPort } from "./port.ts";
import type { DesiredTable, LinkAction, ObservedTable } from "./types.ts";
import { number, text } from "./wire.ts";

export const tableOperationId = (id: number, what: "add" | "delete"): string => `table ${id} ${what}`;

const FAMILIES = [4, 6] as const;

/** VPP keeps the name that a table was made with: it marks the table as ours. At most 63 characters. */
export function tableName(tag: string, table: DesiredTable): string {
  return `${tag}/${table.name ?? table.id}`.slice(0, 63);
}

/** Tables of routes (VRFs), for both families. One that others made is used and never deleted. */
export const tableKind: Kind = {
  kind: "table",
  diff(input, plan) {
    const { desired, observed } = input;
    const wanted = desired.tables ?? [];
    if (wanted.length > 0 && observed.features.tables !== true) {
      plan.problem("tables", "this VPP has no ip_table_add_del");
      return;
    }
    const there = observed.tables ?? [];
    for (const table of wanted) {
      const families = FAMILIES.filter((family) => !there.some((one) => one.id === table.id && one.family === family));
      if (families.length === 0) continue;
      const action = {
        type: "table" as const,
        table: table.id,
        name: tableName(desired.ownership.tag, table),
        families,
      };
      plan.add({
        id: tableOperationId(table.id, "add"),
        kind: "table",
        object: String(table.id),
        verb: "create",
        stage: STAGES.inside,
        action: { ...action, add: true },
        inverse: { ...action, add: false },
        sentence: `add table ${table.id}${table.name === undefined ? "" : ` "${table.name}"`}`,
      });
    }
    const ids = new Set(wanted.map((table) => table.id));
    const rest = there.filter((table) => table.id !== 0 && !ids.has(table.id));
    for (const id of new Set(rest.map((table) => table.id))) {
      removeTable(
        id,
        rest.filter((table) => table.id === id),
        input,
        plan,
      );
    }
  },
};

/** A table goes when nobody uses it: VPP says 0 and keeps it as long as an interface is in it. */
function removeTable(id: number, there: readonly ObservedTable[], input: DiffInput, plan: PlanBuilder): void {
  const { desired, observed } = input;
  const ours = there.filter((table) => table.name.startsWith(`${desired.ownership.tag}/`));
  if (ours.length === 0) {
    plan.foreign.push(`table ${id} "${there[0]?.name ?? ""}"`);
    return;
  }
  const inside = observed.interfaces.filter((one) => one.tables?.ip4 === id || one.tables?.ip6 === id);
  const others = inside.filter((one) => !isOurInterface(one, input)).map((one) => one.name);
  if (others.length > 0) {
    plan.warn(`table ${id} is no longer wanted and stays: ${others.join(", ")} of someone else is in it`);
    return;
  }
  const action = {
    type: "table" as const,
    table: id,
    name: ours[0]!.name,
    families: ours.map((table) => table.family),
  };
  plan.add({
    id: tableOperationId(id, "delete"),
    kind: "table",
    object: String(id),
    verb: "delete",
    stage: STAGES.dropBridges,
    action: { ...action, add: false },
    inverse: { ...action, add: true },
    sentence: `remove table ${id} "${ours[0]!.name}"`,
    dependsOn: inside.flatMap((one) => [
      interfaceOperationId(one.name, "delete"),
      interfaceOperationId(one.name, "table"),
    ]),
  });
}

/** Adding what is there and deleting what is not are 0 in VPP. */
export async function runTable(
  action: Extract<LinkAction, { type: "table" }>,
  { port }: ExecuteContext,
): Promise<void> {
  for (const family of action.families) {
    await port.request("ip_table_add_del", {
      is_add: action.add,
      table: { table_id: action.table, is_ip6: family === 6, name: action.name },
    });
  }
}

export async function observeTables(port: VppPort): Promise<ObservedTable[]> {
  if (!port.has("ip_table_dump")) return [];
  const details = await port.dump("ip_table_dump", {});
  return details.map((detail) => {
    const table = detail["table"] as Record<string, unknown>;
    return { id: number(table["table_id"]), family: table["is_ip6"] === true ? 6 : 4, name: text(table["name"]) };
  });
}

/** Tables of interfaces, by index; those in table 0 are left out, and none is asked where there is no other table. */
export async function observeInterfaceTables(
  port: VppPort,
  tables: readonly ObservedTable[],
  indexes: readonly number[],
): Promise<Map<number, { ip4: number; ip6: number }>> {
  const asked = new Set(tables.filter((table) => table.id !== 0).map((table) => table.family));
  if (asked.size === 0 || !port.has("sw_interface_get_table")) return new Map();
  const ask = async (index: number, family: 4 | 6) => {
    if (!asked.has(family)) return 0;
    const reply = await port.request("sw_interface_get_table", { sw_if_index: index, is_ipv6: family === 6 });
    return number(reply["vrf_id"]);
  };
  const entries = await Promise.all(
    indexes.map(async (index): Promise<[number, { ip4: number; ip6: number }]> => {
      const [ip4, ip6] = await Promise.all([ask(index, 4), ask(index, 6)]);
      return [index, { ip4, ip6 }];
    }),
  );
  return new Map(entries.filter(([, { ip4, ip6 }]) => ip4 !== 0 || ip6 !== 0));
}
