export { HistoryError, type HistoryErrorCode } from "./errors.ts";
export { copyState } from "./files.ts";
export type { JournalSections } from "./journal-rows.ts";
export { StateFile, type OpenedState, type StateFileOptions } from "./state-file.ts";
export { Past, type FlushRecord, type Life, type TablePeriod, type WaysPeriod } from "./past.ts";
export { queryHistory } from "./query.ts";
export { Recorder, type MetVpp, type RunRecord } from "./recorder.ts";
export { toObserved, type TableInputs } from "./tables.ts";
export {
  CAUSES,
  DEFAULT_RETENTION,
  type Actor,
  type Cause,
  type EntryResult,
  type HistoryEntry,
  type HistoryQuery,
  type RecordedDisruption,
  type RecordedOperation,
  type RecordedVpp,
  type Retention,
} from "./types.ts";
export { waysOf, type Ways } from "./ways.ts";
