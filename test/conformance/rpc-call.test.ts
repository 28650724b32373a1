import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiServer } from "../../src/dataplane/api/server.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { BareClient } from "./client.ts";

/** Last id of memclnt.api in 26.06; rpc_call is 8 there, rpc_call_reply 9. */
const LAST_MEMCLNT_ID = 28;
const RPC_CALL_ID = 8;

/** `rpc_call` carries an address that VPP jumps to. The embedded dataplane has no such message. */
describe("API server: rpc_call", () => {
  let directory: string;
  let dataplane: Dataplane;
  let server: ApiServer;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-rpc-"));
    dataplane = new Dataplane();
    server = await ApiServer.listen(dataplane, { path: join(directory, "api.sock") });
  });
  afterEach(async () => {
    await server.close();
    dataplane.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("is not listed, and answered as an id that VPP does not know: by nothing", async () => {
    const client = await BareClient.connect(join(directory, "api.sock"));
    for (const name of client.listed.keys()) assert.ok(!name.startsWith("rpc_call"), name);
    const listed = new Set(client.listed.values());
    for (let id = 0; id <= LAST_MEMCLNT_ID; id++) {
      if (listed.has(id)) continue;
      const payload = new Uint8Array(200).fill(0x41);
      new DataView(payload.buffer).setUint16(0, id);
      new DataView(payload.buffer).setUint32(2, client.clientIndex);
      client.sendPayload(payload);
    }
    assert.ok(!listed.has(RPC_CALL_ID));
    // Requests are served in order: any other answer would come before this one.
    const ping = client.table.get("control_ping");
    assert.ok(ping !== undefined);
    client.sendPayload(ping.codec.encode(ping.id, { client_index: client.clientIndex, context: 99 }));
    const answer = await client.payload();
    assert.equal((answer[0]! << 8) | answer[1]!, client.table.get("control_ping_reply")?.id);
    client.close();
  });
});
