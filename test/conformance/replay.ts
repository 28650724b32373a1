/** Replays recorded exchanges against the embedded dataplane: replies must be the recorded ones but for ids and times. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { builtinSchema } from "vpp-api-ts/codec";
import { comparable } from "./compare.ts";
import { BareClient, type Fields, type Message } from "./client.ts";

export interface Recording {
  readonly file: string;
  /** Requests that the embedded dataplane does not have. */
  readonly unsupported: ReadonlySet<string>;
  /** Interfaces of the recording that only unsupported requests made. */
  readonly missingInterfaces: ReadonlySet<number>;
  /** Steps whose answers differ on purpose: the recorded ones were VPP's misbehaviour, or a newer VPP's. */
  readonly isExcepted?: (step: Step) => boolean;
}

export interface Step {
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
export function readSteps(file: string): Step[] {
  const schema = builtinSchema();
  const steps: Step[] = [];
  for (const text of readFileSync(file, "utf8").trim().split("\n")) {
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

/** The recording's directory of sockets is the subject's own here. */
function relocate<T>(value: T, directory: string): T {
  const moved = (text: string): string => text.replaceAll(/\/run\/vpp(lb)?(?=\/)/g, directory);
  if (typeof value === "string") return moved(value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => relocate(each, directory)) as T;
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, relocate(each as unknown, directory)]),
  ) as T;
}

function mentionsMissing(fields: Fields, missing: ReadonlySet<number>): boolean {
  return Object.entries(fields).some(([key, value]) => /sw_if_index$/.test(key) && missing.has(Number(value)));
}

/** What was recorded, without the interfaces that aren't here. */
function expected(step: Step, indexes: ReadonlyMap<number, number>, missing: ReadonlySet<number>): Message[] {
  const kept = step.answers.filter(({ name }) => !name.endsWith("_event") && name !== "control_ping_reply");
  const own =
    step.request.name === "control_ping"
      ? step.answers
      : kept.filter(({ fields }) => !mentionsMissing(fields, missing));
  return own.map(({ name, fields }) => {
    const renumbered = renumber(fields, indexes) as Fields;
    if (name !== "bridge_domain_details") return { name, fields: renumbered };
    const members = (fields["sw_if_details"] as Fields[]).filter((member) => !mentionsMissing(member, missing));
    const sw_if_details = renumber(members, indexes);
    return { name, fields: { ...renumbered, n_sw_ifs: members.length, sw_if_details } };
  });
}

/** Both sides without what is an id of the connection. */
function plain(messages: readonly Message[]): unknown[] {
  return comparable(messages).map((message) => {
    const { name, fields } = message as { name: string; fields: Fields };
    const plainFields = { ...fields, context: "*" };
    return {
      name,
      fields: typeof fields["reply"] === "string" ? { ...plainFields, reply: fibText(fields["reply"]) } : plainFields,
    };
  });
}

/** Indexes of pools in texts of the FIB: ids, some of which VPP gives to multicast and MPLS. */
function fibText(text: string): string {
  return text
    .replace(/(path-list:\[|path:\[|pl-index:|index:|uPRF-list:|uRPF:|via-fib:|dpo-load-balance:|cover:)\d+/g, "$1*")
    .replace(/\[@\d+\]/g, "[@*]");
}

/** @returns names of compared requests, and what was answered otherwise than recorded */
export async function replay(api: string, recording: Recording): Promise<{ compared: Set<string>; faults: string[] }> {
  const client = await BareClient.connect(api);
  const indexes = new Map<number, number>([[0, 0]]);
  const compared = new Set<string>();
  const faults: string[] = [];
  const { missingInterfaces: missing } = recording;
  for (const [at, step] of relocate(readSteps(recording.file), dirname(api)).entries()) {
    const { name } = step.request;
    if (recording.unsupported.has(name) || mentionsMissing(step.request.fields, missing)) continue;
    assert.ok(client.has(name), `${name} is neither served nor listed as unsupported`);
    const { client_index: _index, context: _context, ...fields } = renumber(step.request.fields, indexes) as Fields;
    const answers = await client.exchange(name, fields);
    noteInterface(step, answers, indexes);
    if (recording.isExcepted?.(step) === true) continue;
    const [mine, recorded] = [plain(answers), plain(expected(step, indexes, missing))];
    compared.add(name);
    if (JSON.stringify(mine) !== JSON.stringify(recorded)) {
      faults.push(`${at} ${name}\n  ours     ${JSON.stringify(mine)}\n  recorded ${JSON.stringify(recorded)}`);
    }
  }
  client.close();
  return { compared, faults };
}

/** A reply that names a new interface tells which of ours is which of the recording's. */
function noteInterface(step: Step, answers: readonly Message[], indexes: Map<number, number>): void {
  if (!/create/.test(step.request.name)) return;
  const recorded = step.answers.find(({ name }) => name.endsWith("_reply"))?.fields;
  const ours = answers.find(({ name }) => name.endsWith("_reply"))?.fields;
  if (recorded?.["retval"] !== 0 || ours?.["retval"] !== 0) return;
  indexes.set(Number(recorded["sw_if_index"]), Number(ours["sw_if_index"]));
}
