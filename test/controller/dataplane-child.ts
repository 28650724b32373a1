import { startDataplane } from "../../src/dataplane/server.ts";

const [socket = "", cliSocket] = process.argv.slice(2);
startDataplane(
  { apiSocket: socket, ...(cliSocket === undefined ? {} : { cliSocket }) },
  new AbortController().signal,
).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
