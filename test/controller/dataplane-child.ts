import { startDataplane } from "../../src/dataplane/server.ts";

const [socket = ""] = process.argv.slice(2);
startDataplane({ apiSocket: socket }, new AbortController().signal).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
