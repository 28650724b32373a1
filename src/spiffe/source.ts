import * as grpc from "@grpc/grpc-js";
import { BehaviorSubject, type Observable } from "rxjs";
import { SpiffeError } from "./errors.ts";
import { parseSpiffeId } from "./id.ts";
import { fetchX509Svids, workloadTarget, type SvidResponse } from "./workload.ts";
import { parseBundle, parseSvid, type Bundles, type X509Svid } from "./x509.ts";

const RETRY = { firstMs: 100, lastMs: 5000 };
const DEFAULT_TIMEOUT_MS = 15_000;
/** Identities before the present one that connections may still use. */
const MAX_EARLIER = 8;

export interface Identity {
  readonly svid: X509Svid;
  /** Own trust domain's and federated ones'. */
  readonly bundles: Bundles;
}

export interface SourceOptions {
  /** `unix:///path`, or `tcp://address:port`; default SPIFFE_ENDPOINT_SOCKET. */
  readonly socket?: string | undefined;
  /** Which SPIFFE ID of several; default the first that comes (SPIFFE Workload API, section 5.2). */
  readonly id?: string | undefined;
  /** For the first identity. Default 15,000. */
  readonly timeoutMs?: number | undefined;
  /** Hears of what failed and is tried again. */
  readonly onError?: ((error: SpiffeError) => void) | undefined;
}

/** This process's identity, kept current: the Workload API sends a new one before the old expires. */
export class IdentitySource {
  readonly #client: grpc.Client;
  readonly #options: SourceOptions;
  readonly #identity = new BehaviorSubject<Identity | undefined>(undefined);
  #earlier: X509Svid[] = [];
  #last: SpiffeError | undefined;
  #stream: grpc.ClientReadableStream<object> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = RETRY.firstMs;
  #closed = false;

  private constructor(options: SourceOptions) {
    this.#options = options;
    if (options.id !== undefined) checkId(options.id);
    // The agent comes back within seconds: gRPC's own back-off goes to minutes.
    this.#client = new grpc.Client(workloadTarget(options.socket), grpc.credentials.createInsecure(), {
      "grpc.initial_reconnect_backoff_ms": RETRY.firstMs,
      "grpc.max_reconnect_backoff_ms": RETRY.lastMs,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /**
   * Settles with the first identity. @param signal closes the source
   * @throws SpiffeError INPUT (address, id), CLOSED; UNAVAILABLE, DENIED, INVALID: what stood in the way when the time
   * was over
   */
  static async open(options: SourceOptions = {}, signal?: AbortSignal): Promise<IdentitySource> {
    const source = new IdentitySource(options);
    if (signal?.aborted === true) source.close();
    signal?.addEventListener("abort", () => source.close(), { once: true });
    source.#fetch();
    try {
      await source.#first(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      return source;
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** @throws SpiffeError CLOSED, EXPIRED */
  get identity(): Identity {
    const identity = this.#identity.value;
    if (identity === undefined || this.#closed) throw new SpiffeError("CLOSED", "this identity source is closed");
    const { id, expiresMs } = identity.svid;
    if (expiresMs > Date.now()) return identity;
    const since = new Date(expiresMs).toISOString();
    const why = this.#last === undefined ? "" : ` (${this.#last.message})`;
    throw new SpiffeError("EXPIRED", `the SVID ${id.text} has expired at ${since}, no newer one has come${why}`);
  }

  /** The identity now, and each that follows; completes when the source is closed. */
  get identity$(): Observable<Identity | undefined> {
    return this.#identity.asObservable();
  }

  /**
   * The SVID that a live connection was made with, by its leaf certificate (DER): what is signed for its peer must be
   * signed with that key. The present one where it is not known (any more). @throws SpiffeError CLOSED, EXPIRED
   */
  svidOf(certificate: Uint8Array | undefined): X509Svid {
    const { svid } = this.identity;
    if (certificate === undefined || isLeaf(svid, certificate)) return svid;
    return this.#earlier.find((each) => each.expiresMs > Date.now() && isLeaf(each, certificate)) ?? svid;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stream?.cancel();
    this.#client.close();
    this.#identity.complete();
  }

  async #first(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const over = () => reject(this.#last ?? late(timeoutMs));
      const timer = setTimeout(over, timeoutMs);
      const subscription = this.#identity.subscribe({
        next: (identity) => {
          if (identity === undefined) return;
          clearTimeout(timer);
          queueMicrotask(() => subscription.unsubscribe());
          resolve();
        },
        complete: () => {
          clearTimeout(timer);
          reject(new SpiffeError("CLOSED", "given up before an identity came"));
        },
      });
    });
  }

  #fetch(): void {
    if (this.#closed) return;
    const stream = fetchX509Svids(this.#client);
    this.#stream = stream;
    let over = false;
    const again = (error: SpiffeError) => {
      if (over || this.#closed) return;
      over = true;
      this.#failed(error);
      this.#retry = setTimeout(() => this.#fetch(), this.#waitMs);
      this.#waitMs = Math.min(2 * this.#waitMs, RETRY.lastMs);
    };
    stream.on("data", (response: SvidResponse) => this.#take(response));
    stream.on("error", (error: grpc.ServiceError) => again(describe(error)));
    stream.on("end", () => again(new SpiffeError("UNAVAILABLE", "the Workload API ended its stream")));
  }

  /** One that cannot be read changes nothing: the old identity is good until it expires. */
  #take(response: SvidResponse): void {
    if (this.#closed) return;
    try {
      const identity = toIdentity(response, this.#options.id);
      const before = this.#identity.value?.svid;
      if (before !== undefined && !isLeaf(before, identity.svid.certificates[0]!.raw)) this.#remember(before);
      this.#waitMs = RETRY.firstMs;
      this.#last = undefined;
      this.#identity.next(identity);
    } catch (error) {
      this.#failed(SpiffeError.is(error) ? error : new SpiffeError("INVALID", String(error), { cause: error }));
    }
  }

  #remember(svid: X509Svid): void {
    const now = Date.now();
    this.#earlier = [svid, ...this.#earlier].filter((each) => each.expiresMs > now).slice(0, MAX_EARLIER);
  }

  #failed(error: SpiffeError): void {
    this.#last = error;
    this.#options.onError?.(error);
  }
}

/** @throws SpiffeError DENIED, INVALID */
function toIdentity({ svids, federatedBundles }: SvidResponse, id: string | undefined): Identity {
  const chosen = id === undefined ? svids[0] : svids.find((each) => each.spiffeId === id);
  if (chosen === undefined) {
    const others = svids.map((each) => each.spiffeId).join(", ") || "none";
    throw new SpiffeError("DENIED", `the Workload API has for this process: ${others}; asked for: ${id ?? "any"}`);
  }
  const svid = parseSvid(chosen.x509Svid, chosen.x509SvidKey);
  if (svid.id.text !== chosen.spiffeId)
    throw new SpiffeError("INVALID", `the SVID said to be ${chosen.spiffeId} is ${svid.id.text}`);
  const bundles = new Map([[svid.id.trustDomain, parseBundle(chosen.bundle)]]);
  for (const [domain, der] of Object.entries(federatedBundles)) {
    const { trustDomain } = parseSpiffeId(domain.startsWith("spiffe://") ? domain : `spiffe://${domain}`);
    // Nobody else speaks for the trust domain of our own.
    if (trustDomain !== svid.id.trustDomain) bundles.set(trustDomain, parseBundle(der));
  }
  return { svid, bundles };
}

function isLeaf(svid: X509Svid, certificate: Uint8Array): boolean {
  return svid.certificates[0]?.raw.equals(certificate) === true;
}

function checkId(id: string): void {
  try {
    parseSpiffeId(id);
  } catch (error) {
    throw new SpiffeError("INPUT", (error as Error).message, { cause: error });
  }
}

function describe(error: grpc.ServiceError): SpiffeError {
  const denied = error.code === grpc.status.PERMISSION_DENIED;
  const hint = denied ? " (no registration entry fits this process)" : "";
  return new SpiffeError(denied ? "DENIED" : "UNAVAILABLE", `Workload API: ${error.details}${hint}`, { cause: error });
}

function late(timeoutMs: number): SpiffeError {
  return new SpiffeError("UNAVAILABLE", `the Workload API sent no identity within ${timeoutMs} ms`);
}
