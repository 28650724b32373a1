import { z } from "zod";

/** `127.0.0.1:9101`, `[::1]:9101`, `:9101`, a path, `unix:PATH`: what src/observe/listen.ts reads. */
const LISTEN = /^(?:\[[0-9a-fA-F:.]+\]:\d{1,5}|[^:[\]/\s]*:\d{1,5}|\/.{1,106}|unix:.{1,107})$/;

/** `http`: metrics and health. */
export const http = z.strictObject({
  listen: z
    .string()
    .regex(LISTEN, 'an address and port ("127.0.0.1:9101", "[::1]:9101"), or the path of a unix socket')
    .meta({ examples: ["127.0.0.1:9101", "[::1]:9101", "/run/vpplb/http.sock"] })
    .describe("Where /metrics, /healthz and /readyz are served. Whoever can connect can read them"),
  perServer: z
    .boolean()
    .default(false)
    .describe("Metrics of every server of every VIP: slots, flows, weight. Three series each"),
  maxSeries: z.int().min(10).max(1_000_000).default(1000).describe("Series of one metric; what is beyond is left out"),
});
