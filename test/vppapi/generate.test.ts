import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiSchema } from "vpp-api-ts/codec";
import type { ApiJson } from "vpp-api-ts/codec";
import { collect } from "../../src/vppapi/generate/compact.ts";
import { generate } from "../../src/vppapi/generate/modules.ts";
import { run } from "../../src/vppapi/generate/main.ts";
import { need, recordings } from "./recordings.ts";

const versions = ["21.06", "22.10", "23.10", "24.10", "25.10", "26.06", "26.10-rc0"];
/** Definitions of what the recordings lack. */
const ours = new URL("../../src/vppapi/definitions/", import.meta.url).pathname;
const checkedIn = new URL("../../src/vppapi/generated/", import.meta.url).pathname;

describe("vpp-api-gen", () => {
  let out: string;
  const write = process.stdout.write.bind(process.stdout);
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), "vpp-api-gen-"));
  });
  afterEach(() => {
    rmSync(out, { recursive: true });
    process.stdout.write = write;
  });

  it("writes what is checked in, from the definitions of all versions", async function () {
    need(this, "api/21.06");
    process.stdout.write = () => true;
    const directories = versions.map((version) => join(recordings, "api", version));
    assert.equal(await run(["--out", out, "--codec", "../codec/index.ts", ours, ...directories]), 0);
    process.stdout.write = write;
    assert.deepEqual(readdirSync(out), readdirSync(checkedIn));
    for (const name of readdirSync(out)) {
      assert.equal(readFileSync(join(out, name), "utf8"), readFileSync(join(checkedIn, name), "utf8"), name);
    }
  });

  it("takes a user's list of messages, replies and details with them", async function () {
    need(this, "api/26.06");
    process.stdout.write = () => true;
    assert.equal(
      await run(["--out", out, "--messages", "bfd_udp_session_dump,bond_c*", join(recordings, "api/26.06")]),
      0,
    );
    process.stdout.write = write;
    const { schemas } = (await import(join(out, "index.ts"))) as { schemas: ApiJson[] };
    const schema = ApiSchema.compile(schemas).compileAll();
    const names = [...schema.messages.values()].map((codec) => codec.name).sort();
    assert.deepEqual(names, [
      "bfd_udp_session_details",
      "bfd_udp_session_dump",
      "bond_create",
      "bond_create2",
      "bond_create2_reply",
      "bond_create_reply",
    ]);
    const whole = ApiSchema.compile([
      JSON.parse(readFileSync(join(recordings, "api/26.06/bond.api.json"), "utf8")) as ApiJson,
    ]);
    const value = { use_custom_mac: true, mac_address: "02:00:00:00:00:01", mode: 2, lb: 1 };
    const create = schema.versionsOf("bond_create")[0];
    assert.deepEqual(create?.encode(5, value), whole.versionsOf("bond_create")[0]?.encode(5, value));
  });

  it("lets no name of a definition become a path or code", () => {
    const evil = "x;process.exit()//";
    const file = (name: string, entry: string, module: string): ApiJson => ({
      module,
      enums: [["e", [entry, 1], { enumtype: "u8" }]],
      messages: [[name, ["u16", "_vl_msg_id"], ["vl_api_e_t", "e"], { crc: "0x00000001" }]],
    });
    const all = (): boolean => true;
    assert.throws(() => collect([file(evil, "A", "m")], all), { code: "SCHEMA" });
    assert.throws(() => collect([file("m", evil, "m")], all), { code: "SCHEMA" });
    const [name] = generate(collect([file("m", "A", "../../m-n")], all), { codec: "vpp-api-ts/codec" }).keys();
    assert.equal(name, "______m_n.ts");
  });

  it("says so when there is nothing to write", async function () {
    need(this, "api/26.06");
    const errors: string[] = [];
    const stderr = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text) => errors.push(String(text)) > 0;
    try {
      assert.equal(await run(["--out", out, "--messages", "nosuch", join(recordings, "api/26.06")]), 1);
      assert.equal(await run([]), 2);
    } finally {
      process.stderr.write = stderr;
    }
    assert.match(errors.join(""), /no such message/);
  });
});
