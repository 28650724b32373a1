import assert from "node:assert/strict";
import { IdentitySource, SpiffeError } from "../../../src/spiffe/index.ts";
import { authority } from "../../spiffe/certificates.ts";
import { until } from "../../sys/support.ts";
import { World } from "./support.ts";

const TEST_TIMEOUT_MS = 60_000;

describe("SPIRE: its Workload API", () => {
  const other = authority("other.test");
  let world: World;

  before(async function () {
    world = await World.open(this, {
      entries: [
        { name: "short", ttlS: 20 },
        { name: "lb", federatesWith: ["other.test"] },
      ],
      bundles: { "other.test": other.certificate.toString() },
    });
  });

  after(() => world?.spire.end());
  beforeEach(() => world.begin());
  afterEach(() => world.end());

  it("gives the identity that is asked for, with federated bundles; not one that is not registered", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const { source } = await world.own("lb");
    assert.deepEqual([...source.identity.bundles.keys()].sort(), ["other.test", "vpplb.test"]);
    assert.ok(source.identity.bundles.get("other.test")![0]!.raw.equals(other.certificate.raw));
    await assert.rejects(
      IdentitySource.open({ socket: world.spire.socket, id: world.spire.id("nobody"), timeoutMs: 1000 }),
      (error) => SpiffeError.is(error, "DENIED") && /asked for: spiffe:\/\/vpplb\.test\/nobody/.test(error.message),
    );
  });

  it("an agent that is killed and comes back: the identity stays, and rotates again", async function () {
    this.timeout(TEST_TIMEOUT_MS);
    const { source } = await world.own("short");
    await world.spire.stopAgent();
    const { expiresMs } = source.identity.svid;
    await world.spire.startAgent();
    await until("it has a new one", () => source.identity.svid.expiresMs > expiresMs, 20_000);
  });
});
