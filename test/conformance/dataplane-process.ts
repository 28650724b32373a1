/** The embedded dataplane as the suites start it: `api.sock` and `cli.sock` in the directory given. */
import { join } from "node:path";
import { runDataplane } from "../../src/roles/dataplane.ts";

const directory = process.argv.at(-1)!;
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
await runDataplane({ api: join(directory, "api.sock"), cli: join(directory, "cli.sock") }, stopping.signal);
