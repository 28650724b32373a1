import { blockOptions, checkName, crcOf, fieldsOf } from "../codec/json.ts";
import type { ApiAlias, ApiBlock, ApiField, ApiJson, ApiService } from "../codec/json.ts";

/** One message with all that its encoding depends on. */
export interface CompactMessage {
  readonly module: string;
  readonly name: string;
  readonly crc: string;
  readonly block: ApiBlock;
  /** Types that it uses, by kind and name, comments stripped. */
  readonly uses: ReadonlyMap<string, Definition>;
}

export type Definition =
  | { readonly kind: "types" | "unions"; readonly block: ApiBlock }
  | { readonly kind: "enums"; readonly name: string; readonly width: string }
  | { readonly kind: "aliases"; readonly name: string; readonly alias: ApiAlias };

export interface Collected {
  /** By name and CRC; of a message that several versions have, the newest's module. */
  readonly messages: Map<string, CompactMessage>;
  readonly services: Map<string, ApiService>;
  /** Entries of every enum in use, newest values winning. */
  readonly enums: Map<string, Map<string, number>>;
}

/**
 * Collects the messages whose names pass `select`, from files given oldest version first.
 * @throws VppError SCHEMA
 */
export function collect(files: Iterable<ApiJson>, select: (name: string, module: string) => boolean): Collected {
  const all: Collected = { messages: new Map(), services: new Map(), enums: new Map() };
  for (const file of files) {
    // Names become file names and code: a definition may come from a socket.
    const module = (file.module ?? "api").replace(/[^A-Za-z0-9_]/g, "_");
    for (const block of file.messages ?? []) {
      if (!select(checkName(block[0], module), module)) continue;
      const crc = crcOf(block);
      const uses = new Map<string, Definition>();
      for (const field of fieldsOf(block, block[0])) use(file, field.type, uses, all.enums);
      const nameCrc = `${block[0]}_${crc}`;
      // Deleted first: the newest version comes last in the map's order too.
      all.messages.delete(nameCrc);
      all.messages.set(nameCrc, { module, name: block[0], crc, block: strip(block, crc), uses });
    }
    for (const [name, service] of Object.entries(file.services ?? {})) {
      if (!select(checkName(name, module), module)) continue;
      for (const other of [service.reply, service.stream_msg ?? "x", ...(service.events ?? [])]) checkName(other, name);
      all.services.set(name, service);
    }
  }
  return all;
}

function use(file: ApiJson, type: string, uses: Map<string, Definition>, enums: Collected["enums"]): void {
  const name = /^vl_api_(.+)_t$/.exec(type)?.[1];
  if (name === undefined || uses.has(name)) return;
  for (const kind of ["types", "unions"] as const) {
    const block = (file[kind] ?? []).find((other) => other[0] === name);
    if (block === undefined) continue;
    uses.set(name, { kind, block: strip(block) });
    for (const field of fieldsOf(block, name)) use(file, field.type, uses, enums);
    return;
  }
  const block = [...(file.enums ?? []), ...(file.enumflags ?? [])].find((other) => other[0] === name);
  if (block !== undefined) {
    uses.set(name, { kind: "enums", name, width: String(blockOptions(block)["enumtype"] ?? "u32") });
    const entries = enums.get(name) ?? new Map<string, number>();
    for (const item of block.slice(1)) if (Array.isArray(item)) entries.set(checkName(item[0], name), Number(item[1]));
    enums.set(name, entries);
    return;
  }
  const alias = file.aliases?.[name];
  if (alias === undefined) return;
  uses.set(name, { kind: "aliases", name, alias });
  use(file, alias.type, uses, enums);
}

/** Keeps what changes the encoding: fields, defaults, CRC. */
function strip(block: ApiBlock, crc?: string): ApiBlock {
  const fields = fieldsOf(block, block[0]).map(stripField);
  return [block[0], ...fields, ...(crc === undefined ? [] : [{ crc: `0x${crc}` }])];
}

function stripField(field: ApiField): unknown[] {
  const out: unknown[] = [field.type, field.name];
  if (field.length !== undefined) out.push(field.length);
  if (field.countField !== undefined) out.push(field.countField);
  if (field.default !== undefined) out.push({ default: field.default });
  return out;
}

/**
 * Files to compile the messages from. Types are known by name within a file, so messages whose types differ between
 * versions go to different files.
 */
export function pack(module: string, messages: readonly CompactMessage[], services: Collected["services"]): ApiJson[] {
  const scopes: { uses: Map<string, Definition>; messages: CompactMessage[] }[] = [];
  for (const message of messages) {
    const fits = (uses: ReadonlyMap<string, Definition>): boolean =>
      [...message.uses].every(([name, definition]) => {
        const other = uses.get(name);
        return other === undefined || JSON.stringify(other) === JSON.stringify(definition);
      });
    let scope = scopes.find((other) => fits(other.uses));
    if (scope === undefined) scopes.push((scope = { uses: new Map(), messages: [] }));
    for (const [name, definition] of message.uses) scope.uses.set(name, definition);
    scope.messages.push(message);
  }
  return scopes.map((scope, index) => fileOf(module, scope.uses, scope.messages, index === 0 ? services : new Map()));
}

function fileOf(
  module: string,
  uses: ReadonlyMap<string, Definition>,
  messages: readonly CompactMessage[],
  services: Collected["services"],
): ApiJson {
  const definitions = [...uses.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const blocks = (kind: "types" | "unions"): ApiBlock[] =>
    definitions.flatMap((definition) => (definition.kind === kind ? [definition.block] : []));
  const aliases: Record<string, ApiAlias> = {};
  const enums: ApiBlock[] = [];
  for (const definition of definitions) {
    if (definition.kind === "aliases") aliases[definition.name] = definition.alias;
    if (definition.kind === "enums") enums.push([definition.name, { enumtype: definition.width }]);
  }
  return {
    module,
    types: blocks("types"),
    unions: blocks("unions"),
    enums,
    aliases,
    messages: messages.map((message) => message.block),
    services: Object.fromEntries(services),
  };
}

function nameOf(definition: Definition): string {
  return "name" in definition ? definition.name : definition.block[0];
}
