import { writeFileSync } from "node:fs";
import { lbJsonSchemaText } from "./json-schema.ts";

// `npm run schema`: writes docs/lb.schema.json beside the sources.
writeFileSync(new URL("../../docs/lb.schema.json", import.meta.url), lbJsonSchemaText());
