import { readdirSync } from "node:fs";
import { createNetns } from "../../src/sys/netns.ts";
import { openTun } from "../../src/sys/tun.ts";

/** How many descriptors this process holds. */
export function openFds(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Why network namespaces cannot be made here; undefined where they can. */
export function withoutNamespaces(): string | undefined {
  try {
    createNetns().close();
    return undefined;
  } catch (error) {
    return `no network namespaces here: ${(error as Error).message}`;
  }
}

/** Waits until `condition` holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 5000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Skips the suite's tests, printing the reason, where network namespaces cannot be made. */
export function needNamespaces(context: Mocha.Context): void {
  const reason = withoutNamespaces();
  if (reason === undefined) return;
  console.log(`      skipped: ${reason}`);
  context.skip();
}

/** Skips the suite's tests, printing the reason, where no TUN device can be made. */
export function needTun(context: Mocha.Context): void {
  const netns = createNetns();
  try {
    netns.run(() => openTun()).close();
  } catch (error) {
    console.log(`      skipped: ${(error as Error).message}`);
    context.skip();
  } finally {
    netns.close();
  }
}
