/** A genuine kube-apiserver with etcd on loopback, for tests. Nothing runs pods there: no kubelet, no controllers. */
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { request as requestPlain, type RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchError } from "../../../src/bench/errors.ts";
import { buildGo } from "../../../src/bench/go.ts";
import { Kubectl } from "./kubectl.ts";
import { Daemon, freePorts } from "./processes.ts";

/** The release that go.mod pins. */
export const KUBERNETES_VERSION = "v1.31.4";
const READY_MS = 60_000;
const REQUEST_MS = 2000;
/** From nothing the build takes ten minutes: too long inside a test. Each attempt goes on where the last one ended. */
const BUILD_S = 120;

export interface KubernetesOptions {
  /** More flags of kube-apiserver ("--enable-admission-plugins=…"). */
  readonly flags?: readonly string[];
}

export interface Kubernetes {
  /** File for `KUBECONFIG`: user `admin` of group system:masters. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** Bearer token of that user. */
  readonly token: string;
  /** PEM of whom the server's certificate is signed by. */
  readonly ca: string;
  readonly kubectl: Kubectl;
  /** Ends both processes and removes their data. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Builds kube-apiserver where that was not done yet.
 * @param timeoutS default `VPPLB_PEER_BUILD_S`, else 120
 * @returns the programs @throws BenchError SKIP where Go, etcd or kubectl is missing, or time is up
 */
export async function kubernetesPrograms(
  timeoutS = Number(process.env["VPPLB_PEER_BUILD_S"] ?? BUILD_S),
): Promise<{ apiserver: string; etcd: string }> {
  need("kubectl", ["version", "--client"], "no kubectl");
  need("etcd", ["--version"], "no etcd (Debian: apt-get install etcd-server)");
  const apiserver = await buildGo("test/peers/kubernetes", {
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    ldflags: `-s -w -X k8s.io/component-base/version.gitVersion=${KUBERNETES_VERSION}`,
    timeoutMs: timeoutS * 1000,
  }).catch((error: unknown) => {
    if (!BenchError.is(error, "SKIP")) throw error;
    throw new BenchError("SKIP", `${error.message}; "npm run peers" takes the time that it needs`, { cause: error });
  });
  return { apiserver, etcd: "etcd" };
}

function need(program: string, args: readonly string[], message: string): void {
  if (spawnSync(program, args, { stdio: "ignore" }).status !== 0) throw new BenchError("SKIP", message);
}

/** @throws BenchError SKIP see `kubernetesPrograms` */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const programs = await kubernetesPrograms();
  const folder = mkdtempSync(join(tmpdir(), "vpplb-kubernetes-"));
  const daemons: Daemon[] = [];
  const stop = async (): Promise<void> => {
    for (const daemon of daemons.splice(0).reverse()) await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [client = 0, peer = 0, secure = 0] = await freePorts(3);
    const store = new Daemon(programs.etcd, etcdFlags(folder, client, peer));
    daemons.push(store);
    await store.until(() => answers(requestPlain, { port: client, path: "/health" }), READY_MS);

    const token = randomBytes(16).toString("hex");
    const server = new Daemon(programs.apiserver, [
      ...apiserverFlags(folder, token, client, secure),
      ...(options.flags ?? []),
    ]);
    daemons.push(server);
    const certificate = join(folder, "certificates", "apiserver.crt");
    const ask = (path: string) => () => {
      const headers = { authorization: `Bearer ${token}` };
      const ca = readable(certificate);
      return answers(request, { port: secure, path, headers, ...(ca === undefined ? {} : { ca }) });
    };
    await server.until(ask("/readyz"), READY_MS);
    await server.until(ask("/api/v1/namespaces/default"), READY_MS);

    const url = `https://127.0.0.1:${secure}`;
    const ca = readFileSync(certificate, "utf8");
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, kubeconfigText(url, ca, token), { mode: 0o600 });
    return { kubeconfig, url, token, ca, kubectl: new Kubectl(kubeconfig, join(folder, "cache")), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdFlags(folder: string, client: number, peer: number): string[] {
  const [clientUrl, peerUrl] = [client, peer].map((port) => `http://127.0.0.1:${port}`);
  return [
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ];
}

function apiserverFlags(folder: string, token: string, etcd: number, port: number): string[] {
  const key = join(folder, "service-account.pem");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const tokens = join(folder, "tokens.csv");
  writeFileSync(tokens, `${token},admin,admin,system:masters\n`, { mode: 0o600 });
  return [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    `--cert-dir=${join(folder, "certificates")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    `--token-auth-file=${tokens}`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true", // as every installer sets it; Pod Security decides
    // Nobody makes the namespaces' service accounts, without which this one admits no pod.
    "--disable-admission-plugins=ServiceAccount",
  ];
}

function readable(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether a server of this machine answers 200. */
function answers(send: typeof requestPlain, options: RequestOptions & { ca?: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = send({ host: "127.0.0.1", timeout: REQUEST_MS, agent: false, ...options }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    outgoing.on("timeout", () => outgoing.destroy());
    outgoing.on("error", () => resolve(false));
    outgoing.end();
  });
}

function kubeconfigText(server: string, ca: string, token: string): string {
  const name = "test";
  const cluster = { server, "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  return JSON.stringify(config); // JSON is YAML
}
