import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ApiJson } from "../codec/json.ts";
import { collect } from "./compact.ts";
import { generate } from "./modules.ts";
import { isSelected } from "./selection.ts";

const help = `Usage: vpp-api-gen --out DIR [options] [DIR...]

Writes TypeScript for messages of VPP's binary API: interfaces, maps of requests, replies, dumps and events, and the
data that ApiSchema.compile() takes. Give directories of *.api.json oldest version first, for example
/usr/share/vpp/api; versions of a message live side by side, and the table of the connected VPP picks.

  --out DIR          where to write (files index.ts, types.ts, enums.ts, one per module)
  --messages LIST    comma-separated names; * stands for any text ("lb_*,sw_interface_dump"); replies and details come
                     along. Without it: the messages that the package checks in
  --socket PATH      take the definitions from a running VPP (24.10 or newer: get_api_json)
  --codec IMPORT     where the written files import the codec's types from (default vpp-api-ts/codec)

Example: vpp-api-gen --out src/vpp --messages 'memif_*,show_version' /usr/share/vpp/api/core /usr/share/vpp/api/plugins
`;

interface Options {
  readonly out: string;
  readonly messages: string | undefined;
  readonly socket: string | undefined;
  readonly codec: string;
  readonly directories: readonly string[];
}

/** @returns undefined: too little was said. @throws what parseArgs says */
function options(args: readonly string[]): Options | "help" | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: "string" },
      messages: { type: "string" },
      socket: { type: "string" },
      codec: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return "help";
  if (values.out === undefined || (positionals.length === 0 && values.socket === undefined)) {
    return undefined;
  }
  const codec = values.codec ?? "vpp-api-ts/codec";
  return { out: values.out, messages: values.messages, socket: values.socket, codec, directories: positionals };
}

/** Every *.api.json below a directory (/usr/share/vpp/api has core/ and plugins/). */
export function readDefinitions(directory: string): ApiJson[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".api.json"))
    .sort()
    .map((name) => {
      const file = JSON.parse(readFileSync(join(directory, name), "utf8")) as ApiJson;
      return { ...file, module: name.replace(/^.*\//, "").replace(/\.api\.json$/, "") };
    });
}

/** `lb_*,show_version` → names, with the replies, details and events that belong to them. */
export function selector(list: string, files: readonly ApiJson[]): (name: string, module: string) => boolean {
  const patterns = list.split(",").map((item) => {
    const text = item
      .trim()
      .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*");
    return new RegExp(`^${text}$`);
  });
  const names = new Set<string>();
  for (const file of files) {
    for (const [request, service] of Object.entries(file.services ?? {})) {
      if (!patterns.some((pattern) => pattern.test(request))) continue;
      for (const name of [request, service.reply, service.stream_msg, ...(service.events ?? [])]) names.add(name ?? "");
    }
  }
  return (name) => names.has(name) || patterns.some((pattern) => pattern.test(name));
}

async function fromSocket(socket: string): Promise<ApiJson[]> {
  // Imported here: the checked-in messages, which the client needs, are made by this very program.
  const { fetchApiJson } = await import("./from-vpp.ts");
  return fetchApiJson(socket);
}

/** The command `vpp-api-gen`. @returns its exit code: 0, 1 failed, 2 bad input */
export async function run(args: readonly string[]): Promise<number> {
  let chosen: ReturnType<typeof options>;
  try {
    chosen = options(args);
  } catch (error) {
    process.stderr.write(`vpp-api-gen: ${(error as Error).message}\n`);
    return 2;
  }
  if (chosen === "help") process.stdout.write(help);
  else if (chosen === undefined) process.stderr.write(help);
  else return generateInto(chosen);
  return chosen === "help" ? 0 : 2;
}

async function generateInto(chosen: Options): Promise<number> {
  const files = chosen.directories.flatMap(readDefinitions);
  if (chosen.socket !== undefined) files.push(...(await fromSocket(chosen.socket)));
  const select = chosen.messages === undefined ? isSelected : selector(chosen.messages, files);
  const collected = collect(files, select);
  if (collected.messages.size === 0) {
    process.stderr.write("vpp-api-gen: no such message in these definitions\n");
    return 1;
  }
  mkdirSync(chosen.out, { recursive: true });
  const written = generate(collected, { codec: chosen.codec });
  for (const [name, text] of written) writeFileSync(join(chosen.out, name), text);
  process.stdout.write(`${collected.messages.size} messages in ${written.size} files: ${chosen.out}\n`);
  return 0;
}
