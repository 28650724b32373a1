import type { HttpRoute } from "./http.ts";

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** For people: what is so, or what is wrong since when. */
  readonly message: string;
  /** False: it is told, and the answer does not depend on it. Default true. */
  readonly required?: boolean;
}

export interface HealthSource {
  /** Is this process able to do its work? Only what a restart of it would mend. */
  readonly alive: () => readonly Check[];
  /** Is what it looks after as it should be? */
  readonly ready: () => readonly Check[];
}

/**
 * `/healthz` and `/readyz`: 200 where every required check is good, else 503; the body is JSON with every check.
 * - `/healthz` is for whoever would restart this process. A VPP that hangs is told there and is no reason to restart us.
 * - `/readyz` is for whoever sends traffic or goes on with a roll-out: it is good while VPP holds what is desired.
 */
export function healthRoutes(
  source: HealthSource,
  ready = "200 while VPP holds what is desired (503: not now)",
): HttpRoute[] {
  const route = (path: string, summary: string, checks: () => readonly Check[]): HttpRoute => ({
    path,
    summary,
    answer: () => {
      const found = checks();
      const ok = found.every((check) => check.ok || check.required === false);
      const list = found.map(({ name, ok: good, message }) => [name, { ok: good, message }] as const);
      const body = `${JSON.stringify({ ok, checks: Object.fromEntries(list) }, undefined, 2)}\n`;
      return { status: ok ? 200 : 503, contentType: "application/json; charset=utf-8", body };
    },
  });
  return [
    route("/healthz", "200 while this process can work (503: restart it)", source.alive),
    route("/readyz", ready, source.ready),
  ];
}
