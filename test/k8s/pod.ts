/** What a kubelet does with a pod, as far as the manifests need it: on this machine, in namespaces. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Namespace } from "../../src/kernel/namespace.ts";
import { RunningContainer, type Mount } from "./container.ts";
import type { Container, KubeObject, PodSpec, Probe, Volume } from "./objects.ts";

export interface PodOptions {
  readonly name: string;
  readonly spec: PodSpec;
  /** Among them the ConfigMaps. */
  readonly objects: readonly KubeObject[];
  /** Directories of this machine in place of the node's: path of the manifest to path here. */
  readonly hostPaths: Readonly<Record<string, string>>;
  /** Of each image: what is in it beside this machine's /usr. */
  readonly images: Readonly<
    Record<string, { readonly mounts: readonly Mount[]; readonly entrypoint?: readonly string[] }>
  >;
  /** The network of the pod, before anything runs in it. */
  readonly network: (namespace: Namespace) => Promise<void>;
}

const PATH = "/image/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PASSWD = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";
const GROUP = "root:x:0:\nvpp:x:110:\nnode:x:1000:\n";

/** As a kubelet's httpGet, from inside the pod. */
const ASK =
  'require("http").get(process.argv[1], { timeout: 3000 }, (a) => process.exit(a.statusCode === 200 ? 0 : 1))' +
  '.on("error", () => process.exit(1)).on("timeout", () => process.exit(1))';

export class Pod {
  readonly options: PodOptions;
  readonly namespace: Namespace;
  readonly containers = new Map<string, RunningContainer>();
  readonly #folder: string;
  readonly #sandbox: ChildProcess;
  readonly #volumes = new Map<string, string>();
  #starts = 0;

  private constructor(options: PodOptions, sandbox: ChildProcess, namespace: Namespace) {
    this.options = options;
    this.namespace = namespace;
    this.#sandbox = sandbox;
    this.#folder = mkdtempSync(join(tmpdir(), "vpplb-pod-"));
    for (const volume of options.spec.volumes ?? []) this.#volumes.set(volume.name, this.#makeVolume(volume));
  }

  /** Its network, then its containers in order. @throws Error an init container failed, or a start-up probe did */
  static async start(options: PodOptions): Promise<Pod> {
    const hold = 'hostname "$1" && echo ready && exec sleep infinity';
    const args = ["--pdeathsig", "KILL", "unshare", "--net", "--uts", "sh", "-c", hold, "sh", options.name];
    const sandbox = spawn("setpriv", args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve, reject) => {
      sandbox.stdout.once("data", resolve);
      sandbox.once("exit", () => reject(new Error("no namespaces for a pod")));
    });
    const pod = new Pod(options, sandbox, Namespace.open({ pid: sandbox.pid! }));
    try {
      await options.network(pod.namespace);
      for (const container of options.spec.initContainers ?? []) {
        const running = pod.run(container);
        if (container.restartPolicy === "Always") await pod.#started(container);
        else if ((await running.ended()) !== 0) throw new Error(`${container.name} failed: ${running.log}`);
      }
      for (const container of options.spec.containers) pod.run(container);
      for (const container of options.spec.containers) await pod.#started(container);
      return pod;
    } catch (error) {
      await pod.stop(1000);
      throw error;
    }
  }

  #definition(name: string): Container {
    const { spec } = this.options;
    const found = [...(spec.initContainers ?? []), ...spec.containers].find((one) => one.name === name);
    if (found === undefined) throw new Error(`no container ${name}`);
    return found;
  }

  /** Starts a container, again where it has run before: with its volumes, and otherwise afresh. */
  run(container: Container | string): RunningContainer {
    const definition = typeof container === "string" ? this.#definition(container) : container;
    const image = this.options.images[definition.image.replace(/:.*/, "")];
    if (image === undefined) throw new Error(`no image ${definition.image}`);
    const root = join(this.#folder, "roots", `${definition.name}-${this.#starts++}`);
    mkdirSync(join(root, "etc"), { recursive: true });
    writeFileSync(join(root, "etc/passwd"), PASSWD);
    writeFileSync(join(root, "etc/group"), GROUP);
    const mounts = (definition.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => {
      return { source: this.#volumes.get(name)!, target: mountPath, readOnly };
    });
    const command = [...(definition.command ?? image.entrypoint ?? []), ...(definition.args ?? [])];
    const running = new RunningContainer({
      container: definition,
      sandboxPid: this.#sandbox.pid!,
      root,
      mounts: [...image.mounts, ...mounts],
      env: this.env(definition.name),
      command,
    });
    this.containers.set(definition.name, running);
    return running;
  }

  /** Of a container's program. */
  env(name: string): Record<string, string> {
    const container = this.#definition(name);
    const named = (container.env ?? []).map(({ name, value }) => [name, value ?? this.options.name]); // metadata.name
    return { PATH, HOME: "/", HOSTNAME: this.options.name, ...(Object.fromEntries(named) as Record<string, string>) };
  }

  #makeVolume({ name, configMap, projected, hostPath }: Volume): string {
    if (hostPath !== undefined) {
      const place = this.options.hostPaths[hostPath.path];
      if (place === undefined) throw new Error(`the node has no ${hostPath.path}`);
      return place;
    }
    const place = join(this.#folder, "volumes", name);
    mkdirSync(place, { recursive: true });
    chmodSync(place, 0o777); // as an emptyDir
    const maps = [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)];
    for (const map of maps.filter((one) => one !== undefined)) {
      const data = this.options.objects.find((one) => one.kind === "ConfigMap" && one.metadata.name === map.name)?.data;
      for (const { key, path } of map.items ?? Object.keys(data ?? {}).map((one) => ({ key: one, path: one }))) {
        mkdirSync(dirname(join(place, path)), { recursive: true });
        writeFileSync(join(place, path), data![key]!, { mode: 0o555 });
      }
    }
    return place;
  }

  async #started(container: Container): Promise<void> {
    const { startupProbe } = container;
    if (startupProbe === undefined) return;
    await this.until(`${container.name} has started`, () => this.probe(container.name, startupProbe));
  }

  /** Whether a probe of a container's succeeds now. */
  probe(name: string, probe: Probe): Promise<boolean> {
    if (probe.exec !== undefined) return Promise.resolve(this.exec(name, probe.exec.command).code === 0);
    if (probe.httpGet === undefined) throw new Error(`${name}: a probe of a kind that is not known here`);
    const { path, port } = probe.httpGet;
    const number = this.#definition(name).ports?.find((one) => one.name === port)?.containerPort;
    const child = this.namespace.spawn(process.execPath, ["-e", ASK, `http://127.0.0.1:${number}${path}`]);
    return new Promise((resolve) => child.once("exit", (code) => resolve(code === 0)));
  }

  ready(name: string): Promise<boolean> {
    return this.probe(name, this.#definition(name).readinessProbe!);
  }

  exec(name: string, command: readonly string[]): { code: number; output: string } {
    return this.containers.get(name)?.exec(command, this.env(name)) ?? { code: 1, output: "" };
  }

  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 40_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (Date.now() > deadline) {
        const logs = [...this.containers.values()].map(
          (one) => `--- ${one.name}, ${one.state}\n${one.log.slice(-3000)}`,
        );
        throw new Error(`${this.options.name}: not so after ${timeoutMs} ms: ${what}\n${logs.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends it as a kubelet does: containers, then sidecars in reverse. @returns exit codes by container */
  async stop(graceMs = 20_000): Promise<Map<string, number>> {
    const codes = new Map<string, number>();
    const end = async (name: string) => {
      const one = this.containers.get(name);
      if (one !== undefined) codes.set(name, await one.stop(graceMs));
    };
    await Promise.all(this.options.spec.containers.map(({ name }) => end(name)));
    for (const { name } of [...(this.options.spec.initContainers ?? [])].reverse()) await end(name);
    this.namespace.close();
    this.#sandbox.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
    return codes;
  }
}
