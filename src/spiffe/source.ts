import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { BehaviorSubject, type Observable } from "rxjs";
import { SpiffeError } from "./errors.ts";
import { parseSpiffeId } from "./id.ts";
import { parseCertificates, parseSvid, type Bundles, type X509Svid } from "./x509.ts";

/** Shipped beside the sources; the others are seen from compiled files. */
const PLACES = ["./proto/", "../../src/spiffe/proto/", "../../../spiffe/proto/"].map((place) =>
  fileURLToPath(new URL(`${place}workload.proto`, import.meta.url)),
);
/** The Workload API wants it with every call, so that a request forged through a browser cannot reach it. */
const SECURITY_HEADER = "workload.spiffe.io";
const RETRY = { firstMs: 100, lastMs: 10_000 };

export interface Identity {
  readonly svid: X509Svid;
  readonly bundles: Bundles;
}

export interface SourceOptions {
  /** `unix:///path`, or `tcp://address:port`; default SPIFFE_ENDPOINT_SOCKET. */
  readonly socket?: string;
  /** Which identity of several; default the first (SPIFFE Workload API, section 5.2). */
  readonly pick?: (ids: readonly string[]) => number;
  /** Hears of what failed and is tried again. */
  readonly onError?: (error: SpiffeError) => void;
}

interface Response {
  readonly svids: readonly {
    readonly spiffeId: string;
    readonly x509Svid: Uint8Array;
    readonly x509SvidKey: Uint8Array;
    readonly bundle: Uint8Array;
  }[];
  readonly federatedBundles: Readonly<Record<string, Uint8Array>>;
}

/** This process's identity, kept current: the Workload API sends a new one before the old expires. */
export class IdentitySource {
  readonly #client: grpc.Client;
  readonly #method: grpc.MethodDefinition<object, object>;
  readonly #options: SourceOptions;
  readonly #identity = new BehaviorSubject<Identity | undefined>(undefined);
  #stream: grpc.ClientReadableStream<object> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = RETRY.firstMs;
  #closed = false;

  private constructor(options: SourceOptions) {
    this.#options = options;
    this.#client = new grpc.Client(targetOf(options.socket), grpc.credentials.createInsecure());
    this.#method = fetchMethod();
  }

  /**
   * Settles with the first identity.
   * @throws SpiffeError INPUT (the address), UNAVAILABLE, DENIED: what stood in the way when the time was over
   */
  static async open(options: SourceOptions = {}, timeoutMs = 15_000): Promise<IdentitySource> {
    let last: SpiffeError | undefined;
    const onError = (error: SpiffeError) => {
      last = error;
      options.onError?.(error);
    };
    const source = new IdentitySource({ ...options, onError });
    source.#fetch();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        source.close();
        reject(last ?? new SpiffeError("UNAVAILABLE", `the Workload API sent no identity within ${timeoutMs} ms`));
      }, timeoutMs);
      const subscription = source.#identity.subscribe((identity) => {
        if (identity === undefined) return;
        clearTimeout(timer);
        queueMicrotask(() => subscription.unsubscribe());
        resolve();
      });
    });
    return source;
  }

  /** @throws SpiffeError CLOSED */
  get identity(): Identity {
    const identity = this.#identity.value;
    if (identity === undefined || this.#closed) throw new SpiffeError("CLOSED", "this identity source is closed");
    return identity;
  }

  /** The identity now, and each that follows. */
  get identity$(): Observable<Identity | undefined> {
    return this.#identity.asObservable();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stream?.cancel();
    this.#client.close();
    this.#identity.complete();
  }

  #fetch(): void {
    if (this.#closed) return;
    const metadata = new grpc.Metadata();
    metadata.set(SECURITY_HEADER, "true");
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
    this.#stream = stream;
    let over = false;
    const again = (error: SpiffeError) => {
      if (over || this.#closed) return;
      over = true;
      this.#options.onError?.(error);
      this.#retry = setTimeout(() => this.#fetch(), this.#waitMs);
      this.#retry.unref();
      this.#waitMs = Math.min(2 * this.#waitMs, RETRY.lastMs);
    };
    stream.on("data", (response: Response) => this.#take(response));
    stream.on("error", (error: grpc.ServiceError) => again(describe(error)));
    stream.on("end", () => again(new SpiffeError("UNAVAILABLE", "the Workload API ended its stream")));
  }

  /** One that cannot be read changes nothing: the old identity is good until it expires. */
  #take(response: Response): void {
    try {
      const ids = response.svids.map((svid) => svid.spiffeId);
      const chosen = response.svids[this.#options.pick?.(ids) ?? 0];
      if (chosen === undefined) throw new SpiffeError("DENIED", "the Workload API sent no identity for this process");
      const svid = parseSvid(chosen.x509Svid, chosen.x509SvidKey);
      const bundles = new Map([[svid.id.trustDomain, parseCertificates(chosen.bundle)]]);
      for (const [domain, der] of Object.entries(response.federatedBundles)) {
        const text = domain.startsWith("spiffe://") ? domain : `spiffe://${domain}`;
        bundles.set(parseSpiffeId(text).trustDomain, parseCertificates(der));
      }
      this.#waitMs = RETRY.firstMs;
      this.#identity.next({ svid, bundles });
    } catch (error) {
      this.#options.onError?.(error instanceof SpiffeError ? error : new SpiffeError("INVALID", String(error)));
    }
  }
}

function describe(error: grpc.ServiceError): SpiffeError {
  const denied = error.code === grpc.status.PERMISSION_DENIED;
  const hint = denied ? " (no registration entry fits this process)" : "";
  return new SpiffeError(denied ? "DENIED" : "UNAVAILABLE", `Workload API: ${error.details}${hint}`, { cause: error });
}

function targetOf(socket = process.env["SPIFFE_ENDPOINT_SOCKET"]): string {
  if (socket === undefined || socket === "")
    throw new SpiffeError("INPUT", "where is the Workload API? Set SPIFFE_ENDPOINT_SOCKET to unix:///path");
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(socket);
  if (unix !== null) return `unix:${unix[1]!}`;
  const tcp = /^tcp:\/\/((?:\[[0-9a-fA-F:]+\]|[\d.]+):\d+)$/.exec(socket);
  if (tcp !== null) return `dns:${tcp[1]!}`;
  throw new SpiffeError("INPUT", `${socket} is no address of a Workload API: unix:///path or tcp://address:port`);
}

function fetchMethod(): grpc.MethodDefinition<object, object> {
  const place = PLACES.find((each) => existsSync(each));
  if (place === undefined) throw new SpiffeError("INVALID", `this installation lacks ${PLACES[0]}: install it again`);
  const definition = loadSync(place, { defaults: true, arrays: true, objects: true });
  const service = definition["SpiffeWorkloadAPI"] as unknown as grpc.ServiceDefinition;
  return service["FetchX509SVID"] as grpc.MethodDefinition<object, object>;
}
