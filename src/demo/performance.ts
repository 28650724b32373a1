import type { StepResult } from "./steps.ts";

/** A demo that was played to its last step. */
export interface Performance {
  readonly good: boolean;
  readonly steps: readonly StepResult[];
  /** What can be looked at while it is kept. */
  readonly lab: { readonly command: string; readonly control: string };
}
