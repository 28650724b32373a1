/** Waits, or until the signal fires; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return settledWithin(new Promise(() => undefined), ms, signal);
}

/** Settles when the work does, however, or when its time is over or the signal fires; never rejects. */
export function settledWithin(work: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal?.addEventListener("abort", done, { once: true });
    work.then(done, done);
  });
}
