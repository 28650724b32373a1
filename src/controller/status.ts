import { tableDigests, vipKey, type TableDigest } from "../bridge/index.ts";
import { othersText, untrackedPackets, untrackedText } from "./alarms.ts";
import type { VppLink } from "./link.ts";
import type { Replicas } from "./replicas.ts";
import type { Reconciler } from "./reconciler.ts";
import type { ConfigStatus, ControllerStatus, Counts, SyncStatus, VppStatus } from "./types.ts";

/** What a controller's status is made of. */
export interface StatusParts {
  readonly startedMs: number;
  /** ISO 8601. */
  readonly vppSince: string;
  readonly config: ConfigStatus;
  readonly link: VppLink;
  readonly reconciler: Reconciler;
  /** What is wrong with the state file. */
  readonly stateWarnings: readonly string[];
  readonly replicas: Replicas;
}

const isoTime = (ms: number) => new Date(ms).toISOString();

export function statusOf(parts: StatusParts): ControllerStatus {
  const { startedMs, config, reconciler } = parts;
  const { journal, view } = reconciler;
  const tables = digests(reconciler);
  return {
    startedAt: isoTime(startedMs),
    uptimeS: Math.round((Date.now() - startedMs) / 1000),
    vpp: vppStatus(parts),
    config: view.refused === undefined ? config : { ...config, error: `refused: ${view.refused}` },
    sync: syncStatus(parts),
    drains: journal.drains.map(({ server, vip, sinceMs, deadlineMs, flush }) => ({
      server,
      ...(vip === undefined ? {} : { vip }),
      since: isoTime(sinceMs),
      ...(deadlineMs === undefined ? {} : { deadlineAt: isoTime(deadlineMs) }),
      flush,
    })),
    counts: counts(reconciler),
    tables,
    replicas: parts.replicas.status(tables),
  };
}

function vppStatus({ link, vppSince }: StatusParts): VppStatus {
  const { state } = link;
  return {
    state: state.state,
    socket: link.socket,
    since: vppSince,
    connects: link.connects,
    warnings: link.socketWarnings,
    ...(state.state === "ready" ? { version: state.session.features.version, pid: state.session.incarnation.pid } : {}),
    ...(state.state === "failed" ? { error: state.error } : {}),
  };
}

function syncStatus({ link, reconciler, stateWarnings }: StatusParts): SyncStatus {
  const { view, failures } = reconciler;
  const waiting = link.session === undefined && view.state !== "waiting";
  return {
    state: waiting ? "waiting" : view.state,
    ...(view.lastObservedMs === undefined ? {} : { lastObservedAt: isoTime(view.lastObservedMs) }),
    ...(view.lastAppliedMs === undefined ? {} : { lastAppliedAt: isoTime(view.lastAppliedMs) }),
    pending: view.pending.map((operation) => operation.sentence),
    failed: failures.list(),
    problems: [
      ...(view.plan?.problems ?? []),
      ...(view.error === undefined ? [] : [{ object: "vpp", message: view.error }]),
    ],
    warnings: [...stateWarnings, ...(view.plan?.warnings ?? []), ...alarms(reconciler)],
    foreign: view.plan?.foreign ?? [],
  };
}

function counts({ intent: { effective: desired }, view, journal }: Reconciler): Counts {
  // Those of streams are in the journal only.
  const ours = new Set([...(desired?.vips.map(vipKey) ?? []), ...journal.vips]);
  const observed = view.observed?.vips.filter((vip) => ours.has(vipKey(vip))) ?? [];
  const steering = desired?.steering;
  return {
    vips: (desired?.vips.length ?? 0) + (steering?.vips.length ?? 0),
    streams: steering?.streams.length ?? 0,
    flowRules: steering?.flows.length ?? 0,
    servers: [...(desired?.vips ?? []), ...(steering?.streams ?? [])].reduce((sum, one) => sum + one.servers.length, 0),
    interfaces: desired?.interfaces.length ?? 0,
    bridges: desired?.bridges.length ?? 0,
    routes: desired?.routes.length ?? 0,
    flows: observed.reduce((sum, vip) => vip.servers.reduce((all, server) => all + server.flows, sum), 0),
    operations: view.operations,
  };
}

/** Of what was last seen; nothing before that. */
function digests({ intent: { effective: desired }, view: { observed }, journal }: Reconciler): TableDigest[] {
  if (desired === undefined || observed === undefined) return [];
  return tableDigests({ desired, observed, owned: journal.owned });
}

/** What to look at, of what VPP was last seen to have. */
function alarms({ view: { observed, others }, journal }: Reconciler): string[] {
  const packets = untrackedPackets(observed, journal);
  const texts = [untrackedText(packets, observed?.lbConf.stickyBuckets), othersText(others)];
  return texts.filter((text) => text !== undefined);
}
