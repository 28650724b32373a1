import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type tls from "node:tls";
import {
  parseSpiffeId,
  secureClient,
  SpiffeError,
  spiffeServer,
  type Bundles,
  type Identity,
  type PeerPolicy,
} from "../../src/spiffe/index.ts";
import { authority, bundlesOf, identityOf, issue, type Issued } from "./certificates.ts";

interface Outcome {
  readonly client: string;
  readonly server: string;
}

/** What each side comes to when they meet: "ok", or the code of its error. */
async function meet(client: Identity, server: Identity, policy?: PeerPolicy): Promise<Outcome> {
  const open: (net.Socket | tls.TLSSocket)[] = [];
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const ofError = (error: unknown) => (error instanceof SpiffeError ? error.code : String(error));
  const taken = new Promise<string>((resolve) =>
    listener.once("connection", (socket) => {
      open.push(socket);
      socket.on("error", () => undefined);
      spiffeServer(
        () => server,
        policy,
      )(socket).then(
        (secured) => {
          open.push(secured.on("error", () => undefined));
          secured.write("ready");
          resolve("ok");
        },
        (error: unknown) => resolve(ofError(error)),
      );
    }),
  );
  const socket = net.connect((listener.address() as net.AddressInfo).port, "127.0.0.1");
  open.push(socket.on("error", () => undefined));
  // In TLS 1.3 a client hears of its own refusal only after its handshake is done.
  const made = secureClient(socket, client).then(
    async (secured) => {
      open.push(secured);
      const text = await new Promise<string>((resolve) => {
        secured.once("data", () => resolve("ok"));
        secured.once("error", () => resolve("refused"));
        secured.once("close", () => resolve("refused"));
      });
      return text;
    },
    (error: unknown) => ofError(error),
  );
  const outcome = { client: await made, server: await taken };
  for (const each of open) each.destroy();
  listener.close();
  return outcome;
}

describe("spiffe: mutual TLS", () => {
  const [a, b] = [authority("a.test"), authority("b.test")];
  const ofA = bundlesOf({ "a.test": [a] });
  const ofBoth = bundlesOf({ "a.test": [a], "b.test": [b] });
  const svid = (id: string, issuer: Issued, bundles: Bundles) => identityOf(bundles, issue({ uris: [id] }, issuer));
  const lb = svid("spiffe://a.test/lb", a, ofA);

  it("two of one trust domain, also with an intermediate authority", async () => {
    assert.deepEqual(await meet(svid("spiffe://a.test/client", a, ofA), lb), { client: "ok", server: "ok" });
    const between = issue({ subject: "between", ca: true }, a);
    const deep = identityOf(ofA, issue({ uris: ["spiffe://a.test/deep"] }, between), between);
    assert.deepEqual(await meet(deep, lb), { client: "ok", server: "ok" });
    assert.deepEqual(await meet(lb, deep), { client: "ok", server: "ok" });
  });

  it("federated trust domains, if both have the other's bundle", async () => {
    const [ours, theirs] = [svid("spiffe://a.test/lb", a, ofBoth), svid("spiffe://b.test/client", b, ofBoth)];
    assert.deepEqual(await meet(theirs, ours), { client: "ok", server: "ok" });
    assert.deepEqual(await meet(theirs, lb), { client: "refused", server: "UNTRUSTED" });
    assert.equal((await meet(lb, theirs)).client, "UNTRUSTED");
  });

  it("an authority that is trusted for another trust domain vouches for nobody in this one", async () => {
    const liar = svid("spiffe://a.test/lb", b, ofBoth);
    const ours = svid("spiffe://a.test/client", a, ofBoth);
    assert.deepEqual(await meet(liar, ours), { client: "refused", server: "UNTRUSTED" });
    assert.equal((await meet(ours, liar)).client, "UNTRUSTED");
  });

  it("what only the TLS library checks: the length of a path of authorities", async () => {
    const short = authority("a.test", { pathLength: 0 });
    const bundles = bundlesOf({ "a.test": [short] });
    const between = issue({ subject: "between", ca: true }, short);
    const tooLong = identityOf(bundles, issue({ uris: ["spiffe://a.test/x"] }, between), between);
    const ours = svid("spiffe://a.test/lb", short, bundles);
    assert.deepEqual(await meet(tooLong, ours), { client: "refused", server: "UNTRUSTED" });
    assert.equal((await meet(ours, tooLong)).client, "UNTRUSTED");
  });

  it("refuses who has expired, and who does not fit the policy", async () => {
    const nowMs = Date.now();
    const old = identityOf(ofA, issue({ uris: ["spiffe://a.test/old"], fromMs: nowMs - 9e6, toMs: nowMs - 1e6 }, a));
    assert.deepEqual(await meet(old, lb), { client: "refused", server: "UNTRUSTED" });
    assert.equal((await meet(lb, old)).client, "UNTRUSTED");
    const only: PeerPolicy = (id) => {
      assert.deepEqual(id, parseSpiffeId(id.text));
      if (id.path !== "/client") throw new SpiffeError("UNTRUSTED", `${id.text} is not expected here`);
    };
    const client = svid("spiffe://a.test/client", a, ofA);
    assert.deepEqual(await meet(client, lb, only), { client: "ok", server: "ok" });
    assert.deepEqual(await meet(lb, lb, only), { client: "refused", server: "UNTRUSTED" });
  });

  it("a peer that is silent, or speaks no TLS, ends as UNAVAILABLE", async () => {
    const listener = net.createServer((socket) => socket.end("hello\n")).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const socket = net.connect((listener.address() as net.AddressInfo).port, "127.0.0.1");
    await assert.rejects(secureClient(socket, lb), (error) => SpiffeError.is(error, "UNAVAILABLE"));
    listener.close();
  });
});
