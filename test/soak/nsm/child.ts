/**
 * A role of the NSM soak in a process of its own that can be asked how much memory it holds: `child.ts nsm SOCKET`,
 * `child.ts nse FILE`, `child.ts dataplane SOCKET`, `child.ts clients JSON`. Needs --expose-gc.
 */
import { openSync } from "node:fs";
import { measureSelf } from "../self.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";

/** What the fleet can be told. */
export type Order =
  | { readonly what: "connect"; readonly numbers: readonly number[]; readonly mortal?: boolean }
  | { readonly what: "leave" | "crash" | "again"; readonly numbers: readonly number[] }
  | { readonly what: "state" };

const [role, where = ""] = process.argv.slice(2);
const abort = new AbortController();
let fleet: Fleet | undefined;

process.on("message", (message: "measure" | "leak" | Order) => {
  const answer = message === "measure" ? measureSelf() : message === "leak" ? leak() : obey(message);
  answer.then(
    (found) => process.send?.(found),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => {
  abort.abort();
  // A fleet whose parent was killed is told by nobody to leave. Longer than a parent that is there waits for the end.
  setTimeout(() => process.exit(1), 30_000).unref();
});
process.on("SIGTERM", () => abort.abort());

/** A descriptor that nobody closes. */
function leak(): Promise<number> {
  return Promise.resolve(openSync("/dev/null", "r"));
}

async function obey(order: Order): Promise<unknown> {
  if (fleet === undefined) throw new Error("this process has no fleet");
  if (order.what === "connect") await fleet.connect(order.numbers, order.mortal ?? false);
  else if (order.what === "leave") await fleet.leave(order.numbers);
  else if (order.what === "again") await fleet.again(order.numbers);
  else if (order.what === "crash") fleet.crash(order.numbers);
  return fleet.state();
}

async function run(): Promise<void> {
  const ready = () => process.send?.("ready");
  if (role === "dataplane") {
    const { runDataplane } = await import("../../../src/roles/dataplane.ts");
    await runDataplane({ api: where, ready }, abort.signal);
  } else if (role === "nsm") {
    const { runNsm } = await import("../../../src/roles/nsm.ts");
    const listen = [`unix://${where}`];
    await runNsm({ name: "soak", listen, services: [], identity: { insecure: true }, ready }, abort.signal);
  } else if (role === "nse") {
    const { runNse } = await import("../../../src/roles/nse.ts");
    await runNse({ file: where, ready }, abort.signal);
  } else {
    fleet = new Fleet(JSON.parse(where) as FleetOptions);
    ready();
    await new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve(), { once: true }));
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
