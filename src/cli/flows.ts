import { isIP } from "node:net";
import type { OfflineInput } from "../maglev/index.ts";
import type { Flow } from "../control/types.ts";
import { CliError, EXIT } from "./context.ts";

const HOW = "write SRC:PORT DST:PORT tcp|udp, or SRC DST sctp|icmp|NUMBER; IPv6 as [2001:db8::1]:80";

/** Reads flows from words: each is source, destination and, if it is not tcp, the protocol. @throws CliError 2 */
export function parseFlows(words: readonly string[]): Flow[] {
  const tokens = words.flatMap((word) => word.split(/[\s,]+/)).filter((token) => token !== "" && token !== "->");
  const flows: Flow[] = [];
  for (let at = 0; at < tokens.length;) {
    const [src = "", dst, third] = tokens.slice(at, at + 3);
    if (dst === undefined) throw new CliError(EXIT.badInput, `flow "${src}" has no destination: ${HOW}`);
    const protocol = third === undefined ? undefined : readProtocol(third);
    at += protocol === undefined ? 2 : 3;
    flows.push(makeFlow(src, dst, protocol ?? "tcp"));
  }
  return flows;
}

/** VPP hashes it as any protocol without ports; flows may select it. */
const SCTP = 132;

/** For people. */
export function protocolName(protocol: Flow["protocol"]): string {
  return Number(protocol) === SCTP ? "sctp" : String(protocol);
}

/** @returns undefined where the word may be an address, of the next flow */
function readProtocol(text: string): Flow["protocol"] | undefined {
  if (text === "tcp" || text === "udp" || text === "icmp") return text;
  if (text === "sctp") return SCTP;
  if (/^[a-z]\w*$/i.test(text)) throw new CliError(EXIT.badInput, `"${text}" is no protocol that can be told: ${HOW}`);
  return /^\d{1,3}$/.test(text) && Number(text) < 256 ? Number(text) : undefined;
}

function makeFlow(src: string, dst: string, protocol: Flow["protocol"]): Flow {
  const withPorts = protocol === "tcp" || protocol === "udp" || protocol === 6 || protocol === 17;
  const from = readEnd(src, withPorts);
  const to = readEnd(dst, withPorts);
  if (isIP(from.address) !== isIP(to.address)) {
    throw new CliError(EXIT.badInput, `flow ${src} ${dst}: one end is IPv4, the other IPv6`);
  }
  return { src: from.address, dst: to.address, protocol, srcPort: from.port, dstPort: to.port };
}

function readEnd(text: string, withPort: boolean): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? text;
  const port = Number(match?.[3] ?? 0);
  if (isIP(address) === 0 || port > 65_535 || (withPort && match === null)) {
    throw new CliError(EXIT.badInput, `"${text}" is not ${withPort ? "ADDRESS:PORT" : "an address"}: ${HOW}`);
  }
  return { address, port };
}

/**
 * Reads what `explain --offline` takes, with the keys that it has and nobody knows.
 * @throws CliError 2 that names the place and what is expected there
 */
export async function parseOffline(text: string, name: string): Promise<{ input: OfflineInput; unknown: string[] }> {
  const value = parseJson(text, name);
  const { z } = await import("zod");
  const address = z.string().refine((one) => isIP(one) !== 0, "not an IP address");
  const port = z.int().min(0).max(65_535);
  const schema = z.object({
    vip: z.string(),
    encap: z.enum(["gre4", "gre6", "l3dsr", "nat4", "nat6"]),
    tableSize: z.int(),
    protocol: z.enum(["tcp", "udp"]).optional(),
    port: port.optional(),
    srcIpSticky: z.boolean().optional(),
    as: z.array(address),
    weights: z.array(z.int()).optional(),
    flows: z.array(z.tuple([address, address, z.enum(["tcp", "udp"]), port, port])),
  });
  const result = schema.safeParse(value);
  if (result.success) {
    const unknown = Object.keys(value as object).filter((key) => !(key in schema.shape));
    return { input: result.data as OfflineInput, unknown };
  }
  const lines = result.error.issues.slice(0, 20).map(({ path, message }) => {
    const where = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
    return `${name}: ${where === "" ? "the whole" : where.replace(/^\./, "")}: ${message}`;
  });
  throw new CliError(EXIT.badInput, `${lines.join("\n")}\nsee vpplb explain --help for what it should hold`);
}

/** V8 tells an offset, sometimes with line and column; people want the line always. */
function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    const before = text.slice(0, offset).split("\n");
    const place = `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    throw new CliError(EXIT.badInput, `${place}: not JSON: ${message.replace(/ at position.*| \(line.*/, "")}`, {
      cause,
    });
  }
}
