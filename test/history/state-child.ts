import { StateFile } from "../../src/history/index.ts";

/**
 * Writes generations of a journal to the state file that is named, and tells each that is on the disk. A journal is
 * whole where all of its keys are of one generation.
 */
const [path = "", from = "0"] = process.argv.slice(2);
const { state } = StateFile.open(path);
for (let generation = Number(from); ; generation++) {
  const keys = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key ${index}`, generation]));
  if (!state.saveJournal({ whole: keys, odd: generation % 2 === 0 ? {} : { generation } })) process.exit(3);
  process.send?.(generation);
}
