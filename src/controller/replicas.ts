import { z } from "zod";
import { compareTables, type Disagreement, type TableDigest } from "../bridge/index.ts";
import { messageOf } from "./errors.ts";

const tableSchema = z.object({
  vip: z.string(),
  size: z.number(),
  srcIpSticky: z.boolean(),
  algorithm: z.enum(["plain", "weighted"]),
  servers: z.array(z.object({ address: z.string(), weight: z.number() })),
  digest: z.string(),
});
const pageSchema = z.object({ tables: z.array(tableSchema) });

/** Another controller of the same VIPs, as last asked. */
export interface ReplicaStatus {
  readonly url: string;
  readonly state: "unknown" | "agrees" | "differs" | "unreachable";
  /** ISO 8601. */
  readonly askedAt?: string;
  readonly error?: string;
  readonly disagreements: readonly Disagreement[];
}

/** Reads what `/digests` serves, or `vpplb status --json` prints. @throws where it is neither */
export function parseDigests(text: string): TableDigest[] {
  return pageSchema.parse(JSON.parse(text)).tables;
}

const MAX_BYTES = 16 << 20;

/** Asks another controller for its tables. @throws TypeError and others where it cannot be asked */
export async function fetchDigests(url: string, signal: AbortSignal): Promise<TableDigest[]> {
  const response = await fetch(url, { signal, redirect: "error" });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > MAX_BYTES) throw new Error(`${url}: ${length} bytes are too many`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > MAX_BYTES) throw new Error(`${url}: more than ${MAX_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return parseDigests(Buffer.concat(chunks).toString("utf8"));
}

/** Keeps asking the other controllers, and compares when it is looked at, so that it is never older than our own state. */
export class Replicas {
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  #urls: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #periodMs = 0;
  readonly #known = new Map<string, { askedAt: string; tables?: readonly TableDigest[]; error?: string }>();

  constructor(signal: AbortSignal, timeoutMs = 3000) {
    this.#signal = signal;
    this.#timeoutMs = timeoutMs;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** From now on asks these, each so long. */
  watch(urls: readonly string[], periodMs: number): void {
    if (this.#signal.aborted || (periodMs === this.#periodMs && urls.join("\n") === this.#urls.join("\n"))) return;
    this.#urls = urls;
    this.#periodMs = periodMs;
    for (const url of this.#known.keys()) if (!urls.includes(url)) this.#known.delete(url);
    clearTimeout(this.#timer);
    if (urls.length > 0) void this.#ask();
  }

  async #ask(): Promise<void> {
    const urls = this.#urls;
    await Promise.all(
      urls.map(async (url) => {
        const askedAt = new Date().toISOString();
        const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#timeoutMs)]);
        try {
          this.#known.set(url, { askedAt, tables: await fetchDigests(url, signal) });
        } catch (error) {
          this.#known.set(url, { askedAt, error: causeOf(error) });
        }
      }),
    );
    if (this.#signal.aborted || urls !== this.#urls) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), this.#periodMs);
    this.#timer.unref();
  }

  /** Where each stands towards our tables. */
  status(mine: readonly TableDigest[]): ReplicaStatus[] {
    return this.#urls.map((url): ReplicaStatus => {
      const known = this.#known.get(url);
      if (known === undefined) return { url, state: "unknown", disagreements: [] };
      const { askedAt, tables, error } = known;
      if (tables === undefined) return { url, state: "unreachable", askedAt, error: error ?? "", disagreements: [] };
      const disagreements = compareTables(mine, tables);
      return { url, state: disagreements.length === 0 ? "agrees" : "differs", askedAt, disagreements };
    });
  }
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? `${messageOf(error)}: ${cause.message}` : messageOf(error);
}
