/** What the manifests say is what the programs understand. Needs no API server. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createProgram } from "../../src/cli/main.ts";
import { parseLbYaml } from "../../src/config/index.ts";
import { projectRoot } from "../../src/bench/go.ts";
import { MANIFESTS, readProjectFile, withConfigMaps } from "./configmaps.ts";
import {
  containersOf,
  FILES,
  KUSTOMIZATIONS,
  kustomize,
  objectsOfFile,
  parseObjects,
  podsOf,
  withoutKubectl,
  type Container,
  type KubeObject,
  type PodSpec,
} from "./objects.ts";

/** Scripts that run once, before anything that others talk to. */
const PRIVILEGED_ONCE = ["uplink", "sysctl"];
/** Works in other pods' namespaces, as NSM's own forwarders. */
const FORWARDER = "nsm";
/** Where each role's environment is read. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  nse: [
    "src/nse",
    "src/cli/nse.ts",
    "src/roles/nse.ts",
    "src/roles/nsm-identity.ts",
    "src/spiffe",
    "scripts/nsehook.sh",
  ],
  nsm: ["src/cli/nsm.ts", "src/roles/nsm-identity.ts"],
  nsc: ["src/nsc", "src/cli/nsc.ts", "src/roles/nsc.ts", "src/roles/nsm-identity.ts", "src/spiffe"],
  "uplink.sh": ["k8s/config/uplink.sh"],
  "container-init": ["k8s/config/container-init"],
};

function sources(place: string): string {
  const path = `${projectRoot}${place}`;
  if (!existsSync(path)) return "";
  if (!statSync(path).isDirectory()) return readFileSync(path, "utf8");
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(`${path}/${file}`, "utf8"))
    .join("\n");
}

/** vpplb's arguments, where the container runs it. */
function vpplbArgs({ image, command, args = [] }: Container): readonly string[] | undefined {
  return image.startsWith("vpplb:") && command === undefined ? args : undefined;
}

/** "nse", "uplink.sh"; undefined for programs that are not ours. */
function roleOf(container: Container): string | undefined {
  const args = vpplbArgs(container);
  if (args !== undefined) return args.find((each) => !each.startsWith("-"));
  return container.command?.[0] === "/bin/sh" ? container.command[1]?.replace(/.*\//, "") : undefined;
}

/** What of a ConfigMap a container finds as a file: path to text. */
function filesOf(container: Container, pod: PodSpec, objects: readonly KubeObject[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const volume = pod.volumes?.find((each) => each.name === name);
    assert.ok(volume, `${container.name} mounts ${name}, which is no volume`);
    const maps = [volume.configMap, ...(volume.projected?.sources ?? []).map((source) => source.configMap)];
    for (const map of maps.filter((each) => each !== undefined)) {
      const data = objects.find((each) => each.kind === "ConfigMap" && each.metadata.name === map.name)?.data;
      assert.ok(data, `${name}: there is no ConfigMap ${map.name}`);
      for (const { key, path } of map.items ?? Object.keys(data).map((one) => ({ key: one, path: one }))) {
        assert.ok(data[key] !== undefined, `ConfigMap ${map.name} has no ${key}`);
        found.set(`${mountPath}/${path}`, data[key]);
      }
    }
  }
  return found;
}

describe("k8s: manifests", () => {
  it("hold their ConfigMaps' sources as they are (else: npm run k8s)", () => {
    for (const [manifest, sources] of Object.entries(MANIFESTS)) {
      const text = readProjectFile(manifest);
      assert.ok(withConfigMaps(text, sources) === text, `${manifest} is behind its sources: npm run k8s`);
    }
    const [first] = Object.entries(MANIFESTS);
    const stale = readProjectFile(first![0]).replace("10.60.1.1/24", "10.60.1.2/24");
    assert.notEqual(withConfigMaps(stale, first![1]), stale, "the comparison sees nothing");
  });

  const variants: [string, () => KubeObject[]][] = [
    ["kubectl apply -f", () => FILES.flatMap(objectsOfFile)],
    ...KUSTOMIZATIONS.map((name): [string, () => KubeObject[]] => [name, () => parseObjects(kustomize(name))]),
  ];
  for (const [variant, read] of variants) {
    describe(variant, () => {
      let objects: readonly KubeObject[];
      let containers: readonly (readonly [Container, PodSpec])[];

      before(function () {
        const reason = variant.includes("-f") ? undefined : withoutKubectl();
        if (reason !== undefined) {
          console.log(`      skipped: ${reason}`);
          this.skip();
        }
        objects = read();
        containers = [...podsOf(objects).values()].flatMap((pod) =>
          containersOf(pod).map((container) => [container, pod] as const),
        );
        assert.ok(containers.length >= 4);
      });

      it("gives every program a command line that it takes", () => {
        for (const [container] of containers) {
          const args = vpplbArgs(container);
          if (args === undefined) continue;
          const program = createProgram();
          const globals = program.parseOptions([...args]);
          const [name, ...rest] = [...globals.operands, ...globals.unknown];
          const command = program.commands.find((each) => each.name() === name);
          assert.ok(command, `${container.name}: there is no vpplb ${name}`);
          assert.deepEqual(command.parseOptions(rest).unknown, [], `${container.name}: unknown options`);
        }
      });

      it("gives every program files that are there, and a lb.yaml that it takes", () => {
        for (const [container, pod] of containers) {
          const files = filesOf(container, pod, objects);
          for (const word of [...(container.command ?? []), ...(container.args ?? [])]) {
            if (word.startsWith("/etc/")) assert.ok(files.has(word), `${container.name}: no ${word}`);
          }
          const hook = container.env?.find(({ name }) => name === "NSE_HOOK")?.value;
          if (hook !== undefined) assert.ok(files.has(hook), `no ${hook}`);
          const lb = files.get("/etc/vpplb/lb.yaml");
          if (lb === undefined) continue;
          const { diagnostics } = parseLbYaml(lb);
          assert.deepEqual(
            diagnostics.filter(({ severity }) => severity !== "advice"),
            [],
          );
        }
      });

      it("sets no variable that nobody reads", () => {
        for (const [container] of containers) {
          const role = roleOf(container);
          if (role === undefined || container.env === undefined) continue;
          const text = READERS[role]?.map(sources).join("\n") ?? "";
          const names = container.env.map(({ name }) => name);
          const unread = names.filter((name) => !new RegExp(`(?<![A-Z_])${name}(?![A-Z_])`).test(text));
          assert.deepEqual(unread, [], `${container.name}: nothing in vpplb ${role} reads these`);
          assert.equal(new Set(names).size, names.length);
        }
      });

      it("asks for health where it is served", () => {
        for (const [container, pod] of containers) {
          const lb = filesOf(container, pod, objects).get("/etc/vpplb/lb.yaml");
          const served = roleOf(container) === "nse" ? parseLbYaml(lb!).file?.http?.listen : undefined;
          const args = vpplbArgs(container) ?? [];
          const listen = served ?? args[args.indexOf("--http") + 1];
          for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
            if (probe?.httpGet === undefined) continue;
            const { path, port } = probe.httpGet;
            const number = container.ports?.find(({ name }) => name === port)?.containerPort;
            assert.equal(listen, `:${number}`, `${container.name}: ${port}`);
            assert.ok(["/healthz", "/readyz"].includes(path), path);
          }
        }
      });

      it("gives no privileges but named ones, and keeps no container privileged that stays", () => {
        for (const [container] of containers) {
          const { privileged, capabilities, allowPrivilegeEscalation } = container.securityContext ?? {};
          if (privileged === true) {
            if (container.name === FORWARDER) continue;
            assert.ok(PRIVILEGED_ONCE.includes(container.name), container.name);
            assert.equal(container.restartPolicy, undefined);
            continue;
          }
          assert.equal(allowPrivilegeEscalation, false, container.name);
          assert.deepEqual(capabilities?.drop, ["ALL"], container.name);
          for (const name of capabilities?.add ?? []) {
            assert.ok(["NET_ADMIN", "NET_RAW", "IPC_LOCK", "SETGID"].includes(name), `${container.name}: ${name}`);
          }
        }
      });

      it("runs what is privileged before everything else", () => {
        for (const [name, pod] of podsOf(objects)) {
          const stay = containersOf(pod).findIndex(({ restartPolicy }) => restartPolicy === "Always");
          if (pod.initContainers === undefined) continue;
          const last = containersOf(pod).findLastIndex(({ securityContext }) => securityContext?.privileged === true);
          assert.ok(stay < 0 || last < stay, `${name}: a sidecar starts first`);
        }
      });

      it("mounts every volume, and shares VPP's sockets between VPP and the agent", () => {
        const pods = podsOf(objects);
        for (const [name, pod] of pods) {
          const mounted = new Set(
            containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map((m) => m.name)),
          );
          const volumes = (pod.volumes ?? []).map((volume) => volume.name);
          assert.deepEqual([...mounted].sort(), [...volumes].sort(), name);
        }
        const balancer = containersOf(pods.get("load-balancer")!);
        const places = ["vpp", "load-balancer"].map((name) =>
          balancer.find((one) => one.name === name)?.volumeMounts?.find(({ mountPath }) => mountPath === "/run/vpp"),
        );
        assert.deepEqual(places[0], places[1]);
        assert.equal(pods.get("application-server")?.containers[0]?.name, "application-server");
        const servers = objects.find(({ kind, metadata }) => kind === "Deployment" && /^app/.test(metadata.name));
        assert.equal(servers?.spec?.replicas, 3);
      });
    });
  }

  it("scripts are shell scripts", () => {
    for (const file of ["k8s/config/uplink.sh", "k8s/config/sysctl.sh", "k8s/config/container-init", "docker/vppctl"]) {
      const { status, stderr } = spawnSync("sh", ["-n", `${projectRoot}${file}`], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      assert.match(readProjectFile(file), /^#!\/bin\/sh\n/);
      assert.ok(statSync(`${projectRoot}${file}`).mode & 0o100, `${file} is not executable`);
    }
  });
});
