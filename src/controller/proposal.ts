import { makePlan, type DesiredState, type ObservedState } from "../bridge/index.ts";
import { digestsOf, judge, type Verdict } from "./gate.ts";
import type { Journal } from "./journal.ts";
import type { RunCause } from "./cause.ts";

/** A desired state that is yet to be judged. */
export interface Proposal {
  readonly desired: DesiredState;
  /** Take it whatever it moves. */
  readonly force: boolean;
  /** Why; the run that takes it over may begin because VPP is there at last. */
  readonly cause: RunCause;
}

/**
 * Whether the proposal moves more than it may, as VPP is now.
 * @param effective what it comes to, with overlay and drains
 */
export function judgeProposal(
  proposal: Proposal,
  effective: DesiredState,
  observed: ObservedState,
  { owned, accepted }: Journal,
): Verdict {
  const { desired, force } = proposal;
  if (force || desired.maxDisruption === undefined) return { pace: [] };
  return judge(desired, makePlan(effective, observed, owned), accepted);
}

/** Notes a desired state as accepted, and which of its VIPs are to be changed in steps. */
export function noteAccepted(journal: Journal, desired: DesiredState, verdict: Verdict): void {
  const { accepted, pacing } = journal;
  const digests = digestsOf(desired);
  // What is on its way and wanted as before goes on in steps.
  for (const key of [...pacing]) if (digests.get(key) !== accepted.get(key)) pacing.delete(key);
  for (const key of verdict.pace) pacing.add(key);
  accepted.clear();
  for (const [id, digest] of digests) accepted.set(id, digest);
}

/** With what is done only where it is asked for: the sticky table is resized although flows are in it. */
export function forced(desired: DesiredState): DesiredState {
  const { lbConf } = desired;
  return lbConf === undefined ? desired : { ...desired, lbConf: { ...lbConf, resizeInUse: true } };
}
