import { parse } from "yaml";
import { z } from "zod";
import { canonicalAddress, familyOf } from "../../bridge/index.ts";
import { ConfigError } from "../errors.ts";
import { parseLbYaml } from "../parse.ts";
import { writeYaml, type Imported } from "./document.ts";

/** As far as it is of use here; the rest is named as not carried over. Keys are kebab-case. */
const backend = z.looseObject({
  address: z.string(),
  healthcheck: z.string().nullish(),
  enabled: z.boolean().optional(),
});
const member = z.looseObject({ weight: z.int().min(0).max(100).optional() }).nullable();
const pool = z.looseObject({ name: z.string().optional(), backends: z.record(z.string(), member) });
const frontend = z.looseObject({
  address: z.string(),
  description: z.string().optional(),
  protocol: z.enum(["tcp", "udp"]).optional(),
  port: z.int().min(1).max(65_535).optional(),
  pools: z.array(pool).min(1),
  "src-ip-sticky": z.boolean().optional(),
  "flush-on-down": z.boolean().optional(),
});
const lb = z.looseObject({
  "ipv4-src-address": z.string().optional(),
  "ipv6-src-address": z.string().optional(),
  "sticky-buckets-per-core": z.int().optional(),
  "flow-timeout": z.union([z.int(), z.string()]).optional(),
});
const schema = z.object({
  maglev: z.looseObject({
    healthchecks: z.record(z.string(), z.unknown()).optional(),
    backends: z.record(z.string(), backend),
    frontends: z.record(z.string(), frontend),
    vpp: z.looseObject({ lb: lb.optional() }).optional(),
  }),
});

type MaglevFile = z.infer<typeof schema>["maglev"];

/** Its VIPs' tables are of this length. */
const TABLE_SIZE = 1024;

/**
 * The frontends of a vpp-maglev configuration (maglev.yaml) as a lb.yaml. Health checks, fallback pools and what goes
 * with them have no place there: they are named in comments and warnings. @throws ConfigError INVALID
 */
export function importMaglev(text: string, name = "the file"): Imported {
  const file = read(text, name);
  const warnings: string[] = [];
  noteChecks(file, warnings);
  const vips = Object.entries(file.frontends).map(([key, one]) => vipOf(key, one, file, warnings));
  const content = { lb: lbOf(file, warnings), vips };
  const head = [
    `From ${name}, a configuration of vpp-maglev.`,
    "Interfaces, routes and neighbours are not in it: VPP is expected to have them.",
    ...warnings.map((warning) => `NOTE: ${warning}`),
  ];
  const yaml = writeYaml(content, head);
  const errors = parseLbYaml(yaml).diagnostics.filter((one) => one.severity === "error");
  if (errors.length > 0) {
    const lines = errors.map((one) => `${one.path}: ${one.message}`);
    throw new ConfigError("INVALID", [`${name} cannot be turned into a lb.yaml`, ...lines].join("\n"), errors);
  }
  return { yaml, warnings };
}

function read(text: string, name: string): MaglevFile {
  try {
    return schema.parse(parse(text)).maglev;
  } catch (cause) {
    const why =
      cause instanceof z.ZodError
        ? cause.issues.slice(0, 10).map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`)
        : [(cause as Error).message];
    throw new ConfigError("INVALID", [`${name} is no configuration of vpp-maglev`, ...why].join("\n"), []);
  }
}

function noteChecks({ healthchecks = {}, backends, ...rest }: MaglevFile, warnings: string[]): void {
  const checked = Object.values(backends).filter((one) => one.healthcheck != null && one.healthcheck !== "").length;
  const names = Object.keys(healthchecks);
  if (names.length > 0) {
    warnings.push(
      `health checks are not carried over (${names.join(", ")}; ${checked} backends had one): every server counts as up until it is drained here`,
    );
  }
  for (const key of Object.keys(rest)) {
    if (key !== "frontends" && key !== "vpp") warnings.push(`"${key}" has no counterpart and is left out`);
  }
}

function vipOf(
  key: string,
  frontend: MaglevFile["frontends"][string],
  file: MaglevFile,
  warnings: string[],
): Record<string, unknown> {
  const { address, description, protocol, port, pools } = frontend;
  const prefix = hostOf(address, `frontend ${key}`);
  const [first, ...others] = pools;
  if (others.length > 0) {
    const names = others.map((one, index) => one.name ?? `number ${index + 2}`);
    warnings.push(`frontend ${key}: only its first pool is carried over, not ${names.join(", ")}`);
  }
  if (frontend["flush-on-down"] !== false) {
    warnings.push(
      `frontend ${key}: flows of a server that fails are not flushed by themselves; set its state to down for that`,
    );
  }
  const servers = Object.entries(first!.backends).flatMap(([backend, settings]) =>
    serverOf(key, backend, settings?.weight ?? 100, file, warnings),
  );
  const families = new Set(servers.map((one) => familyOf(typeof one === "string" ? one : one.address)));
  if (families.size > 1) warnings.push(`frontend ${key}: its servers are of both families, which VPP refuses`);
  return {
    // A name is short here; the key is what people know it by.
    ...(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(key) ? { name: key } : {}),
    prefix,
    ...(port === undefined ? {} : { protocol: protocol ?? "tcp", port }),
    encap: [...families][0] === 6 ? "gre6" : "gre4",
    tableSize: TABLE_SIZE,
    ...(frontend["src-ip-sticky"] === true ? { srcIpSticky: true } : {}),
    servers,
    ...(description === undefined ? {} : {}),
  };
}

type Server = string | { address: string; weight?: number; state?: "drain" | "down" };

function serverOf(
  frontend: string,
  name: string,
  weight: number,
  { backends }: MaglevFile,
  warnings: string[],
): Server[] {
  const backend = backends[name];
  if (backend === undefined) {
    warnings.push(`frontend ${frontend}: there is no backend ${name}: left out`);
    return [];
  }
  const address = addressOf(backend.address, `backend ${name}`);
  if (backend.enabled === false) return [{ address, state: "down" }];
  if (weight === 0) return [{ address, state: "drain" }];
  return [weight === 100 ? address : { address, weight }];
}

function lbOf({ vpp }: MaglevFile, warnings: string[]): object {
  const conf = vpp?.lb ?? {};
  const ip4 = conf["ipv4-src-address"];
  const ip6 = conf["ipv6-src-address"];
  const buckets = conf["sticky-buckets-per-core"];
  const timeoutS = secondsOf(conf["flow-timeout"]);
  for (const key of Object.keys(conf)) {
    if (!(key in lb.shape)) warnings.push(`vpp.lb.${key} has no counterpart and is left out`);
  }
  if (ip4 === undefined && ip6 === undefined) {
    warnings.push("no source addresses of the tunnels are given: lb_conf is left as it is (manage: false)");
    return { manage: false };
  }
  return {
    ...(ip4 === undefined ? {} : { ip4Source: addressOf(ip4, "ipv4-src-address") }),
    ...(ip6 === undefined ? {} : { ip6Source: addressOf(ip6, "ipv6-src-address") }),
    ...(buckets === undefined ? {} : { stickyBuckets: buckets }),
    ...(timeoutS === undefined ? {} : { flowTimeoutS: timeoutS }),
  };
}

/** `40`, `40s`, `2m`; Go's durations as far as they are used for this. */
function secondsOf(value: number | string | undefined): number | undefined {
  if (value === undefined || typeof value === "number") return value;
  const match = /^(\d+)(s|m|h)?$/.exec(value);
  if (match === null) throw new ConfigError("INVALID", `flow-timeout: "${value}" is no time: write 40s`, []);
  return Number(match[1]) * ({ s: 1, m: 60, h: 3600 }[match[2] ?? "s"] ?? 1);
}

function addressOf(text: string, what: string): string {
  try {
    return canonicalAddress(text);
  } catch (cause) {
    throw new ConfigError("INVALID", `${what}: "${text}" is no address`, [], { cause });
  }
}

function hostOf(text: string, what: string): string {
  const address = addressOf(text.split("/")[0]!, what);
  return `${address}/${familyOf(address) === 4 ? 32 : 128}`;
}
