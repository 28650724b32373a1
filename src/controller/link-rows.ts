import { aclOwner, isOurInterface, rulesText, tableName } from "../bridge/index.ts";
import { join, row, touched, type Columns, type RowInput } from "./row.ts";
import type { Row } from "./types.ts";

/** Memifs with their link and other end; never a secret. */
export function memifRows(input: RowInput): Row[] {
  const changed = touched(input, "interface", "memif-socket");
  const wanted = input.desired.interfaces.filter((one) => one.kind === "memif");
  const there = input.observed.interfaces.filter((one) => one.memif !== undefined);
  const filenames = new Map((input.observed.memifSockets ?? []).map((socket) => [socket.id, socket.filename]));
  return join(wanted, there, (one) => one.name).map(({ key, desired, observed }) => {
    const spec = observed?.memif ?? desired!.memif!;
    const columns: Columns = {
      name: key,
      role: spec.role,
      mode: spec.mode,
      id: spec.id,
      socket: filenames.get(spec.socket) ?? spec.socket,
      up: observed?.up ?? false,
      link: observed?.linkUp ?? false,
      peer: observed?.memif?.peer ?? "",
      disconnected: observed?.linkUp === true ? "" : (observed?.memif?.disconnected ?? ""),
    };
    const ours = observed === undefined || isOurInterface(observed, input);
    return row(key, ours, desired, observed, columns, changed.has(key));
  });
}

/** Tables of routes but VPP's own 0. */
export function tableRows(input: RowInput): Row[] {
  const { desired, observed } = input;
  const { tag } = desired.ownership;
  const changed = touched(input, "table");
  const ids = [...new Set((observed.tables ?? []).map((table) => table.id))].filter((id) => id !== 0);
  const there = ids.map((id) => ({ id, name: observed.tables!.find((table) => table.id === id)!.name }));
  return join(desired.tables ?? [], there, (table) => String(table.id)).map(
    ({ key, desired: wanted, observed: found }) => {
      const name = found?.name ?? tableName(tag, wanted!);
      const id = Number(key);
      const inside = observed.interfaces.filter((one) => one.tables?.ip4 === id || one.tables?.ip6 === id);
      const columns: Columns = { table: id, name, interfaces: inside.map((one) => one.name).join(" ") };
      const ours = found === undefined || name.startsWith(`${tag}/`);
      return row(key, ours, wanted, found, columns, changed.has(key));
    },
  );
}

export function aclRows(input: RowInput): Row[] {
  const { desired, observed } = input;
  const changed = touched(input, "acl");
  const owner = aclOwner(desired.ownership.tag);
  // Of streams and flows only where internals are asked for.
  const shown = <T extends { tag: string }>(acls: readonly T[] = []) =>
    acls.filter((acl) => input.internals === true || !acl.tag.startsWith(`${owner}flow/`));
  return join(shown(desired.acls), shown(observed.acls), (acl) => acl.tag).map(
    ({ key, desired: wanted, observed: found }) => {
      const has = (list: readonly number[] = []) => found !== undefined && list.includes(found.index);
      const users = observed.interfaces.filter((one) => has(one.acl?.in) || has(one.acl?.out));
      const columns: Columns = {
        acl: wanted?.title ?? key,
        rules: (found ?? wanted!).rules.length,
        interfaces: users.map((one) => one.name).join(" "),
        first: rulesText((found ?? wanted!).rules, 1),
      };
      const ours = found === undefined || key.startsWith(owner);
      return row(key, ours, wanted, found, columns, changed.has(wanted?.title ?? key));
    },
  );
}
