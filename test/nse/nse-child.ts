import { runNse } from "../../src/roles/nse.ts";

/** An agent that can be killed. Tells its events on standard output, a line each. */
const [file = "", api = ""] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const tell = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`);
runNse(
  {
    file,
    ...(api === "" ? {} : { api }),
    env: {},
    onNseEvent: tell,
    onEvent: (event) => {
      if (event.type === "sync" || event.type === "operation") tell(event);
    },
    ready: () => tell({ type: "ready" }),
  },
  stop.signal,
).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
