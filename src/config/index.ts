export { bviAddresses, clientPrefixProblem, firstHost, selfIn } from "./check-nsm.ts";
export { lbFileSchema, lbJsonSchema, type LbFile } from "./schema.ts";
export { lbJsonSchemaText } from "./json-schema.ts";
export { parseLbYaml, type ParsedLbFile } from "./parse.ts";
export { ConfigError, formatDiagnostic, type ConfigErrorCode } from "./errors.ts";
export { readConfigFile, watchConfigFile, type FileReading } from "./watch.ts";
export type { Imported } from "./import/document.ts";
export { importMaglev } from "./import/maglev.ts";
export { importVpp, type ImportOptions } from "./import/vpp.ts";
