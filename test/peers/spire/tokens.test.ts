import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { NsmClient, NsmError, type Connection, type Peer, type TokenGenerator } from "@networkservicemesh/sdk-ts";
import { until } from "../../sys/support.ts";
import { request, World, type Own } from "./support.ts";

const TEST_TIMEOUT_MS = 60_000;
const NAMES = ["registry", "nsmgr", "endpoint", "client", "lb", "mallory"];
const HOUR_MS = 3_600_000;

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

interface Claims {
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
}

function es256(claims: Claims, key: KeyObject, header: object = { alg: "ES256", typ: "JWT" }): string {
  const content = `${part(header)}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(content), { key, dsaEncoding: "ieee-p1363" });
  return `${content}.${signature.toString("base64url")}`;
}

function hs256(claims: Claims, secret: string): string {
  const content = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${content}.${createHmac("sha256", secret).update(content).digest("base64url")}`;
}

/** Tokens that must not be taken, by what is wrong with them: the rest of each is right. */
function bad(identity: Own, lbId: string): Readonly<Record<string, (claims: Claims) => string>> {
  const key = () => identity.source.identity.svid.key;
  const stranger = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
  const certificate = () => identity.source.identity.svid.certificates[0]!;
  return {
    "another audience": (claims) => es256({ ...claims, aud: [lbId.replace("/lb", "/other")] }, key()),
    "no audience": (claims) => es256({ ...claims, aud: [] }, key()),
    expired: (claims) => es256({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 }, key()),
    "signed by another key": (claims) => es256(claims, stranger),
    "signed by another key that it brings along": (claims) =>
      es256(claims, stranger, { alg: "ES256", typ: "JWT", jwk: stranger.export({ format: "jwk" }) }),
    "HS256 with the public key as secret": (claims) =>
      hs256(claims, certificate().publicKey.export({ format: "pem", type: "spki" }).toString()),
    "HS256 with the certificate as secret": (claims) => hs256(claims, certificate().toString()),
    unsigned: (claims) => `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`,
    "unsigned, called ES256": (claims) => `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}.`,
    "claims changed after signing": (claims) => {
      const [header, , signature] = es256(claims, key()).split(".");
      return `${header}.${part({ ...claims, exp: claims.exp + 1 })}.${signature}`;
    },
    "no token at all": () => "",
    "no JWT": () => "x.y.z",
  };
}

describe("SPIRE: tokens that prove nothing", () => {
  let world: World;

  before(async function () {
    world = await World.open(this, { entries: NAMES.map((name) => ({ name })) });
  });

  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  /** A client that is who it says, by its certificate, and sends the token that is made of honest claims. */
  function client(identity: Own, url: string, forge?: (claims: Claims) => string): NsmClient {
    const expiresMs = Date.now() + HOUR_MS / 2;
    const forged: TokenGenerator = (peer: Peer | undefined) => {
      const claims = { sub: identity.id!, aud: [peer!.spiffeId!], exp: Math.floor(expiresMs / 1000) };
      return { token: forge!(claims), expiresMs };
    };
    const tokens = forge === undefined ? identity.tokens : forged;
    const { clientCredentials: credentials } = identity;
    // What our own client would check of the answer is not what is judged here.
    return new NsmClient({ name: "mallory", url, credentials: credentials!, tokens, heal: {}, authorize: false });
  }

  async function refusesAll(url: string, check: () => void): Promise<void> {
    const mallory = await world.own("mallory", HOUR_MS);
    for (const [what, forge] of Object.entries(bad(mallory, world.spire.id("lb")))) {
      const forger = client(mallory, url, forge);
      await assert.rejects(request(forger), (error) => NsmError.is(error, "DENIED"), what);
      check();
      await forger.shutdown();
    }
    // Control: what the forger makes with the right key is taken, so it was the token that was refused.
    const right = client(mallory, url, (claims) => es256(claims, mallory.source.identity.svid.key));
    await right.close(await request(right));
    await right.shutdown();
  }

  it("our endpoint refuses them with PermissionDenied, and nothing is left", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const lb = await world.own("lb");
    const endpoint = await world.serveEndpoint(lb);
    const told: string[] = [];
    endpoint.monitor.listen({ pathSegments: [] }, (event) => told.push(event.type));
    const honest = client(await world.own("client"), endpoint.server.url);
    const listeners = endpoint.monitor.listeners;
    await refusesAll(endpoint.server.url, () => {
      assert.equal(endpoint.monitor.connections.size, 0);
      assert.deepEqual(told, ["INITIAL_STATE_TRANSFER"], "nobody heard of it");
    });
    assert.deepEqual(told.splice(0).slice(1), ["UPDATE", "DELETE"], "only the control's");
    const made = await request(honest);
    assert.deepEqual(made.context?.ipContext?.srcIpAddrs, ["10.60.1.2/24"], "no address is taken");
    await forgedRefreshAndClose(made, endpoint.server.url);
    assert.equal(endpoint.monitor.connections.size, 1, "it is as it was");
    await honest.close(made);
    await honest.shutdown();
    await until("no monitor is left", () => endpoint.monitor.listeners === listeners);
    await endpoint.server.close();
  });

  /** Somebody else's connection, with that connection's path and mallory's own tokens. */
  async function forgedRefreshAndClose(made: Connection, url: string): Promise<void> {
    const mallory = await world.own("mallory", HOUR_MS);
    const unsigned = (claims: Claims) => `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`;
    const thief = client(mallory, url, unsigned);
    await assert.rejects(thief.request({ connection: made }), (error) => NsmError.is(error, "DENIED"));
    await thief.shutdown();
  }

  it("the Go endpoint refuses the same ones", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await world.mesh.registry();
    await world.mesh.manager();
    await world.mesh.endpoint();
    await refusesAll(world.mesh.url("endpoint"), () => undefined);
  });

  it("a peer without certificate does not get as far as a token", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const endpoint = await world.serveEndpoint(await world.own("lb"), "tcp://127.0.0.1:0");
    const where = { port: Number(/:(\d+)$/.exec(endpoint.server.url)![1]), host: "127.0.0.1" };
    const nobody = tls.connect({ ...where, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    assert.match(await endOf(nobody), /certificate required/);
    const plain = net.connect(where);
    plain.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await endOf(plain);
    const honest = client(await world.own("client"), endpoint.server.url);
    await honest.close(await request(honest));
    await honest.shutdown();
    await endpoint.server.close();
  });
});

/** How a connection ended. */
function endOf(socket: net.Socket): Promise<string> {
  let why = "";
  socket.on("error", (error) => (why = error.message)).resume();
  return new Promise((resolve) => socket.once("close", () => resolve(why)));
}
