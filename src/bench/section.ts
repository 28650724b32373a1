import type { Figure } from "./figure.ts";

export interface BenchContext {
  /** API socket of a real VPP: given, or of one that was started for the bench. */
  readonly vpp: string | undefined;
  /** A command that runs a VPP in the directory that is its first argument, in the foreground, with `api.sock` in it. */
  readonly vppCommand: string | undefined;
  readonly rounds: number;
  /** Progress, for people. */
  readonly say: (text: string) => void;
}

/** @throws BenchError SKIP with the reason where what it needs is not there */
export type Section = (context: BenchContext) => Promise<Figure[]>;

export interface SectionResult {
  readonly section: string;
  readonly figures: readonly Figure[];
  readonly skipped?: string;
  readonly error?: string;
}
