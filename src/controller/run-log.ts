import type { DesiredState, Operation } from "../bridge/index.ts";
import type { EntryResult, RecordedOperation, RunRecord } from "../history/index.ts";
import type { RunCause } from "./cause.ts";
import { messageOf } from "./errors.ts";
import type { RunReport } from "./view.ts";

/** What one run does, for the history. */
export class RunLog {
  readonly atMs: number;
  readonly planned: Operation[] = [];
  readonly #operations: RecordedOperation[] = [];
  readonly #servers = new Set<string>();
  /** A proposal was taken over. */
  accepted = false;

  constructor(atMs: number) {
    this.atMs = atMs;
  }

  done(operation: Operation): void {
    this.#operations.push(toRecorded(operation, "done"));
    this.#note(operation);
  }

  failed(operation: Operation, error: unknown): void {
    this.#operations.push({ ...toRecorded(operation, "failed"), error: messageOf(error) });
    this.#note(operation);
  }

  #note({ action }: Operation): void {
    if (action.type === "servers-add" || action.type === "servers-delete") {
      for (const server of action.servers) this.#servers.add(server);
    } else if (action.type === "server-weight") this.#servers.add(action.server);
  }

  toRecord(cause: RunCause, report: RunReport, desired: DesiredState | undefined, endedMs: number): RunRecord {
    const problems = (report.plan?.problems ?? []).map((problem) => problem.message);
    const message = report.refused ?? report.error ?? report.failed[0]?.error ?? problems[0];
    const did = this.#operations.length > 0 || report.refused !== undefined;
    return {
      atMs: this.atMs,
      endedMs,
      cause: cause.cause,
      reason: cause.reason,
      ...(cause.by === undefined ? {} : { by: cause.by }),
      result: resultOf(report),
      ...(message === undefined ? {} : { message }),
      operations: this.#operations,
      servers: [...this.#servers].sort(),
      disruption: did ? report.disruption.filter((one) => one.moved > 0 || one.flowsLost > 0) : [],
      problems,
      ...(desired === undefined || report.refused !== undefined ? {} : { desired }),
      accepted: this.accepted,
    };
  }
}

function resultOf(report: RunReport): EntryResult {
  if (report.refused !== undefined) return "refused";
  if (report.state === "waiting") return "interrupted";
  if (report.state === "paced") return "paced";
  return report.state === "in-sync" ? "ok" : "failed";
}

function toRecorded({ id, kind, object, verb, sentence }: Operation, result: "done" | "failed"): RecordedOperation {
  return { id, kind, object, verb, sentence, result };
}
