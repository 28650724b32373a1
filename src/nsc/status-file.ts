import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { NscAgent } from "./agent.ts";

/**
 * Keeps an agent's status in a file, for applications beside it: what is connected, and on which socket its memif is.
 * Written anew as a whole after each event; gone with the agent.
 * @param failed hears of writes that failed; they are tried again with the next event
 * @returns what ends it
 */
export function keepStatus(agent: NscAgent, path: string, failed: (error: Error) => void): () => void {
  let last = "";
  const write = () => {
    const text = `${JSON.stringify(agent.status(), undefined, 2)}\n`;
    if (text === last) return;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, text, { mode: 0o644 });
      renameSync(`${path}.new`, path);
      last = text;
    } catch (error) {
      failed(error as Error);
    }
  };
  write();
  // After everybody has heard of it: the event may be told in the middle of a change.
  let due = false;
  const subscription = agent.events$.subscribe(() => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      write();
    });
  });
  return () => {
    subscription.unsubscribe();
    for (const one of [path, `${path}.new`]) rmSync(one, { force: true });
  };
}
