/**
 * A role as a process of its own, for measurements: `role.ts dataplane DIRECTORY` serves `api.sock` and `cli.sock`
 * there, `role.ts lb FILE` keeps a VPP as the file says, `role.ts nsm DIRECTORY` serves `nsmgr.sock` there. Each loads
 * only what it needs.
 */
import { leanStart } from "../roles/lean-start.ts";

const [role, where = ""] = process.argv.slice(2);
// As the CLI starts them.
const started = leanStart();
const abort = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => abort.abort());

if (role === "dataplane") {
  const { runDataplane } = await import("../roles/dataplane.ts");
  await runDataplane({ api: `${where}/api.sock`, cli: `${where}/cli.sock`, ready: started }, abort.signal);
} else if (role === "nsm") {
  const [{ startMesh }, { insecureTokens }] = await Promise.all([
    import("../mesh/index.ts"),
    import("@networkservicemesh/sdk-ts"),
  ]);
  // What it is compared with wires nothing either.
  const done = () => Promise.resolve();
  const handOn = { supports: (a: string, b: string) => a === "MEMIF" && b === "MEMIF", wire: done, unwire: done };
  const tokens = insecureTokens("spiffe://bench/any");
  const listen = [`unix://${where}/nsmgr.sock`];
  const mesh = await startMesh({ name: "bench", listen, tokens, wirings: [handOn] }, abort.signal);
  process.stdout.write('{"event":"ready"}\n');
  await new Promise((resolve) => abort.signal.addEventListener("abort", resolve, { once: true }));
  await mesh.close();
  process.exit();
} else {
  const { runController } = await import("../roles/controller.ts");
  await runController({ file: where, ready: started }, abort.signal);
}

export {};
