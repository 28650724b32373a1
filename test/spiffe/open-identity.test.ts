import assert from "node:assert/strict";
import { openIdentity, type IdentityOptions } from "../../src/roles/nsm-identity.ts";
import { SpiffeError } from "../../src/spiffe/index.ts";

const VARIABLES = ["SPIFFE_ENDPOINT_SOCKET", "NSM_INSECURE"];

describe("spiffe: which identity a role takes", () => {
  const before = VARIABLES.map((name) => process.env[name]);

  beforeEach(() => VARIABLES.forEach((name) => delete process.env[name]));
  after(() =>
    VARIABLES.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }),
  );

  const open = (options: Partial<IdentityOptions>) =>
    openIdentity({ name: "lb", timeoutMs: 200, ...options }, new AbortController().signal);
  const refused = (code: string, text: RegExp) => (error: unknown) =>
    error instanceof SpiffeError && error.code === code && text.test(error.message);

  it("none is given: it says what to do, and nothing falls back to clear text", async () => {
    await assert.rejects(open({}), refused("INPUT", /SPIFFE_ENDPOINT_SOCKET.*--insecure.*NSM_INSECURE/s));
    await assert.rejects(open({ insecure: false }), refused("INPUT", /--insecure/));
    process.env["NSM_INSECURE"] = "false";
    await assert.rejects(open({}), refused("INPUT", /--insecure/));
  });

  it("clear text when it is asked for by name", async () => {
    for (const options of [{ insecure: true }, {}]) {
      if (options.insecure === undefined) process.env["NSM_INSECURE"] = "true";
      const identity = await open(options);
      assert.equal(identity.id, undefined);
      assert.equal(identity.authorize, false);
      assert.deepEqual(identity.server, {});
      assert.equal((await identity.tokens(undefined)).token.split(".").length, 3);
      identity.close();
    }
  });

  it("both are asked for, or what is asked for is malformed: refused", async () => {
    await assert.rejects(open({ insecure: true, spiffeSocket: "unix:///run/none" }), refused("INPUT", /both/));
    process.env["SPIFFE_ENDPOINT_SOCKET"] = "/run/none";
    await assert.rejects(open({}), refused("INPUT", /unix:\/\/\/path/));
    process.env["NSM_INSECURE"] = "maybe";
    await assert.rejects(open({}), refused("INPUT", /NSM_INSECURE is true or false/));
    process.env["NSM_INSECURE"] = "true";
    await assert.rejects(open({}), refused("INPUT", /both/));
    const identity = await open({ insecure: true });
    assert.equal(identity.id, undefined, "an option goes before the environment");
  });

  it("nobody serves the Workload API: it says so when the time is over", async () => {
    process.env["SPIFFE_ENDPOINT_SOCKET"] = "unix:///nonexistent/agent.sock";
    await assert.rejects(open({}), refused("UNAVAILABLE", /Workload API/));
  });
});
