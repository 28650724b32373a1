export { lbFileSchema, lbJsonSchema, type LbFile } from "./schema.ts";
export { lbJsonSchemaText } from "./json-schema.ts";
export { parseLbYaml, type ParsedLbFile } from "./parse.ts";
export { ConfigError, formatDiagnostic, type ConfigErrorCode } from "./errors.ts";
export { readConfigFile, watchConfigFile, type FileReading } from "./watch.ts";
