import { setImmediate as turn } from "node:timers/promises";
import { Channel, serveNsm } from "@networkservicemesh/sdk-ts";
import { openFds, until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

/** Each a little later. */
async function closeWhileConnecting(url: string): Promise<void> {
  for (let turns = 0; turns < 12; turns++) {
    const channel = new Channel(url);
    const ready = channel.ready().catch(() => undefined);
    for (let i = 0; i < turns; i++) await turn();
    channel.close();
    void ready;
  }
}

describe("nsm: channels", function () {
  this.timeout(30_000);

  for (const kind of ["unix", "tcp"] as const)
    it(`${kind}: one that is closed while it connects leaves no connection, whenever that is`, async () => {
      await inFolder(async (folder) => {
        const listen = kind === "unix" ? `unix://${folder}/server.sock` : "tcp://127.0.0.1:0";
        const server = await serveNsm({ listen, services: [] });
        try {
          // What is opened once for all of them is there after the first.
          await closeWhileConnecting(server.url);
          const before = openFds();
          await closeWhileConnecting(server.url);
          await until("no descriptor is left", () => openFds() <= before);
        } finally {
          await server.close();
        }
      });
    });
});
