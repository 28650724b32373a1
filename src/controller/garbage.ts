import type { DesiredState, ObservedState } from "../bridge/index.ts";
import type { VppSession } from "./link.ts";

const GARBAGE_PERIOD_MS = 60_000;

/**
 * Up to 26.06 removed VIPs and servers are collected only when the CLI is used (plugins/lb/cli.c:136,263,333), and
 * only where nothing refers to them and a minute after the last time (lb.c:292): asking more often is no use.
 */
export class Garbage {
  #lastMs: number;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** A new VPP has none. */
  restart(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  async collect(
    session: VppSession,
    desired: DesiredState | undefined,
    observed: ObservedState,
    nowMs: number,
  ): Promise<void> {
    const due = Math.abs(nowMs - this.#lastMs) >= GARBAGE_PERIOD_MS;
    const mayConf = desired?.lbConf !== undefined;
    if (!session.features.garbageByCli || observed.garbage.collectable === 0 || !due || !mayConf) return;
    this.#lastMs = nowMs;
    await session.port.cli(`lb conf ip4-src-address ${observed.lbConf.ip4Source}`);
  }
}
