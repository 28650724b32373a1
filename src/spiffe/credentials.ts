import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { SpiffeError } from "./errors.ts";
import type { SpiffeId } from "./id.ts";
import type { Identity } from "./source.ts";
import { verifyPeer } from "./x509.ts";

/** Decides about a peer whose identity is proven. @throws refuses it */
export type PeerPolicy = (id: SpiffeId) => void;

const ANYBODY: PeerPolicy = () => undefined;
const HANDSHAKE_TIMEOUT_MS = 10_000;

type Connector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>;
type Target = Parameters<grpc.ChannelCredentials["_createSecureConnector"]>[0];
type CallCredentials = Parameters<grpc.ChannelCredentials["_createSecureConnector"]>[2];

/**
 * Mutual TLS with X.509-SVIDs for gRPC channels. Each connection uses the identity of its moment, so that rotation needs
 * nothing: connections live on, new ones use the new certificate.
 */
export class SpiffeChannelCredentials extends grpc.ChannelCredentials {
  readonly #identity: () => Identity;
  readonly #policy: PeerPolicy;

  /** @param identity called for each connection */
  constructor(identity: () => Identity, policy: PeerPolicy = ANYBODY) {
    super();
    this.#identity = identity;
    this.#policy = policy;
  }

  /** Whether a connection made now would use this certificate (DER) of ours. */
  isCurrent(certificate: Uint8Array): boolean {
    return this.#identity().svid.certificates[0]?.raw.equals(certificate) === true;
  }

  override compose(): grpc.ChannelCredentials {
    throw new TypeError("these credentials cannot be composed");
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: grpc.ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(
    _target: Target,
    _options: grpc.ChannelOptions,
    credentials: CallCredentials = grpc.CallCredentials.createEmpty(),
  ): Connector {
    return {
      connect: async (socket) => ({
        socket: await secureClient(socket, this.#identity(), this.#policy),
        secure: true,
      }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => credentials,
      destroy: () => undefined,
    };
  }
}

/** The client's side of a connection. @throws SpiffeError UNTRUSTED, UNAVAILABLE, what the policy throws */
export async function secureClient(
  socket: net.Socket,
  identity: Identity,
  policy: PeerPolicy = ANYBODY,
): Promise<tls.TLSSocket> {
  // Names are SPIFFE IDs, not hosts.
  const secured = tls.connect({ socket, ...tlsOptions(identity), checkServerIdentity: () => undefined });
  const timer = setTimeout(
    () => secured.destroy(new SpiffeError("UNAVAILABLE", "the TLS handshake took too long")),
    HANDSHAKE_TIMEOUT_MS,
  );
  try {
    await once(secured, "secureConnect");
  } catch (error) {
    secured.destroy();
    throw describe(error, secured);
  } finally {
    clearTimeout(timer);
  }
  return checked(secured, identity, policy);
}

/**
 * The server's side: a function that takes connections, each with the identity of its moment.
 * @throws (the function) SpiffeError UNTRUSTED, UNAVAILABLE, what the policy throws; the socket is destroyed then
 */
export function spiffeServer(
  identity: () => Identity,
  policy: PeerPolicy = ANYBODY,
): (socket: Duplex) => Promise<tls.TLSSocket> {
  return async (socket) => {
    const mine = identity();
    // One for each connection: its certificate is of this moment, and no session is resumed with an older one.
    const server = tls.createServer({
      ...tlsOptions(mine),
      requestCert: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    try {
      const accepted = new Promise<tls.TLSSocket>((resolve, reject) => {
        server.once("secureConnection", resolve);
        server.once("tlsClientError", (error, failed) => reject(describe(error, failed)));
      });
      server.emit("connection", socket);
      return checked(await accepted, mine, policy);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
}

/** OpenSSL checks the chain (against every bundle), this the trust domain. */
function checked(socket: tls.TLSSocket, { bundles }: Identity, policy: PeerPolicy): tls.TLSSocket {
  try {
    policy(verifyPeer(chainOf(socket), bundles));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The peer's certificates, leaf first; the authority that OpenSSL found may be the last. */
function chainOf(socket: tls.TLSSocket): X509Certificate[] {
  const chain = new Map<string, X509Certificate>();
  let certificate: Partial<tls.DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && !chain.has(certificate.fingerprint256!)) {
    chain.set(certificate.fingerprint256!, new X509Certificate(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return [...chain.values()];
}

function tlsOptions({ svid, bundles }: Identity) {
  const options = {
    key: svid.key.export({ format: "pem", type: "pkcs8" }),
    cert: svid.certificates.map((each) => each.toString()).join(""),
    ca: [...bundles.values()].flat().map((each) => each.toString()),
    // An authority of a bundle need not be self-signed. Node before 20.18 does not know it.
    allowPartialTrustChain: true,
    ALPNProtocols: ["h2"],
    minVersion: "TLSv1.2" as const,
    rejectUnauthorized: true,
  };
  return options;
}

/** What is wrong with a peer's certificate Node tells by the socket; its types say it is an Error. */
function describe(error: unknown, { authorizationError: why }: tls.TLSSocket): SpiffeError {
  if (error instanceof SpiffeError) return error;
  if (why) return new SpiffeError("UNTRUSTED", `TLS: the peer's certificate: ${String(why)}`, { cause: error });
  return new SpiffeError("UNAVAILABLE", `TLS: ${(error as Error).message}`, { cause: error });
}
