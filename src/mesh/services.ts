import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { newService, type NetworkServiceInfo } from "@networkservicemesh/sdk-ts";
import { MeshError } from "./errors.ts";

const PAYLOADS = ["ETHERNET", "IP"] as const;
const labels = z.record(z.string(), z.string());

const route = z.strictObject({
  destination_selector: labels.optional(),
  destinationSelector: labels.optional(),
  weight: z.int().min(0).max(0xffffffff).optional(),
});

const match = z.strictObject({
  source_selector: labels.optional(),
  sourceSelector: labels.optional(),
  routes: z.array(route).optional(),
  fallthrough: z.boolean().optional(),
  metadata: z.strictObject({ labels: labels.optional() }).optional(),
});

const spec = z.strictObject({
  name: z.string().min(1).optional(),
  payload: z.enum(PAYLOADS).optional(),
  matches: z.array(match).optional(),
});

/** The resource NetworkService of NSM (api pkg/apis/crd), or its bare spec with a name. */
const resource = z.object({
  apiVersion: z.string().regex(/^networkservicemesh\.io\//, "must be of networkservicemesh.io"),
  kind: z.literal("NetworkService"),
  metadata: z.object({ name: z.string().min(1) }),
  spec: spec.optional(),
});

type Spec = z.infer<typeof spec>;

/**
 * The network services of a YAML or JSON file: resources of kind NetworkService as in Kubernetes, or bare specs with a
 * name; one or several documents, each one of them or a list. Selectors may be written source_selector or sourceSelector.
 * @throws MeshError INPUT: where, and what
 */
export function readServices(path: string): NetworkServiceInfo[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new MeshError("INPUT", `cannot read ${path}: ${(error as Error).message}`, error);
  }
  return parseServices(text, path);
}

/** @throws MeshError INPUT */
export function parseServices(text: string, path: string): NetworkServiceInfo[] {
  const found: NetworkServiceInfo[] = [];
  const documents = parseAllDocuments(text);
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw new MeshError("INPUT", `${path}: ${error.message}`, error);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    const items = Array.isArray(value) ? (value as unknown[]) : itemsOf(value);
    for (const item of items) found.push(serviceOf(item, `${path}: network service ${found.length + 1}`));
  }
  const names = found.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new MeshError("INPUT", `${path}: network service ${twice} is there twice`);
  return found;
}

/** A `List` of kubectl's. */
function itemsOf(value: unknown): unknown[] {
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? (items as unknown[]) : [value];
}

function serviceOf(value: unknown, where: string): NetworkServiceInfo {
  const isResource = typeof value === "object" && value !== null && "kind" in value;
  const parsed = (isResource ? resource : spec).safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new MeshError("INPUT", `${where}: ${issue?.path.join(".") || "it"}: ${issue?.message ?? "is no service"}`);
  }
  const own: Spec = isResource ? ((parsed.data as z.infer<typeof resource>).spec ?? {}) : (parsed.data as Spec);
  const name = own.name ?? (isResource ? (parsed.data as z.infer<typeof resource>).metadata.name : undefined);
  if (name === undefined) throw new MeshError("INPUT", `${where}: it has no name`);
  return newService({ name, payload: own.payload ?? "", matches: (own.matches ?? []).map(matchOf) });
}

function matchOf(given: z.infer<typeof match>): NetworkServiceInfo["matches"][number] {
  return {
    sourceSelector: given.source_selector ?? given.sourceSelector ?? {},
    routes: (given.routes ?? []).map((one) => ({
      destinationSelector: one.destination_selector ?? one.destinationSelector ?? {},
      weight: one.weight ?? 0,
    })),
    fallthrough: given.fallthrough ?? false,
    metadata: given.metadata === undefined ? null : { labels: given.metadata.labels ?? {} },
  };
}

/** `name` or `name:PAYLOAD`. @throws MeshError INPUT */
export function serviceOfFlag(text: string): NetworkServiceInfo {
  const [, name, payload] = /^([^:]+)(?::(.+))?$/.exec(text) ?? [];
  if (name === undefined || (payload !== undefined && !(PAYLOADS as readonly string[]).includes(payload)))
    throw new MeshError("INPUT", `"${text}" is no network service: NAME, NAME:ETHERNET or NAME:IP`);
  return newService({ name, payload: payload ?? "" });
}
