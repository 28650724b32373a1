import type { DemoFlow, Prediction } from "./prediction.ts";

/** A connection that the demo holds, as its client sees it. */
export interface HeldFlow {
  /** Which batch it was opened with, from 1. */
  readonly batch: number;
  readonly flow: DemoFlow;
  /** The name that the server answered; undefined: never connected. */
  readonly server: string | undefined;
  readonly broken: boolean;
  /** Its client was done with it. */
  readonly closed?: boolean;
  /** A name other than the first came over the same connection. */
  readonly changedServer: boolean;
}

/** How a fresh batch compares with the table. */
export interface BatchJudgement {
  readonly opened: number;
  readonly failed: number;
  /** Went to another server than the table says. */
  readonly elsewhere: number;
  /** Connections by server: seen and predicted. */
  readonly byServer: Readonly<Record<string, { readonly seen: number; readonly predicted: number }>>;
  readonly good: boolean;
}

/** Judges connections opened just now; every one must reach the server that the table names. */
export function judgeBatch(flows: readonly HeldFlow[], prediction: Prediction): BatchJudgement {
  const byServer: Record<string, { seen: number; predicted: number }> = {};
  const of = (name: string) => (byServer[name] ??= { seen: 0, predicted: 0 });
  let elsewhere = 0;
  for (const { flow, server } of flows) {
    const predicted = prediction.serverOf(flow);
    if (predicted !== undefined) of(predicted).predicted++;
    if (server !== undefined) of(server).seen++;
    if (server !== undefined && server !== predicted) elsewhere++;
  }
  const failed = flows.filter((flow) => flow.server === undefined || flow.broken).length;
  return { opened: flows.length, failed, elsewhere, byServer, good: failed === 0 && elsewhere === 0 };
}

/** What a step may do to connections that were open before it. */
export type Expectation = "none" | { readonly killed: string } | { readonly stickinessLostTo: Prediction };

/** What a step did to connections that were open before it. */
export interface HeldCounts {
  readonly held: number;
  readonly broke: number;
  /** Of those that broke, not named by the prediction. */
  readonly unexpected: number;
  readonly changedServer: number;
  /** How many the prediction names. */
  readonly predicted: number;
}

export interface HeldJudgement extends HeldCounts {
  /** The same by the batch that they were opened with. */
  readonly byBatch: Readonly<Record<number, HeldCounts>>;
  readonly good: boolean;
}

const NOTHING: HeldCounts = { held: 0, broke: 0, unexpected: 0, changedServer: 0, predicted: 0 };

/**
 * Judges connections that were alive before the step. `before` and `after` are the same connections in the same order.
 */
export function judgeHeld(
  before: readonly HeldFlow[],
  after: readonly HeldFlow[],
  expected: Expectation,
): HeldJudgement {
  const byBatch: Record<number, HeldCounts> = {};
  let all = NOTHING;
  before.forEach((was, index) => {
    if (was.broken || was.closed === true || was.server === undefined) return;
    const counts = count(was, after[index]!, expected);
    all = add(all, counts);
    byBatch[was.batch] = add(byBatch[was.batch] ?? NOTHING, counts);
  });
  return { ...all, byBatch, good: all.unexpected === 0 && all.changedServer === 0 };
}

function count(was: HeldFlow, is: HeldFlow, expected: Expectation): HeldCounts {
  const mayBreak = named(was, expected);
  return {
    held: 1,
    broke: Number(is.broken),
    unexpected: Number(is.broken && !mayBreak),
    changedServer: Number(is.changedServer),
    predicted: Number(mayBreak),
  };
}

function add(a: HeldCounts, b: HeldCounts): HeldCounts {
  return {
    held: a.held + b.held,
    broke: a.broke + b.broke,
    unexpected: a.unexpected + b.unexpected,
    changedServer: a.changedServer + b.changedServer,
    predicted: a.predicted + b.predicted,
  };
}

function named({ flow, server }: HeldFlow, expected: Expectation): boolean {
  if (expected === "none") return false;
  if ("killed" in expected) return server === expected.killed;
  return expected.stickinessLostTo.serverOf(flow) !== server;
}
