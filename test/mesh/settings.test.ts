import assert from "node:assert/strict";
import { readMeshSettings, type MeshFlags } from "../../src/mesh/index.ts";

const DEFAULTS = { name: "host", listen: "unix:///nsm.sock" };
const read = (flags: MeshFlags, env: Record<string, string> = {}) => readMeshSettings(flags, env, DEFAULTS);

describe("mesh: settings", () => {
  it("flags go before the environment, both before defaults; what is blank is not set", () => {
    const env = {
      NSM_NAME: "node-1",
      NSM_LISTEN_ON: "unix:///a.sock, tcp://127.0.0.1:5001",
      NSM_MAX_TOKEN_LIFETIME: "2m",
      NSM_DIAL_TIMEOUT: " 500ms ",
    };
    const none = { maxTokenLifetimeMs: undefined, maxRegistrationMs: undefined, dialTimeoutMs: undefined };
    assert.deepEqual(read({}), { name: "host", listen: ["unix:///nsm.sock"], ...none });
    const blank = Object.fromEntries(Object.keys(env).map((name) => [name, " "]));
    assert.deepEqual(read({}, blank), read({}));
    assert.deepEqual(read({}, env), {
      name: "node-1",
      listen: ["unix:///a.sock", "tcp://127.0.0.1:5001"],
      ...{ maxTokenLifetimeMs: 120_000, maxRegistrationMs: undefined, dialTimeoutMs: 500 },
    });
    const times = { maxTokenLifetime: "1h", maxRegistration: "30s", dialTimeout: "1m30s" };
    assert.deepEqual(read({ name: "other", listen: ["tcp://[::1]:1"], ...times }, env), {
      name: "other",
      listen: ["tcp://[::1]:1"],
      ...{ maxTokenLifetimeMs: 3_600_000, maxRegistrationMs: 30_000, dialTimeoutMs: 90_000 },
    });
  });

  it("what is no time is refused by the name under which it was given", () => {
    const refused = (flags: MeshFlags, env: Record<string, string>, message: RegExp) =>
      assert.throws(() => read(flags, env), { name: "MeshError", code: "INPUT", message });
    refused({ maxTokenLifetime: "x" }, {}, /^--max-token-lifetime: "x" is no time above 0/);
    refused({ maxRegistration: "0s" }, {}, /^--max-registration: "0s" is no time/);
    refused({ dialTimeout: "" }, { NSM_DIAL_TIMEOUT: "1s" }, /^--dial-timeout: "" is no time/);
    refused({}, { NSM_DIAL_TIMEOUT: "-1s" }, /^NSM_DIAL_TIMEOUT: "-1s" is no time/);
    refused({}, { NSM_MAX_TOKEN_LIFETIME: "87601h" }, /^NSM_MAX_TOKEN_LIFETIME: "87601h" is no time/);
  });
});
