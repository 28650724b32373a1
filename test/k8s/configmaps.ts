/** The manifests' ConfigMaps: each value is a file of the project, which is its one source. */
import { readFileSync } from "node:fs";
import { projectRoot } from "../../src/bench/go.ts";

export interface ConfigMapSource {
  readonly name: string;
  /** Key to file, relative to the project. */
  readonly files: Readonly<Record<string, string>>;
}

export const MANIFESTS: Readonly<Record<string, readonly ConfigMapSource[]>> = {
  "k8s/load-balancer.yaml": [
    {
      name: "load-balancer",
      files: {
        "lb.yaml": "k8s/config/lb.yaml",
        "nsehook.sh": "scripts/nsehook.sh",
        "uplink.sh": "k8s/config/uplink.sh",
      },
    },
    { name: "load-balancer-vpp", files: { "startup.conf": "vpp/startup.conf" } },
  ],
  "k8s/application-server.yaml": [
    {
      name: "application-server-init",
      files: { "container-init": "k8s/config/container-init", "sysctl.sh": "k8s/config/sysctl.sh" },
    },
  ],
};

const BEGIN = '# made by "npm run k8s": begin\n';
const END = '# made by "npm run k8s": end\n';

/** The manifest with its ConfigMaps as the files are now. @throws it lacks the marks */
export function withConfigMaps(manifest: string, sources: readonly ConfigMapSource[]): string {
  const [begin, end] = [manifest.indexOf(BEGIN), manifest.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the manifest lacks the lines ${BEGIN.trim()} and ${END.trim()}`);
  return `${manifest.slice(0, begin + BEGIN.length)}${sources.map(configMap).join("")}---\n${manifest.slice(end)}`;
}

export function readProjectFile(file: string): string {
  return readFileSync(`${projectRoot}${file}`, "utf8");
}

function configMap({ name, files }: ConfigMapSource): string {
  const app = name.replace(/-(vpp|init)$/, "");
  const lines = [
    "---",
    "apiVersion: v1",
    "kind: ConfigMap",
    "metadata:",
    `  name: ${name}`,
    `  labels: { app.kubernetes.io/name: ${app}, app.kubernetes.io/part-of: vpplb }`,
    "data:",
  ];
  for (const [key, file] of Object.entries(files)) {
    const text = readProjectFile(file);
    if (!text.endsWith("\n") || text.endsWith("\n\n")) throw new Error(`${file} must end with one newline`);
    lines.push(`  ${key}: | # ${file}`);
    for (const line of text.trimEnd().split("\n")) lines.push(line === "" ? "" : `    ${line}`);
  }
  return `${lines.join("\n")}\n`;
}
