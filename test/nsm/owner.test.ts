import assert from "node:assert/strict";
import { sign } from "node:crypto";
import {
  authorizeServer,
  begin,
  Call,
  chain,
  newSegment,
  newConnection,
  NsmError,
  updatePath,
  updateToken,
  type Connection,
  type Peer,
} from "@networkservicemesh/sdk-ts";
import { issue } from "../spiffe/certificates.ts";
import { Recorder } from "./fake.ts";

const SERVER = "spiffe://test/server";
const LIFETIME_S = 600;

/** A client with an identity of its own: its certificate and tokens that prove it. */
function identity(spiffeId: string) {
  const { key, certificate } = issue({ uris: [spiffeId] });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    call(): Call {
      const expiresMs = Date.now() + 1000 * LIFETIME_S;
      const claims = { sub: spiffeId, aud: [SERVER], exp: Math.floor(expiresMs / 1000) };
      const text = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
      const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
      const peer: Peer = { address: "test", spiffeId, certificate: certificate.raw };
      const metadata = new Map([
        ["nsm-client-token", [`${text}.${signature}`]],
        ["nsm-client-token-expires", [new Date(expiresMs).toISOString()]],
      ]);
      return new Call({ peer, metadata });
    },
  };
}

const ownToken = () => {
  const claims = Buffer.from(JSON.stringify({ sub: SERVER, aud: ["x"], exp: Date.now() / 1000 + LIFETIME_S }));
  return { token: `a.${claims.toString("base64url")}.c`, expiresMs: Date.now() + 1000 * LIFETIME_S };
};

describe("nsm: whose a connection is", () => {
  it("who knows its ids, and has an identity, can neither close nor change it; its client still can", async () => {
    const recorder = new Recorder();
    const service = chain(updatePath("server"), begin(), updateToken(ownToken), authorizeServer(), recorder.element);
    const [client, other] = [identity("spiffe://test/client"), identity("spiffe://test/other")];
    const ask = (connection: Connection, call: Call) =>
      service.request({ connection: structuredClone(connection), mechanismPreferences: [] }, call);
    const path = { index: 0, pathSegments: [newSegment({ name: "client", id: "a" })] };
    const made = await ask(newConnection({ id: "a", path }), client.call());
    const denied = (error: unknown) => NsmError.is(error, "DENIED") && /spiffe:\/\/test\/client/.test(error.message);
    await assert.rejects(ask(made, other.call()), denied);
    await assert.rejects(service.close(structuredClone(made), other.call()), denied);
    assert.deepEqual([recorder.requests.length, recorder.closes.length], [1, 0]);
    await ask(made, client.call());
    await service.close(structuredClone(made), client.call());
    assert.deepEqual([recorder.requests.length, recorder.closes.length], [2, 1]);
    // It is over: the ids are anybody's.
    await ask(made, other.call());
  });
});
