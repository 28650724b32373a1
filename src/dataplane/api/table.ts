import { builtinSchema, type ApiSchema, type MessageCodec } from "vpp-api-ts/codec";
import { FIRST_MESSAGE_ID, FIXED_MESSAGES, MESSAGES } from "./messages.ts";

/** A message that the server knows, with the id that it has on this server. */
export interface TableEntry {
  readonly id: number;
  readonly nameCrc: string;
  readonly name: string;
  readonly codec: MessageCodec;
}

/** The server's message table: ids to codecs and back. */
export interface MessageTable {
  readonly entries: readonly TableEntry[];
  byId(id: number): TableEntry | undefined;
  byName(name: string): TableEntry | undefined;
}

/**
 * Compiles the message table.
 * @throws Error when the schema lacks one of the messages; that is a fault of the build, not of the user.
 */
export function messageTable(schema: ApiSchema = builtinSchema()): MessageTable {
  const entries: TableEntry[] = [];
  const ids = new Map<number, TableEntry>();
  const names = new Map<string, TableEntry>();
  const numbered: (readonly [string, number])[] = [
    ...FIXED_MESSAGES,
    ...MESSAGES.map((nameCrc, position) => [nameCrc, FIRST_MESSAGE_ID + position] as const),
  ];
  for (const [nameCrc, id] of numbered) {
    const codec = schema.messages.get(nameCrc);
    if (codec === undefined) throw new Error(`the built-in API schema has no message ${nameCrc}`);
    const entry: TableEntry = { id, nameCrc, name: codec.name, codec };
    entries.push(entry);
    ids.set(id, entry);
    names.set(codec.name, entry);
  }
  return { entries, byId: (id) => ids.get(id), byName: (name) => names.get(name) };
}
