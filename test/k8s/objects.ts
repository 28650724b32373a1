/** Kubernetes objects, as far as tests look at them. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { projectRoot } from "../../src/bench/go.ts";
import { readProjectFile } from "./configmaps.ts";

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly readOnlyRootFilesystem?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  };
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number };
  readonly tcpSocket?: { readonly port: string | number };
  readonly exec?: { readonly command: readonly string[] };
}

interface ConfigMapRef {
  readonly name: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface Volume {
  readonly name: string;
  readonly configMap?: ConfigMapRef;
  readonly projected?: { readonly sources: readonly { readonly configMap?: ConfigMapRef }[] };
  readonly hostPath?: { readonly path: string };
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly replicas?: number; readonly template?: { readonly spec: PodSpec } };
}

/** Directories that `kubectl apply -k` takes. */
export const KUSTOMIZATIONS = ["k8s", ...readdirSync(`${projectRoot}overlays`).map((name) => `overlays/${name}`)];

export const FILES = ["k8s/network-service.yaml", "k8s/load-balancer.yaml", "k8s/application-server.yaml"];

export function parseObjects(text: string): KubeObject[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as KubeObject;
  });
}

export function objectsOfFile(file: string): KubeObject[] {
  return parseObjects(readProjectFile(file));
}

export function withoutKubectl(): string | undefined {
  return spawnSync("kubectl", ["kustomize", "--help"], { stdio: "ignore" }).status === 0 ? undefined : "no kubectl";
}

/** What `kubectl kustomize` makes of a directory. */
export function kustomize(directory: string): string {
  const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", directory], {
    cwd: projectRoot,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  if (status !== 0) throw new Error(`kubectl kustomize ${directory}: ${stderr}`);
  return stdout;
}

/** The pods of a set of objects, by the name of what makes them. */
export function podsOf(objects: readonly KubeObject[]): Map<string, PodSpec> {
  const pods = objects.flatMap(({ metadata, spec }) => (spec?.template ? [[metadata.name, spec.template.spec]] : []));
  return new Map(pods as [string, PodSpec][]);
}

export function containersOf(pod: PodSpec): readonly Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}
