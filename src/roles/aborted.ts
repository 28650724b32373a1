/** Settles when the signal has fired. @param keepAlive the process, where nothing else does while it waits */
export function aborted(signal: AbortSignal, keepAlive = false): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const hold = keepAlive ? setInterval(() => undefined, 2 ** 30) : undefined;
    const over = () => {
      clearInterval(hold);
      resolve();
    };
    signal.addEventListener("abort", over, { once: true });
  });
}
