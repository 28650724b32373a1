import { z } from "zod";

export const replicas = z.strictObject({
  urls: z
    .array(z.url({ protocol: /^https?$/ }).meta({ examples: ["http://10.0.0.2:9101/digests"] }))
    .max(64)
    .describe("Where the others' `http.listen` serves /digests"),
  periodMs: z.int().min(1000).max(3_600_000).default(30_000).describe("They are asked each so long"),
});
