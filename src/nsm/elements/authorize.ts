import { verify, X509Certificate } from "node:crypto";
import type { Call, Peer } from "../call.ts";
import { CallKey } from "../call.ts";
import type { ChainElement } from "../chain.ts";
import { CHANNEL } from "../channel.ts";
import { NsmError } from "../errors.ts";
import { previousSegment, type Connection, type MonitorScopeSelector, type PathSegment } from "../messages.ts";
import { RESTORED } from "../restored.ts";
import { tokenClaims } from "../token.ts";
import { OWN_ACCORD, RefusedError } from "./begin.ts";
import { storeOf } from "./store.ts";

const CLEAN_UP_MS = 5000;

/**
 * The policies of NSM (sdk pkg/tools/opa/policies), on a path's segments up to the one that is looked at:
 * every token is a JWT, alive, made for the one that follows, and the caller's is signed with the key of its
 * certificate (ES256).
 * @throws NsmError DENIED: which segment, and why
 */
export function checkTokens(
  segments: readonly PathSegment[],
  signer: { readonly peer: Peer | undefined; readonly index: number },
  nowMs: number,
): void {
  const claims = segments.map((segment, i) => {
    const claim = tokenClaims(segment.token);
    if (claim === undefined) throw denied(i, segment, "its token is no JWT");
    if (claim.exp === undefined || nowMs / 1000 >= claim.exp) throw denied(i, segment, "its token has expired");
    return claim;
  });
  claims.slice(1).forEach((claim, i) => {
    if (claim.sub === undefined || !claims[i]!.aud.includes(claim.sub))
      throw denied(
        i,
        segments[i]!,
        `its token is for ${claims[i]!.aud.join(", ") || "nobody"}, the next hop is ${claim.sub ?? "nobody"}`,
      );
  });
  const signed = segments[signer.index];
  if (signed === undefined) throw new NsmError("DENIED", "the path has no segment of the peer");
  if (signer.peer?.certificate === undefined) throw denied(signer.index, signed, "the peer has no certificate");
  if (!isSignedBy(signed.token, signer.peer.certificate))
    throw new UnsignedError(
      denied(signer.index, signed, `its token is not signed by ${signer.peer.spiffeId ?? "the peer"}`).message,
    );
}

class UnsignedError extends NsmError {
  constructor(message: string) {
    super("DENIED", message);
  }
}

function denied(index: number, segment: PathSegment, why: string): NsmError {
  return new NsmError("DENIED", `path segment ${index} (${segment.name}): ${why}`);
}

/** Whether a JWT is signed by ES256 with the key of a certificate, DER. */
export function isSignedBy(token: string, certificate: Uint8Array): boolean {
  const parts = token.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || !signature) return false;
  try {
    const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg?: unknown };
    const key = new X509Certificate(certificate).publicKey;
    if (alg !== "ES256" || key.asymmetricKeyType !== "ec") return false;
    return verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      { key, dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
  } catch {
    return false;
  }
}

/** Who made which connections: what monitoring is allowed by. */
export class ConnectionOwners {
  readonly #connections = new Map<string, Set<string>>();

  add(spiffeId: string, connectionId: string): void {
    const ids = this.#connections.get(spiffeId) ?? new Set();
    this.#connections.set(spiffeId, ids.add(connectionId));
  }

  delete(spiffeId: string, connectionId: string): void {
    const ids = this.#connections.get(spiffeId);
    ids?.delete(connectionId);
    if (ids?.size === 0) this.#connections.delete(spiffeId);
  }

  /** For monitorHandlers: a peer sees what it made. @throws NsmError DENIED */
  authorizeMonitor(selector: MonitorScopeSelector, call: Call): void {
    const id = call.peer?.spiffeId;
    const ids = id === undefined ? undefined : this.#connections.get(id);
    if (selector.pathSegments.some((segment) => ids?.has(segment.id) === true)) return;
    throw new NsmError("DENIED", `${id ?? "a peer without identity"} has none of the connections that it asks for`);
  }
}

/** A server's: refuses calls whose path does not prove who sent them. After `updateToken`. */
export function authorizeServer(owners = new ConnectionOwners(), now: () => number = Date.now): ChainElement {
  const check = (connection: Connection, call: Call): string | undefined => {
    const { index, pathSegments } = connection.path ?? { index: 0, pathSegments: [] };
    checkTokens(pathSegments.slice(0, index + 1), { peer: call.peer, index: index - 1 }, now());
    return pathSegments[index - 1]?.id;
  };
  // Who knows a connection's id does not own it.
  const makers = new Map<string, { readonly spiffeId: string | undefined; readonly client: string | undefined }>();
  const checkClose = (connection: Connection, call: Call): string | undefined => {
    const id = check(connection, call);
    const maker = makers.get(connection.id);
    if (maker === undefined || maker.spiffeId === call.peer?.spiffeId) return id;
    throw new NsmError("DENIED", `this connection was made by ${maker.spiffeId ?? "nobody"}`);
  };
  return (next) => ({
    async request(request, call) {
      if (call.get(RESTORED) === true) return next.request(request, call);
      const id = check(request.connection!, call);
      const spiffeId = call.peer?.spiffeId;
      const client = clientOf(request.connection!);
      const ownId = request.connection!.id;
      const maker = makers.get(ownId);
      // Another hop may carry on the same client's connection: the one before has gone.
      if (maker !== undefined && maker.spiffeId !== spiffeId && maker.client !== client)
        throw new NsmError("DENIED", `this connection is of ${maker.client ?? maker.spiffeId ?? "nobody"}`);
      const connection = await next.request(request, call);
      makers.set(ownId, { spiffeId, client });
      if (spiffeId !== undefined && id !== undefined) owners.add(spiffeId, id);
      return connection;
    },
    async close(connection, call) {
      const isOwn = call.get(OWN_ACCORD) === true;
      const id = isOwn ? previousSegment(connection)?.id : refusing(() => checkClose(connection, call));
      makers.delete(connection.id);
      if (call.peer?.spiffeId !== undefined && id !== undefined) owners.delete(call.peer.spiffeId, id);
      await next.close(connection, call);
    },
  });
}

/** The SPIFFE ID of the path's first hop, by its token. */
function clientOf({ path }: Connection): string | undefined {
  return tokenClaims(path?.pathSegments[0]?.token ?? "")?.sub;
}

function refusing<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw RefusedError.of(error);
  }
}

const AUTHORIZED = new CallKey<true>("authorized before");

/** A client's: refuses an answer whose path does not prove who gave it, and closes what was made. */
export function authorizeClient(now: () => number = Date.now): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = await next.request(request, call);
      const store = storeOf(call);
      const { index, pathSegments } = connection.path ?? { index: 0, pathSegments: [] };
      try {
        checkTokens(pathSegments, { peer: store.get(CHANNEL)?.peer, index: index + 1 }, now());
      } catch (error) {
        if (store.get(AUTHORIZED) === undefined)
          await call.renewed(CLEAN_UP_MS, (own) => next.close(connection, own)).catch(() => undefined);
        throw error instanceof UnsignedError ? (store.get(CHANNEL)?.notSigned(error.message) ?? error) : error;
      }
      store.set(AUTHORIZED, true);
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}
