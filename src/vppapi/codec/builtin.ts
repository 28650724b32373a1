import { schemas } from "../generated/index.ts";
import { ApiSchema } from "./schema.ts";

let schema: ApiSchema | undefined;

/** The messages that are checked in as generated code, in every version from VPP 21.06 to 26.10. Made at first use. */
export function builtinSchema(): ApiSchema {
  schema ??= ApiSchema.compile(schemas);
  return schema;
}
