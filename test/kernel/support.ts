import { once } from "node:events";
import { Namespace } from "../../src/kernel/namespace.ts";
import { ensureNetAdmin } from "../../src/kernel/privileges.ts";

/** Skips the suite's tests, printing the reason, where only somebody with other rights could make networks. */
export function needNetAdmin(context: Mocha.Context): void {
  const may = ensureNetAdmin();
  if (may.kind === "allowed") return;
  console.log(`    skipped: ${may.kind === "refused" ? may.reason : "needs root here"}`);
  context.skip();
}

/** Runs `fn` with new namespaces, which are closed afterwards whatever happens. */
export async function withNamespaces(count: number, fn: (...list: Namespace[]) => Promise<void>): Promise<void> {
  const list: Namespace[] = [];
  try {
    for (let i = 0; i < count; i++) list.push(await Namespace.create(`test${i}`));
    await fn(...list);
  } finally {
    for (const one of list) one.close();
  }
}

/** Everything a child process prints, and its exit code. */
export async function output(
  namespace: Namespace,
  command: string,
  args: string[],
): Promise<{ code: number; text: string }> {
  const child = namespace.spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, text };
}
