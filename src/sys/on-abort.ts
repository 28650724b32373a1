/** Who waits for a signal: one listener on it calls them all. */
class Waiting {
  readonly callbacks = new Set<{ readonly call: () => void }>();
  readonly fire = (): void => {
    for (const { call } of [...this.callbacks]) call();
  };
}

const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when the signal fires. A signal that many wait for (a server's end, a client's) has one listener
 * however many they are, and none when all have gone: Node warns of more than ten, and takes the longer to remove one
 * the more there are. A signal that has fired calls nobody: look at it before.
 * @returns takes it back; idempotent
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const waiting = waitingFor.get(signal) ?? new Waiting();
  if (!waitingFor.has(signal)) {
    waitingFor.set(signal, waiting);
    signal.addEventListener("abort", waiting.fire, { once: true });
  }
  const entry = {
    call: () => {
      if (waiting.callbacks.delete(entry)) callback();
    },
  };
  waiting.callbacks.add(entry);
  return () => {
    if (!waiting.callbacks.delete(entry) || waiting.callbacks.size > 0) return;
    waitingFor.delete(signal);
    signal.removeEventListener("abort", waiting.fire);
  };
}
