import type { z } from "zod";
import type { Diagnostic } from "../bridge/index.ts";
import { pathText, type LocatedYaml, type Path } from "./locate.ts";
import { lbJsonSchema } from "./schema.ts";
import { suggest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** Why there is no NAT; vpplb refuses it rather than pretend. */
export const NAT_REFUSED =
  "VPP's lb NAT is not offered: it takes UDP only, leaves port rewrites out of the checksum and drops what it does not " +
  "know (plugins/lb/node.c:510-521). Use gre4, gre6 or l3dsr";

/** What zod found, for people: where it stands, what is wrong, what was probably meant. */
export function explainIssues(issues: readonly Issue[], yaml: LocatedYaml): Diagnostic[] {
  return issues.flatMap((issue) => explain(issue, [], yaml));
}

function explain(issue: Issue, above: Path, yaml: LocatedYaml): Diagnostic[] {
  const path = [...above, ...issue.path] as Path;
  if (issue.code === "invalid_union") {
    const branch = likeliest(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, yaml));
    const message = `${show(yaml.get(path))} is none of the forms allowed here`;
    return [{ severity: "error", message, path: pathText(path), ...yaml.at(path) }];
  }
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, path, yaml));
  return [{ severity: "error", message: messageOf(issue, path, yaml), path: pathText(path), ...yaml.at(path) }];
}

/** The branch that is of the value's own type. */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === "invalid_type"));
}

/** Of flows elsewhere, and why not here. */
const REFUSED_KEYS: ReadonlyMap<string, string> = new Map([
  ["byteMatches", "VPP's ACLs match addresses, protocols and ports, not bytes of the payload"],
  ["destinationPortNats", "VPP's lb NAT is not offered; servers listen on the port that clients ask for"],
]);

/** `byte-matches` -> `byteMatches` */
const camel = (key: string) => key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function unknownKey(key: string, path: Path, yaml: LocatedYaml): Diagnostic {
  const known = knownKeys(path);
  const refused = REFUSED_KEYS.get(camel(key));
  if (refused !== undefined && !known.includes(key)) {
    return {
      severity: "error",
      message: `"${key}" cannot be had: ${refused}`,
      path: pathText(path),
      ...yaml.at(path, key),
    };
  }
  const meant = suggest(key, known);
  const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return { severity: "error", message: `unknown key "${key}": ${hint}`, path: pathText(path), ...yaml.at(path, key) };
}

function messageOf(issue: Issue, path: Path, yaml: LocatedYaml): string {
  const value = path.at(-1) === "secret" ? "***" : yaml.get(path);
  if (path.at(-1) === "encap" && typeof value === "string" && /^nat/i.test(value)) return NAT_REFUSED;
  if (issue.code === "invalid_value") {
    const allowed = issue.values.map(String);
    const meant = suggest(String(value), allowed);
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    return value === undefined
      ? `missing: one of ${allowed.join(", ")}`
      : `${show(value)} is not one of ${allowed.join(", ")}${hint}`;
  }
  if (issue.code === "invalid_type" && value === undefined) return `missing: ${typeName(issue.expected)}`;
  if (issue.code === "invalid_type") return `${show(value)} is not ${typeName(issue.expected)}`;
  if (issue.code === "too_small") return `${show(value)} is too small: at least ${String(issue.minimum)}`;
  if (issue.code === "too_big")
    return issue.message.startsWith("Too big")
      ? `${show(value)} is too large: at most ${String(issue.maximum)}`
      : issue.message;
  return value === undefined || typeof value === "object" ? issue.message : `${show(value)}: ${issue.message}`;
}

/** In YAML's words. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["int", "a whole number"],
  ["array", "a list"],
  ["object", "a mapping (`key: value`)"],
]);

const typeName = (expected: string) => TYPE_NAMES.get(expected) ?? `a ${expected}`;

function show(value: unknown): string {
  const text = jsonOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** An alias of YAML may name what it stands in: such a value has no end. */
function jsonOf(value: unknown): string {
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that holds itself";
  }
}

interface SchemaNode {
  readonly properties?: Record<string, SchemaNode>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** Keys that the object at the path may have, from the JSON Schema. */
function knownKeys(path: Path): string[] {
  let nodes: SchemaNode[] = [lbJsonSchema() as SchemaNode];
  for (const step of path) {
    nodes = nodes
      .flatMap((node) => (typeof step === "number" ? node.items : node.properties?.[step]) ?? [])
      .flatMap(withArms);
  }
  return nodes.flatMap((node) => Object.keys(node.properties ?? {}));
}

function withArms(node: SchemaNode): SchemaNode[] {
  return [node, ...(node.anyOf ?? []).filter((arm) => arm.properties !== undefined || arm.items !== undefined)];
}
