import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { DescriptorSocket } from "@networkservicemesh/sdk-ts";
import { openFds, until } from "../sys/support.ts";
import { inFolder } from "./support.ts";

describe("nsm: a socket that carries descriptors", () => {
  it("is destroyed by who reads it, while more is there to be read", () =>
    inFolder(async (folder) => {
      const before = openFds();
      const path = join(folder, "s");
      const server = net.createServer({ pauseOnConnect: true }).listen(path);
      await once(server, "listening");
      const peer = net.connect(path);
      peer.on("error", () => undefined);
      const [incoming] = (await once(server, "connection")) as [net.Socket];
      // As much as the kernel takes: more than one read gets.
      peer.write(Buffer.alloc(1 << 20));
      await until("the kernel has taken much of it", () => peer.bytesWritten > 0 && peer.writableLength > 0);
      const socket = new DescriptorSocket(incoming);
      let reads = 0;
      socket.on("data", () => {
        reads += 1;
        socket.destroy();
      });
      await once(socket, "close");
      assert.equal(reads, 1);
      peer.destroy();
      server.close();
      await until("no descriptor is left", () => openFds() <= before);
    }));
});
