import {
  contains,
  emptyVpp,
  hostPrefix,
  type DiffInput,
  type ObservedState,
  type ObservedVip,
} from "../bridge/index.ts";
import {
  toObserved,
  type FlushRecord,
  type Life,
  type Past,
  type TablePeriod,
  type Ways,
  type WaysPeriod,
} from "../history/index.ts";
import { ControllerError } from "./errors.ts";
import { explain } from "./explain.ts";
import { emptyState } from "./results.ts";
import type { ExplainResult, Flow, PastExplanation, PastPlace } from "./types.ts";

/** So many changes of the tables are followed back from a time; a flow of before them is an old one indeed. */
const MAX_SEGMENTS = 200;
/** VPP's own (plugins/lb/lb.h, LB_DEFAULT_FLOW_TIMEOUT). */
const DEFAULT_FLOW_TIMEOUT_S = 40;

const iso = (ms: number): string => new Date(ms).toISOString();

/** Between two changes of what the flow's way depends on. */
interface Segment {
  readonly fromMs: number;
  /** Absent: it lasts. */
  readonly untilMs?: number;
  /** Certain until then; the change came between that and `untilMs`. */
  readonly lastMs?: number;
  readonly result: ExplainResult;
}

/** What a flow's way followed from over a life of VPP. */
interface History {
  /** Of each table that may have been concerned. */
  readonly tables: readonly TablePeriod[][];
  readonly ways: readonly WaysPeriod[];
}

export interface PastQuestion {
  readonly flow: Flow;
  readonly atMs: number;
  readonly nowMs: number;
}

/**
 * Which server a flow had at a time past: from the tables as they were, rebuilt, and from what is known of flows that
 * began earlier. @throws ControllerError INPUT for a time to come; MaglevError for a flow that is none
 */
export function explainPast({ flow, atMs, nowMs }: PastQuestion, past: Past): PastExplanation {
  if (atMs > nowMs) throw new ControllerError("INPUT", `${iso(atMs)} is in the future`);
  const base = { flow, at: iso(atMs), flowTimeoutS: flowTimeoutOf(past, atMs), candidates: [] };
  const unknown = (why: string): PastExplanation => ({ ...base, certainty: "unknown", steps: [why] });
  const beginsMs = past.beginsMs();
  if (beginsMs === undefined) return unknown("the history is empty: nothing has been recorded yet");
  if (atMs < beginsMs) return unknown(`the history begins at ${iso(beginsMs)}: of before nothing is known`);
  const life = lifeAt(past.lives(), atMs);
  if (life === undefined) return unknown("no VPP had been met by then");
  if (life.gone !== undefined) return unknown(life.gone);
  return explainIn(life.life, { flow, atMs, nowMs }, past, base);
}

function explainIn(
  life: Life,
  { flow, atMs, nowMs }: PastQuestion,
  past: Past,
  base: Pick<PastExplanation, "flow" | "at" | "flowTimeoutS">,
): PastExplanation {
  const ways = past.ways(life.incarnation);
  const anchors = new Set(
    ways.flatMap((one) => one.ways?.desired.steered?.streams ?? []).map((stream) => stream.anchor),
  );
  const vips = past
    .vips(life.incarnation)
    .filter((key) => anchors.has(key) || contains(key.split(" ")[0]!, hostPrefix(flow.dst)));
  const histories: History = { tables: vips.map((key) => past.periods(key, life.incarnation)), ways };
  const segments = segmentsOf(flow, histories, atMs, life.seenMs);
  const present = segments[0]!;
  const { result } = present;
  const flushes = [...tablesOf(result, histories), "*"].flatMap((key) => past.flushes(key, life.incarnation));
  const candidates = candidatesOf(segments, flushes, atMs);
  const changing = present.lastMs !== undefined && atMs > present.lastMs ? present.untilMs : undefined;
  if (changing !== undefined) candidates.unshift(...successorsOf(flow, histories, changing, life.seenMs));
  const watched = isWatched(past, atMs, nowMs);
  // The flow may be older than all that is known of its VIP, unless that VIP was seen not to be there before.
  const knownFromStart =
    histories.tables.every((periods) => (periods[0]?.afterMs ?? 0) > 0) && segments.length < MAX_SEGMENTS;
  const sure = knownFromStart && new Set(candidates.map((one) => one.server)).size <= 1;
  const certainty = changing !== undefined ? "unclear" : !watched ? "presumed" : sure ? "certain" : "new-flows";
  const { seenMs: _seen, endedMs: _ended, ...vpp } = life;
  const { flow: _flow, steps, checked: _checked, encap: _encap, ...place } = result;
  return {
    ...base,
    ...place,
    certainty,
    candidates,
    vpp,
    steps: [
      ...steps.filter((step) => !step.startsWith("a flow that is in the sticky table")),
      ...stepsOf({ present, changing, watched, knownFromStart, candidates, life, flowTimeoutS: base.flowTimeoutS }),
    ],
  };
}

/** Keys of the tables in which the flow may be sticky. */
function tablesOf({ vip, stream }: ExplainResult, { ways }: History): string[] {
  if (stream === undefined) return vip === undefined ? [] : [vip];
  const streams = ways.flatMap((one) => one.ways?.desired.steered?.streams ?? []);
  return [
    ...new Set(streams.filter((one) => one.name === stream).map((one) => one.anchor)),
    ...(vip === undefined ? [] : [vip]),
  ];
}

interface Findings {
  readonly present: Segment;
  readonly changing: number | undefined;
  readonly watched: boolean;
  readonly knownFromStart: boolean;
  readonly candidates: readonly PastPlace[];
  readonly life: Life;
  readonly flowTimeoutS: number;
}

function stepsOf({ present, changing, watched, knownFromStart, candidates, life, flowTimeoutS }: Findings): string[] {
  const steps = [`VPP showed this table from ${iso(present.fromMs)} on`];
  if (changing !== undefined) {
    steps.push(
      `the table was changing: it was seen as before at ${iso(present.lastMs!)}, and changed at ${iso(changing)}`,
    );
  }
  if (!watched)
    steps.push("no controller watched VPP at that time: it is taken to have been as it was before and after");
  if (new Set(candidates.map((one) => one.server)).size > 1) {
    steps.push(
      `a flow keeps the server of when it began, or of when it went on after a pause of ${flowTimeoutS} s, as long as that one is not flushed: see the candidates`,
    );
  }
  if (!knownFromStart) steps.push("a flow may be older than what is known of its VIP");
  if (life.incarnation > 1) steps.push(`VPP was met anew at ${iso(life.seenMs)}: its sticky table was empty then`);
  return steps;
}

/** The life of VPP at a time, or why there was none. */
function lifeAt(lives: readonly Life[], atMs: number): { life: Life; gone?: string } | undefined {
  const started = ({ startedAt, seenMs }: Life) =>
    Math.min(seenMs, startedAt === undefined ? seenMs : Date.parse(startedAt));
  const index = lives.findLastIndex((life) => life.seenMs <= atMs);
  const life = lives[index];
  if (life === undefined) return undefined;
  const next = lives[index + 1];
  if (next === undefined || atMs < started(next)) return { life };
  return {
    life,
    gone: `VPP had been restarted at ${iso(started(next))} and was met at ${iso(next.seenMs)}: until it was programmed, it had no VIP`,
  };
}

/** Newest first, from the one at the time back. At least one. */
function segmentsOf(flow: Flow, { tables, ways }: History, atMs: number, beginMs: number): Segment[] {
  const all: readonly (readonly Omit<TablePeriod, "table">[])[] = [...tables, ways];
  const changes = all.flat().map((period) => period.seenMs);
  const starts = [...new Set([beginMs, ...changes])].filter((ms) => ms <= atMs).sort((a, b) => b - a);
  const next = Math.min(...changes.filter((ms) => ms > atMs));
  let untilMs = Number.isFinite(next) ? next : undefined;
  const segments: Segment[] = [];
  for (const fromMs of starts.slice(0, MAX_SEGMENTS)) {
    const periods = tables.flatMap((history) => history.findLast((period) => period.seenMs <= fromMs) ?? []);
    const way = ways.findLast((period) => period.seenMs <= fromMs)?.ways;
    const ends = all.flatMap((history) => history.filter((one) => one.seenMs === untilMs).map((one) => one.afterMs));
    const lastMs = ends.length === 0 ? undefined : Math.max(fromMs, Math.min(...ends));
    segments.push({
      fromMs,
      ...(untilMs === undefined ? {} : { untilMs }),
      ...(lastMs === undefined ? {} : { lastMs }),
      result: explain(flow, inputOf(periods, way)),
    });
    untilMs = fromMs;
  }
  return segments;
}

/** As much of desired and observed state as a flow's way depends on. */
function inputOf(periods: readonly TablePeriod[], ways: Ways | undefined): DiffInput {
  const nothing = new Set<never>();
  return {
    desired: { ...emptyState(), ...ways?.desired },
    observed: { ...stateOf(periods), ...ways?.observed },
    owned: { vips: nothing, routes: nothing, neighbors: nothing, pendingInterfaces: nothing, bridges: nothing },
  };
}

function stateOf(periods: readonly TablePeriod[]): ObservedState {
  const tables = periods.flatMap((period) => period.table ?? []);
  const vips: ObservedVip[] = tables.map(toObserved);
  const weights = tables.some((table) => table.weighted);
  const features = { version: "", weights, lbConfGet: false, srcIpSticky: true, garbageByCli: false };
  return { ...emptyVpp(features, { ip4Source: "", ip6Source: "", flows: 0 }), vips };
}

/** Where the flow was by when it began; neighbours with the same server are one. */
function candidatesOf(segments: readonly Segment[], flushes: readonly FlushRecord[], atMs: number): PastPlace[] {
  const places: { fromMs: number; untilMs?: number; server?: string }[] = [];
  for (const { fromMs, untilMs, result } of segments) {
    const { server } = result;
    const flushed = flushes.filter((one) => one.atMs <= atMs && (one.server === "*" || one.server === server));
    const lastFlushMs = Math.max(0, ...flushed.map((one) => one.atMs));
    // What began before its server was flushed began anew then, under a table that is looked at by itself.
    const startMs = Math.max(fromMs, lastFlushMs);
    const isPresent = untilMs === undefined || untilMs > atMs;
    if (!isPresent && startMs >= untilMs) continue;
    // A flow without a server never becomes sticky.
    if (!isPresent && server === undefined) continue;
    const last = places.at(-1);
    if (last !== undefined && last.server === server && last.fromMs === untilMs) last.fromMs = startMs;
    else {
      const end = isPresent ? undefined : untilMs;
      places.push({
        fromMs: startMs,
        ...(end === undefined ? {} : { untilMs: end }),
        ...(server === undefined ? {} : { server }),
      });
    }
  }
  return places.map(({ fromMs, untilMs, server }) => ({
    from: iso(fromMs),
    ...(untilMs === undefined ? {} : { until: iso(untilMs) }),
    ...(server === undefined ? {} : { server }),
  }));
}

/** What came with the change that was under way. */
function successorsOf(flow: Flow, histories: History, atMs: number, beginMs: number): PastPlace[] {
  const { result, fromMs } = segmentsOf(flow, histories, atMs, beginMs)[0]!;
  return [{ from: iso(fromMs), ...(result.server === undefined ? {} : { server: result.server }) }];
}

function isWatched(past: Past, atMs: number, nowMs: number): boolean {
  const watches = past.watches();
  return watches.some(({ fromMs, untilMs }, index) => {
    const openMs = index === watches.length - 1 ? nowMs : fromMs;
    return atMs >= fromMs && atMs <= (untilMs ?? openMs);
  });
}

function flowTimeoutOf(past: Past, atMs: number): number {
  const conf = past.desiredAt(atMs)?.["lbConf"] as { readonly flowTimeoutS?: unknown } | undefined;
  return typeof conf?.flowTimeoutS === "number" ? conf.flowTimeoutS : DEFAULT_FLOW_TIMEOUT_S;
}
