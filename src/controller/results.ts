import { emptyVpp, type DesiredState, type Diagnostic, type ObservedState, type Plan } from "../bridge/index.ts";
import { ControllerError } from "./errors.ts";
import type { RunReport } from "./view.ts";
import type { ApplyResult } from "./types.ts";

/** Of warnings of configuration and start-up that the status keeps. */
const MAX_WARNINGS = 50;

export const EMPTY_PLAN: Plan = { operations: [], disruption: [], problems: [], warnings: [], foreign: [] };

export const NOTHING_APPLIED = { ok: false, applied: [], failed: [], problems: [], disruption: [] } as const;

/** A VPP that nothing was seen of. */
export function emptyObserved(): ObservedState {
  const features = { version: "", weights: false, lbConfGet: false, srcIpSticky: false, garbageByCli: false };
  return emptyVpp(features, { ip4Source: "", ip6Source: "", flows: 0 });
}

export function emptyState(): DesiredState {
  return { bridges: [], interfaces: [], neighbors: [], routes: [], vips: [], ownership: { tag: "vpplb" } };
}

/** The errors of a configuration on one line, each with its place. */
export function errorText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .filter((one) => one.severity === "error")
    .map(placed)
    .join("; ");
}

export function warningsOf(diagnostics: readonly Diagnostic[]): string[] {
  return (
    diagnostics
      // Advice is about what vpplb cannot see: `vpplb check` tells it once, not every look at the status.
      .filter((one) => one.severity === "warning")
      .slice(0, MAX_WARNINGS)
      .map(placed)
  );
}

function placed({ line, column, path, message }: Diagnostic): string {
  const where = line === undefined ? "" : `${line}:${column ?? 1}: `;
  return `${where}${path === "" ? "" : `${path}: `}${message}`;
}

export function toApplyResult(report: RunReport, diagnostics: readonly Diagnostic[]): ApplyResult {
  const error = report.error === undefined ? [] : [{ object: "vpp", message: report.error }];
  return {
    ok: report.state === "in-sync" && report.refused === undefined,
    applied: report.applied,
    failed: report.failed,
    problems: [...(report.plan?.problems ?? []), ...error],
    disruption: report.disruption,
    diagnostics,
    ...(report.refused === undefined ? {} : { refused: report.refused }),
    ...(report.state === "paced" ? { paced: true } : {}),
  };
}

/** @throws ControllerError TIMEOUT */
export async function withDeadline(run: Promise<RunReport>, timeoutMs: number): Promise<RunReport> {
  let timeout: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timeout = setTimeout(
      () =>
        reject(
          new ControllerError("TIMEOUT", `VPP is not as desired after ${timeoutMs} ms; the controller goes on trying`),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([run, late]);
  } finally {
    clearTimeout(timeout);
  }
}
