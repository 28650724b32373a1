/** Two subjects that get the same calls, and what they answer differently. */
import { comparable } from "./compare.ts";
import { BareClient, type Message } from "./client.ts";
import type { Command } from "./commands.ts";
import type { Subject } from "./subject.ts";

export interface Difference {
  /** Position in the sequence. */
  readonly at: number;
  readonly command: Command;
  readonly embedded: unknown;
  readonly vpp: unknown;
}

/** Stands for the comparison of all events at the end. */
const EVENTS: Command = { kind: "cli", line: "(events)" };

/** All events so far; VPP sends them when the request that caused them is done, which two more requests make sure of. */
async function eventsOf(client: BareClient): Promise<unknown> {
  for (let i = 0; i < 2; i += 1) await client.exchange("control_ping");
  return comparable(client.events);
}

/** What a subject answered, or as a string that it didn't: then it is gone. */
async function answerOrDeath(client: BareClient, command: Command): Promise<unknown> {
  try {
    return await answer(client, command);
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export async function answer(client: BareClient, command: Command): Promise<unknown> {
  if (command.kind === "api") return comparable(await client.exchange(command.name, command.fields));
  const messages: Message[] = await client.exchange("cli_inband", { cmd: command.line });
  return comparable(messages);
}

/** Runs the calls on both, one after the other on each, and stops at the first answer that differs. */
export async function firstDifference(
  embedded: Subject,
  vpp: Subject,
  commands: readonly Command[],
): Promise<Difference | undefined> {
  const [left, right] = await Promise.all([BareClient.connect(embedded.api), BareClient.connect(vpp.api)]);
  try {
    return (await differenceIn(left, right, commands)) ?? (await differenceOfEvents(left, right, commands.length));
  } finally {
    left.close();
    right.close();
  }
}

/** The first answer that differs. `seen` gets VPP's answers. */
export async function differenceIn(
  left: BareClient,
  right: BareClient,
  commands: readonly Command[],
  seen: (answer: unknown) => void = () => {},
): Promise<Difference | undefined> {
  for (const [at, command] of commands.entries()) {
    const [mine, theirs] = await Promise.all([answerOrDeath(left, command), answerOrDeath(right, command)]);
    if (typeof theirs === "string" && typeof mine !== "string") {
      // What ends VPP has no right answer; that the embedded dataplane lives is all that can be asked.
      console.log(`      VPP ended at ${JSON.stringify(command, bytesAsHex)} (${at} calls compared)`);
      return undefined;
    }
    if (JSON.stringify(mine) !== JSON.stringify(theirs)) return { at, command, embedded: mine, vpp: theirs };
    seen(theirs);
  }
  return undefined;
}

export async function differenceOfEvents(
  left: BareClient,
  right: BareClient,
  at: number,
): Promise<Difference | undefined> {
  if (left.isClosed || right.isClosed) return undefined;
  const [mine, theirs] = await Promise.all([eventsOf(left), eventsOf(right)]);
  if (JSON.stringify(mine) === JSON.stringify(theirs)) return undefined;
  return { at, command: EVENTS, embedded: mine, vpp: theirs };
}

export function describeDifference(difference: Difference, commands: readonly Command[]): string {
  const lines = commands.slice(0, difference.at + 1).map((command) => JSON.stringify(command, bytesAsHex));
  return [...lines, ...differingLines("", difference.embedded, difference.vpp)].join("\n");
}

/** One line per place where two values differ. */
function differingLines(path: string, embedded: unknown, vpp: unknown): string[] {
  if (JSON.stringify(embedded) === JSON.stringify(vpp)) return [];
  const areObjects = [embedded, vpp].every((value) => typeof value === "object" && value !== null);
  if (!areObjects || Array.isArray(embedded) !== Array.isArray(vpp)) {
    return [`${path}: embedded ${JSON.stringify(embedded)}, VPP ${JSON.stringify(vpp)}`];
  }
  const [left, right] = [embedded as Record<string, unknown>, vpp as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return keys.flatMap((key) => differingLines(`${path}.${key}`, left[key], right[key]));
}

export function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
