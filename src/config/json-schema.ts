import { lbJsonSchema } from "./schema.ts";

/** The text of docs/lb.schema.json. */
export function lbJsonSchemaText(): string {
  return `${JSON.stringify(lbJsonSchema(), null, 2)}\n`;
}
