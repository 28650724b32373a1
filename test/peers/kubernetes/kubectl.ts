import { spawn } from "node:child_process";

export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 60_000;

/** The genuine kubectl, towards one server and with nothing of this user's configuration. */
export class Kubectl {
  readonly #env: NodeJS.ProcessEnv;
  readonly #cache: string;

  constructor(kubeconfig: string, cache: string) {
    this.#env = { ...process.env, KUBECONFIG: kubeconfig, HOME: cache };
    this.#cache = cache;
  }

  /** What it said and its exit code, whatever that is. */
  run(args: readonly string[], input = ""): Promise<KubectlResult> {
    return new Promise((resolve, reject) => {
      const child = spawn("kubectl", [`--cache-dir=${this.#cache}`, ...args], { env: this.#env, timeout: TIMEOUT_MS });
      const said = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...said }));
    });
  }

  /** Its standard output. @throws it failed: with what it said */
  async must(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: exit code ${code}\n${stderr}${stdout}`);
    return stdout;
  }

  /** One object, or a list. */
  async json<T = Record<string, unknown>>(args: readonly string[], input?: string): Promise<T> {
    return JSON.parse(await this.must([...args, "-o", "json"], input)) as T;
  }
}
