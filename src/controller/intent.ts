import type { DesiredState, ObservedState } from "../bridge/index.ts";
import type { RunCause } from "./cause.ts";
import type { Verdict } from "./gate.ts";
import type { Journal } from "./journal.ts";
import type { Overlay } from "./overlay.ts";
import { withDrains } from "./overrides.ts";
import { forced, judgeProposal, noteAccepted, type Proposal } from "./proposal.ts";

/**
 * What VPP should hold: what was accepted of the file or of `apply`, under the overlay, under the drains; and what is
 * proposed in its place and yet to be judged.
 */
export class Intent {
  readonly #journal: Journal;
  readonly #now: () => number;
  #accepted: DesiredState | undefined;
  #proposal: Proposal | undefined;
  #overlay: Overlay | undefined;
  #version = 0;

  constructor(journal: Journal, now: () => number) {
    this.#journal = journal;
    this.#now = now;
  }

  /** Without overlay and drains. */
  get accepted(): DesiredState | undefined {
    return this.#accepted;
  }

  /** What VPP should hold right now. */
  get effective(): DesiredState | undefined {
    return this.#accepted && this.effectiveOf(this.#accepted);
  }

  /** The same of another desired state. */
  effectiveOf(desired: DesiredState): DesiredState {
    return withDrains(this.overlaid(desired), this.#journal.drains, this.#now());
  }

  /** With what is desired beyond the file, without drains. */
  overlaid(desired: DesiredState): DesiredState {
    return this.#overlay?.apply(desired, this.#journal.drains) ?? desired;
  }

  /** Changes when what the overlay gives may have changed. */
  get version(): number {
    return this.#version;
  }

  touched(): void {
    this.#version++;
  }

  get overlay(): Overlay | undefined {
    return this.#overlay;
  }

  setOverlay(overlay: Overlay): void {
    this.#overlay = overlay;
    if (this.#accepted !== undefined) overlay.accepted(this.#accepted);
    this.touched();
  }

  /** What is yet to be judged. */
  get proposal(): Proposal | undefined {
    return this.#proposal;
  }

  /** Takes the place of a proposal that was not judged yet. */
  propose(desired: DesiredState, force: boolean, cause: RunCause): void {
    this.#proposal = { desired: force ? forced(desired) : desired, force, cause };
  }

  /** Judges the proposal by VPP as it is now, and accepts it unless the verdict refuses it. */
  decide(proposal: Proposal, observed: ObservedState): Verdict {
    if (this.#proposal === proposal) this.#proposal = undefined;
    const { desired } = proposal;
    const verdict = judgeProposal(proposal, this.effectiveOf(desired), observed, this.#journal);
    if (verdict.refused !== undefined) return verdict;
    this.#accepted = desired;
    this.#overlay?.accepted(desired);
    noteAccepted(this.#journal, desired, verdict);
    return verdict;
  }

  /**
   * Whether routes matter: VPP has one for each server of a VIP, so they are not asked for where none is wanted, ours or
   * where streams lead.
   */
  get usesRoutes(): boolean {
    const { routes, assigned } = this.#journal;
    const states = [this.#proposal?.desired, this.#accepted].filter((one) => one !== undefined);
    const wanted = states.some((one) => one.routes.length > 0 || one.steering !== undefined);
    return wanted || this.#overlay !== undefined || routes.size > 0 || assigned.size > 0;
  }

  /** The newest of what is wanted, judged or not. */
  get newest(): DesiredState | undefined {
    return this.#proposal?.desired ?? this.#accepted;
  }
}
