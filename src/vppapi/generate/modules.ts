import type { ApiService } from "../codec/json.ts";
import { pack } from "./compact.ts";
import type { Collected, CompactMessage } from "./compact.ts";
import { TypeNames, messageInterface, pascal } from "./typescript.ts";

const banner = "// Written by `vpp-api-gen` from VPP's API definitions: change those, or the generator.\n";

/** Where the written files find the codec. */
export interface GenerateOptions {
  /** Import of the codec's types from the written files: "../codec/index.ts", or "vpp-api-ts/codec". */
  readonly codec: string;
}

/** The generated files, by name: `index.ts`, `types.ts`, `enums.ts` and one per module. */
export function generate(collected: Collected, options: GenerateOptions): Map<string, string> {
  const types = new TypeNames();
  const names = interfaceNames([...collected.messages.values()]);
  const modules = new Map<string, CompactMessage[]>();
  // Newest first: where the shape of a type changed, the newest has the plain name.
  for (const message of [...collected.messages.values()].reverse()) {
    const list = modules.get(message.module);
    if (list === undefined) modules.set(message.module, [message]);
    else list.push(message);
  }
  const files = new Map<string, string>();
  for (const module of [...modules.keys()].sort()) {
    const messages = (modules.get(module) ?? []).reverse();
    files.set(`${module}.ts`, moduleFile(module, messages, collected, names, types, options));
  }
  files.set("types.ts", typesFile(types, options));
  files.set("enums.ts", enumsFile(collected.enums));
  files.set("index.ts", indexFile([...modules.keys()].sort()));
  return files;
}

/** Name and CRC → interface: the newest version has the plain name. */
function interfaceNames(messages: readonly CompactMessage[]): Map<string, string> {
  const newest = new Map<string, string>();
  for (const message of messages) newest.set(message.name, message.crc);
  return new Map(
    messages.map((message) => {
      const plain = `${pascal(message.name)}`;
      const name = newest.get(message.name) === message.crc ? plain : `${plain}_${message.crc}`;
      return [`${message.name}_${message.crc}`, name];
    }),
  );
}

function moduleFile(
  module: string,
  messages: readonly CompactMessage[],
  collected: Collected,
  names: ReadonlyMap<string, string>,
  types: TypeNames,
  options: GenerateOptions,
): string {
  const interfaces = messages
    .map((message) => messageInterface(message, names.get(`${message.name}_${message.crc}`) ?? "", types))
    .join("\n");
  const own = new Set(messages.map((message) => message.name));
  const services = new Map([...collected.services].filter(([name]) => own.has(name)));
  const maps = serviceMaps(module, messages, collected, services, names);
  const data = pack(module, messages, services)
    .map((file) => `  ${formatFile(file)},\n`)
    .join("");
  const text = `${interfaces}\n${maps}\n`;
  return `${banner}${imports(text, own, collected, names, types, options)}\n${text}export const schemas: readonly ApiJson[] = [\n${data}];\n`;
}

/** One definition a line, so that a change of VPP's shows as a line. */
function formatFile(file: object): string {
  const parts = Object.entries(file).map(([key, value]) => {
    if (!Array.isArray(value)) return `    ${key}: ${JSON.stringify(value)},\n`;
    const lines = value.map((item) => `      ${JSON.stringify(item)},\n`).join("");
    return value.length === 0 ? `    ${key}: [],\n` : `    ${key}: [\n${lines}    ],\n`;
  });
  return `{\n${parts.join("")}  }`;
}

function imports(
  text: string,
  own: ReadonlySet<string>,
  collected: Collected,
  names: ReadonlyMap<string, string>,
  types: TypeNames,
  options: GenerateOptions,
): string {
  const used = new Set(text.match(/\b[A-Z][A-Za-z0-9_]*\b/g) ?? []);
  const pick = (candidates: readonly string[]): string[] => candidates.filter((name) => used.has(name)).sort();
  const codec = pick(["Address", "Ip4Address", "Ip6Address", "MacAddress", "Prefix"]);
  const lines = [`import type { ${["ApiJson", ...codec].sort().join(", ")} } from "${options.codec}";`];
  const structs = pick([...types.interfaces.keys()]);
  if (structs.length > 0) lines.push(`import type { ${structs.join(", ")} } from "./types.ts";`);
  const foreign = new Map<string, string[]>();
  for (const message of collected.messages.values()) {
    const name = names.get(`${message.name}_${message.crc}`) ?? "";
    if (own.has(message.name) || !used.has(name)) continue;
    foreign.set(message.module, [...(foreign.get(message.module) ?? []), name]);
  }
  for (const [module, list] of foreign) lines.push(`import type { ${list.sort().join(", ")} } from "./${module}.ts";`);
  return `${lines.join("\n")}\n`;
}

function serviceMaps(
  module: string,
  messages: readonly CompactMessage[],
  collected: Collected,
  services: ReadonlyMap<string, ApiService>,
  names: ReadonlyMap<string, string>,
): string {
  const versions = (name: string): string[] =>
    [...collected.messages.values()]
      .filter((message) => message.name === name)
      .map((message) => names.get(`${name}_${message.crc}`) ?? "");
  const union = (name: string): string | undefined => versions(name).join(" | ") || undefined;
  const maps: Record<string, Map<string, string>> = {};
  const add = (map: string, key: string, type: string | undefined): void => {
    if (type !== undefined) (maps[map] ??= new Map()).set(key, type);
  };
  for (const [request, service] of services) {
    add("Requests", request, union(request));
    for (const message of messages) {
      const nameCrc = `${message.name}_${message.crc}`;
      if (message.name === request && versions(request).length > 1) add("Requests", nameCrc, names.get(nameCrc));
    }
    if (service.stream === true && service.stream_msg === undefined) add("Dumps", request, union(service.reply));
    else add("Replies", request, union(service.reply));
    if (service.stream_msg !== undefined) add("Streams", request, union(service.stream_msg));
    for (const event of service.events ?? []) add("Events", event, union(event));
  }
  return ["Requests", "Replies", "Dumps", "Streams", "Events"]
    .map((map) => {
      const entries = [...(maps[map] ?? new Map<string, string>())].map(([key, type]) => `  ${key}: ${type};\n`);
      const body = entries.length === 0 ? "{}" : `{\n${entries.join("")}}`;
      return `export interface ${pascal(module)}${map} ${body}\n`;
    })
    .join("\n");
}

function typesFile(types: TypeNames, options: GenerateOptions): string {
  const text = [...types.interfaces.keys()]
    .sort()
    .map((name) => types.interfaces.get(name))
    .join("\n");
  const codec = ["Address", "Ip4Address", "Ip6Address", "MacAddress", "Prefix"].filter((name) =>
    new RegExp(`\\b${name}\\b`).test(text),
  );
  const line = codec.length === 0 ? "" : `import type { ${codec.join(", ")} } from "${options.codec}";\n\n`;
  return `${banner}${line}${text === "" ? "export {};\n" : text}`;
}

function enumsFile(enums: Collected["enums"]): string {
  const parts = [...enums.keys()].sort().map((name) => {
    const entries = [...(enums.get(name) ?? [])].map(([key, value]) => `  ${key}: ${value},\n`).join("");
    return `/** \`vl_api_${name}_t\` */\nexport const ${pascal(name)} = {\n${entries}} as const;\n`;
  });
  return `${banner}${parts.join("\n") || "export {};\n"}`;
}

function indexFile(modules: readonly string[]): string {
  const lines = modules.map((module) => {
    const names = ["Dumps", "Events", "Replies", "Requests", "Streams"].map((map) => `${pascal(module)}${map}`);
    return (
      `import { schemas as ${module}Schemas } from "./${module}.ts";\n` +
      `import type { ${names.join(", ")} } from "./${module}.ts";\n`
    );
  });
  const maps = [
    ["Requests", "Fields of a request, by its name; `name_crc` for one version of several."],
    ["Replies", "The reply to a request, by the request's name."],
    ["Dumps", "The details that a dump yields, by the dump's name."],
    ["Streams", "The details that a `_get` request yields before its reply."],
    ["Events", "Messages that VPP sends unasked, once asked for."],
  ].map(
    ([map, doc]) =>
      `/** ${doc} */\nexport interface ${map} extends ${modules.map((module) => `${pascal(module)}${map}`).join(", ")} {}\n`,
  );
  const exports = modules.map((module) => `export type * from "./${module}.ts";\n`).join("");
  const spread = modules.map((module) => `  ...${module}Schemas,\n`).join("");
  return `${banner}${lines.join("")}\nexport type * from "./types.ts";\n${exports}\n${maps.join("\n")}\nexport const schemas = [\n${spread}];\n`;
}
