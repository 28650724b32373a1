export { HistoryError, type HistoryErrorCode } from "./errors.ts";
export { copyState } from "./files.ts";
export type { JournalSections } from "./journal-rows.ts";
export { StateFile, type OpenedState, type StateFileOptions } from "./state-file.ts";
