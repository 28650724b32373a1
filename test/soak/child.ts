/**
 * A role in a process of its own that can be asked how much memory it holds: `child.ts dataplane SOCKET`,
 * `child.ts lb FILE`. Needs --expose-gc.
 */
import { measureSelf } from "./self.ts";

const [role, where = ""] = process.argv.slice(2);
const abort = new AbortController();

process.on("message", () => void measureSelf().then((found) => process.send?.(found)));
process.on("disconnect", () => abort.abort());
process.on("SIGTERM", () => abort.abort());

async function run(): Promise<void> {
  const ready = () => process.send?.("ready");
  if (role === "dataplane") {
    const { runDataplane } = await import("../../src/roles/dataplane.ts");
    await runDataplane({ api: where, ready }, abort.signal);
  } else {
    const { runController } = await import("../../src/roles/controller.ts");
    await runController({ file: where, ready }, abort.signal);
  }
}

run().then(
  // The channel to the parent would keep this process.
  () => process.connected && process.disconnect(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
