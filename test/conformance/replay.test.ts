/**
 * The recorded requests of VPP 26.06, one after the other, against a fresh embedded dataplane: the replies must be the
 * recorded ones but for ids, times and own addresses.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtinSchema } from "vpp-api-ts/codec";
import { comparable } from "./compare.ts";
import { BareClient, type Fields, type Message } from "./client.ts";
import { addRec0, namespacesMissing, startEmbedded, type Subject } from "./subject.ts";

const RECORDINGS = process.env["VPPLB_RECORDINGS"] ?? new URL("../../../shared/vpp/", import.meta.url).pathname;
const FILE = join(RECORDINGS, "26.06/exchanges.jsonl");

/** Recorded requests that the embedded dataplane doesn't have: memif, tap, GRE interfaces, ACLs, reassembly. */
const UNSUPPORTED = new Set([
  ...[
    "memif_socket_filename_add_del_v2",
    "memif_socket_filename_dump",
    "memif_create_v2",
    "memif_dump",
    "memif_delete",
  ],
  ...["sw_interface_tap_v2_dump", "tap_delete_v2", "gre_tunnel_add_del", "gre_tunnel_dump"],
  ...["acl_add_replace", "acl_interface_set_acl_list", "acl_dump", "acl_interface_list_dump", "acl_del"],
  "ip_reassembly_enable_disable",
]);

/** Interfaces of the recording that only unsupported requests made: memif, GRE. */
const MISSING_INTERFACES = new Set([2, 5]);

interface Step {
  readonly request: Message;
  readonly answers: Message[];
}

interface Line {
  readonly dir: "request" | "reply";
  readonly name: string;
  readonly crc: string;
  readonly hex: string;
}

/** Requests with what came back; pings that only end a dump are the client's own business. */
function readSteps(): Step[] {
  const schema = builtinSchema();
  const steps: Step[] = [];
  for (const text of readFileSync(FILE, "utf8").trim().split("\n")) {
    const line = JSON.parse(text) as Line;
    const codec = schema.messages.get(`${line.name}_${line.crc.slice(2)}`);
    assert.ok(codec, `${line.name} is in the schema`);
    const message: Message = { name: line.name, fields: codec.decode(Buffer.from(line.hex, "hex")) };
    const previous = steps.at(-1);
    if (line.dir === "reply") previous!.answers.push(message);
    else if (line.name === "control_ping" && previous?.request.fields["context"] === message.fields["context"])
      continue;
    else steps.push({ request: message, answers: [] });
  }
  return steps;
}

/** sw_if_index of the recording to ours, everywhere in a message. */
function renumber(value: unknown, indexes: ReadonlyMap<number, number>): unknown {
  if (Array.isArray(value)) return value.map((each) => renumber(each, indexes));
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] =>
    /sw_if_index$/.test(key) ? [key, indexes.get(Number(each)) ?? each] : [key, renumber(each, indexes)],
  );
  return Object.fromEntries(entries);
}

function mentionsMissing(fields: Fields): boolean {
  return Object.entries(fields).some(
    ([key, value]) => /sw_if_index$/.test(key) && MISSING_INTERFACES.has(Number(value)),
  );
}

/** What was recorded, without the interfaces that aren't here. */
function expected(step: Step, indexes: ReadonlyMap<number, number>): Message[] {
  const kept = step.answers.filter(({ name }) => !name.endsWith("_event") && name !== "control_ping_reply");
  const own =
    step.request.name === "control_ping" ? step.answers : kept.filter(({ fields }) => !mentionsMissing(fields));
  return own.map(({ name, fields }) => {
    const renumbered = renumber(fields, indexes) as Fields;
    if (name !== "bridge_domain_details") return { name, fields: renumbered };
    const members = (fields["sw_if_details"] as Fields[]).filter((member) => !mentionsMissing(member));
    const sw_if_details = renumber(members, indexes);
    return { name, fields: { ...renumbered, n_sw_ifs: members.length, sw_if_details } };
  });
}

/** Both sides without what is an id of the connection. */
function plain(messages: readonly Message[]): unknown[] {
  return comparable(messages).map((message) => {
    const { name, fields } = message as { name: string; fields: Fields };
    return { name, fields: { ...fields, context: "*" } };
  });
}

describe("recorded exchanges of VPP 26.06", function () {
  this.timeout(60_000);
  let subject: Subject | undefined;

  before(async function () {
    const reason = existsSync(FILE) ? namespacesMissing() : `no recordings at ${FILE}`;
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    subject = await startEmbedded(addRec0);
  });
  after(() => subject?.stop());

  it("are answered as recorded", async () => {
    const client = await BareClient.connect(subject!.api);
    const indexes = new Map<number, number>([[0, 0]]);
    const compared = new Set<string>();
    const faults: string[] = [];
    for (const [at, step] of readSteps().entries()) {
      const { name } = step.request;
      if (UNSUPPORTED.has(name) || mentionsMissing(step.request.fields)) continue;
      assert.ok(client.has(name), `${name} is neither served nor listed as unsupported`);
      const { client_index: _index, context: _context, ...fields } = renumber(step.request.fields, indexes) as Fields;
      const answers = await client.exchange(name, fields);
      noteInterface(step, answers, indexes);
      const [mine, recorded] = [plain(answers), plain(expected(step, indexes))];
      compared.add(name);
      if (JSON.stringify(mine) !== JSON.stringify(recorded)) {
        faults.push(`${at} ${name}\n  ours     ${JSON.stringify(mine)}\n  recorded ${JSON.stringify(recorded)}`);
      }
    }
    client.close();
    assert.deepEqual(faults, []);
    assert.ok(compared.size >= 30, `${compared.size} kinds of requests were compared`);
  });

  it("leave out nothing but the listed requests", () => {
    const names = new Set(readSteps().map((step) => step.request.name));
    for (const name of UNSUPPORTED) assert.ok(names.has(name), `${name} is recorded`);
  });
});

/** A reply that names a new interface tells which of ours is which of the recording's. */
function noteInterface(step: Step, answers: readonly Message[], indexes: Map<number, number>): void {
  if (!/create/.test(step.request.name)) return;
  const recorded = step.answers.find(({ name }) => name.endsWith("_reply"))?.fields;
  const ours = answers.find(({ name }) => name.endsWith("_reply"))?.fields;
  if (recorded?.["retval"] !== 0 || ours?.["retval"] !== 0) return;
  indexes.set(Number(recorded["sw_if_index"]), Number(ours["sw_if_index"]));
}
