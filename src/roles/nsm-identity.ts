import { X509Certificate } from "node:crypto";
import type { ChannelCredentials } from "@grpc/grpc-js";
import {
  firstOf,
  insecureTokens,
  NsmError,
  parseGoBool,
  type NsmServerOptions,
  type Peer,
  type TokenGenerator,
} from "@networkservicemesh/sdk-ts";
import { IdentitySource, SpiffeChannelCredentials, SpiffeError, signToken, spiffeServer } from "../spiffe/index.ts";

export interface IdentityOptions {
  /** `unix:///path` of the Workload API. Default SPIFFE_ENDPOINT_SOCKET. */
  readonly spiffeSocket?: string | undefined;
  /** Which identity of several; default the first that the Workload API gives. */
  readonly spiffeId?: string | undefined;
  /** Clear text, tokens that prove nothing. Default NSM_INSECURE; never because identities are missing. */
  readonly insecure?: boolean | undefined;
  /** Of this hop; in tokens without identity. */
  readonly name: string;
  /** Default 600,000. */
  readonly maxTokenLifetimeMs?: number | undefined;
  /** For the first identity. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Hears of what failed at the Workload API and is tried again. */
  readonly onError?: ((error: SpiffeError) => void) | undefined;
}

/** Who this process is in a mesh. `client` and `server` are for spreading into the options of src/nsm. */
export interface NsmIdentity {
  /** SPIFFE ID as it is now; undefined: clear text. */
  readonly id: string | undefined;
  /** When its SVID expires, ms since 1970; undefined: clear text. */
  readonly expiresMs: number | undefined;
  readonly tokens: TokenGenerator;
  readonly clientCredentials?: ChannelCredentials;
  readonly serverCredentials?: NonNullable<NsmServerOptions["credentials"]>;
  /** NSM's policies on tokens: only with identities. */
  readonly authorize: boolean;
  /** For NsmClient, RegistryClient, ChannelPool, createManager, createForwarder. */
  readonly client: {
    readonly tokens: TokenGenerator;
    readonly authorize: boolean;
    readonly credentials?: ChannelCredentials;
  };
  /** For serveNsm. */
  readonly server: Pick<NsmServerOptions, "credentials">;
  /** Ends what keeps the identity current; the signal does it too. */
  close(): void;
}

const DEFAULT_LIFETIME_MS = 600_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Identities from SPIFFE, or none where that was asked for by name.
 * @throws SpiffeError INPUT (neither, both, a malformed address), UNAVAILABLE, DENIED (no identity in time)
 */
export async function openIdentity(options: IdentityOptions, signal: AbortSignal): Promise<NsmIdentity> {
  const { name, maxTokenLifetimeMs = DEFAULT_LIFETIME_MS } = options;
  const socket = chooseSocket(options);
  if (socket === undefined) return withoutIdentity(insecureTokens(`spiffe://insecure/${name}`, maxTokenLifetimeMs));
  const { spiffeId: id, onError, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const source = await IdentitySource.open({ socket, id, onError, timeoutMs }, signal);
  return fromSource(source, maxTokenLifetimeMs);
}

/** An identity that is kept current by a source. Closing it closes the source. */
export function fromSource(source: IdentitySource, maxTokenLifetimeMs = DEFAULT_LIFETIME_MS): NsmIdentity {
  const tokens = tokensOf(source, maxTokenLifetimeMs);
  const clientCredentials = new SpiffeChannelCredentials(() => source.identity);
  const serverCredentials = spiffeServer(() => source.identity);
  let lastExpiresMs: number | undefined;
  return {
    get id() {
      return source.identity.svid.id.text;
    },
    get expiresMs() {
      try {
        lastExpiresMs = source.identity.svid.expiresMs;
      } catch {
        // It has expired, and none has come since.
      }
      return lastExpiresMs;
    },
    tokens,
    clientCredentials,
    serverCredentials,
    authorize: true,
    client: { tokens, authorize: true, credentials: clientCredentials },
    server: { credentials: serverCredentials },
    close: () => source.close(),
  };
}

/** For the peer, with the key of its connection, and never longer than its certificate is good (sdk pkg/tools/spiffejwt). */
function tokensOf(source: IdentitySource, maxLifetimeMs: number): TokenGenerator {
  const peersEnd = new WeakMap<Peer, number>();
  const endOf = (peer: Peer | undefined): number => {
    if (peer?.certificate === undefined) return Infinity;
    const endMs = peersEnd.get(peer) ?? Date.parse(new X509Certificate(peer.certificate).validTo);
    peersEnd.set(peer, endMs);
    return endMs;
  };
  return (peer) => {
    const nowMs = Date.now();
    const lifetimeMs = Math.min(maxLifetimeMs, endOf(peer) - nowMs);
    if (lifetimeMs <= 0)
      throw new NsmError("DENIED", `${peer?.spiffeId}: its certificate on this connection has expired: connect anew`);
    const audience = peer?.spiffeId === undefined ? [] : [peer.spiffeId];
    try {
      return signToken(source.svidOf(peer?.localCertificate), audience, lifetimeMs, nowMs);
    } catch (cause) {
      throw new NsmError("UNAVAILABLE", `no token: ${(cause as Error).message}`, { cause });
    }
  };
}

function withoutIdentity(tokens: TokenGenerator): NsmIdentity {
  return {
    id: undefined,
    expiresMs: undefined,
    tokens,
    authorize: false,
    client: { tokens, authorize: false },
    server: {},
    close: () => undefined,
  };
}

/** What is given by option goes before the environment. @returns undefined: insecure @throws SpiffeError INPUT */
function chooseSocket({ spiffeSocket, insecure }: IdentityOptions): string | undefined {
  const given = spiffeSocket !== undefined || insecure === true;
  const socket = given ? spiffeSocket : firstOf(process.env, "SPIFFE_ENDPOINT_SOCKET");
  const clear = insecure ?? (given ? false : insecureByEnvironment());
  if (socket !== undefined && clear)
    throw new SpiffeError("INPUT", `identities from ${socket} and insecure are both asked for: leave one of them out`);
  if (socket !== undefined || clear) return socket;
  throw new SpiffeError(
    "INPUT",
    "who is this in the mesh? Set SPIFFE_ENDPOINT_SOCKET to the Workload API (unix:///path), or ask for clear text " +
      "without identities by --insecure or NSM_INSECURE=true",
  );
}

function insecureByEnvironment(): boolean {
  const text = firstOf(process.env, "NSM_INSECURE");
  const insecure = text === undefined ? false : parseGoBool(text);
  if (insecure !== undefined) return insecure;
  throw new SpiffeError("INPUT", `NSM_INSECURE is true or false, not ${JSON.stringify(text)}`);
}
